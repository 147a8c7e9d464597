"""Incidents: who of them waits, sealed; who is registered; who was refused, and by which rules."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.vault import SealedDossier, SealedSection, WrappedKey

Refusals = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIncident:
    """An incident about to be written. refused: by the person's place, from 1, what is wrong.

    persons: their sections are named by their places.
    """

    incident_id: UUID
    owner: str
    detected_on: date
    region: str | None
    cercle: str | None
    opened_at: datetime
    event_id: UUID
    trace: str | None
    persons: SealedDossier
    refused: Mapping[int, Refusals]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Some of one incident, locked: `key` is None when an older copy of the tables was restored."""

    incident_id: UUID
    owner: str
    event_id: UUID
    trace: str | None
    key: WrappedKey | None
    persons: Sequence[SealedSection]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of one person: her case, or the rules that her form breaks."""

    nth: int
    case_id: UUID | None = None
    refusals: Refusals | None = None


_COLUMNS = (
    "incident_id", "owner", "detected_on", "region", "cercle", "opened_at", "event_id", "trace"
)  # fmt: skip
_ADD = text(f"""
    insert into incidents ({", ".join(_COLUMNS)}) values (:{", :".join(_COLUMNS)})
""")  # noqa: S608 - constants of ours
_ADD_KEY = text("""
    insert into person_keys (case_id, kek_id, wrapped, created_at)
    values (:incident_id, :kek_id, :wrapped, :opened_at)
""")
_ADD_PERSONS = text("""
    insert into incident_persons (incident_id, nth, nonce, ciphertext, refusals)
    select :incident_id, nth, decode(nonce, 'base64'), decode(ciphertext, 'base64'), refusals
    from jsonb_to_recordset(cast(:rows as jsonb))
        as row (nth int, nonce text, ciphertext text, refusals jsonb)
""")
_NEXT = text("""
    select incident_id, owner, event_id, trace from incidents
    where done_at is null and exists (
        select from incident_persons
        where incident_persons.incident_id = incidents.incident_id
          and ciphertext is not null and due_at <= clock_timestamp())
    order by opened_at limit 1 for update skip locked
""")
# Whoever could not be stored with the others is tried alone, after them.
_PERSONS = text("""
    select nth, nonce, ciphertext, attempts from incident_persons
    where incident_id = :incident_id and ciphertext is not null and due_at <= clock_timestamp()
    order by attempts, nth limit :size
""")
_KEY = text("select kek_id, wrapped from person_keys where case_id = :incident_id")
_SETTLE = text("""
    update incident_persons
    set nonce = null, ciphertext = null, case_id = given.case_id, refusals = given.refusals
    from jsonb_to_recordset(cast(:rows as jsonb)) as given (nth int, case_id uuid, refusals jsonb)
    where incident_persons.incident_id = :incident_id and incident_persons.nth = given.nth
""")
_SET_BACK = text("""
    update incident_persons
    set attempts = attempts + 1,
        due_at = clock_timestamp() + least(power(2, attempts), 300) * interval '1 second'
    where incident_id = :incident_id and nth = any(:places)
""")
_END = text("""
    update incidents set done_at = clock_timestamp()
    where incident_id = :incident_id and not exists (
        select from incident_persons
        where incident_persons.incident_id = :incident_id and ciphertext is not null)
    returning (select count(distinct case_id) from incident_persons
               where incident_persons.incident_id = :incident_id)
""")
_DROP_KEY = text("delete from person_keys where case_id = :incident_id")
_OWN = text("""
    select incident_id, detected_on, region, cercle, opened_at, done_at from incidents
    where incident_id = :incident_id
""")
_OWN_PERSONS = text("""
    select nth, case_id, number, refusals
    from incident_persons left join cases using (case_id)
    where incident_id = :incident_id order by nth
""")
_LIST = text("""
    select incident_id, detected_on, region, cercle, opened_at, done_at from incidents
    order by opened_at desc limit 200
""")


async def save(connection: AsyncConnection, new: NewIncident) -> None:
    """Write the incident and everybody in it: who waits, sealed, and who was refused at once."""
    rows = [
        {
            "nth": int(one.section),
            "nonce": b64encode(one.nonce).decode(),
            "ciphertext": b64encode(one.ciphertext).decode(),
        }
        for one in new.persons.sections
    ]
    rows += [{"nth": nth, "refusals": list(why)} for nth, why in new.refused.items()]
    incident = {name: getattr(new, name) for name in _COLUMNS}
    key = {"incident_id": new.incident_id, "opened_at": new.opened_at, **new.persons.key._asdict()}
    await connection.execute(_ADD, incident)
    await connection.execute(_ADD_KEY, key)
    persons = {"incident_id": new.incident_id, "rows": json.dumps(rows)}
    await connection.execute(_ADD_PERSONS, persons)


async def waiting(connection: AsyncConnection, *, size: int) -> Waiting | None:
    """Up to `size` of the oldest incident that nobody else is at; one alone who was set back."""
    found = (await connection.execute(_NEXT)).first()
    if found is None:
        return None
    rows = (
        await connection.execute(_PERSONS, {"incident_id": found.incident_id, "size": size})
    ).all()
    together = [row for row in rows if row.attempts == 0] or rows[:1]
    key = (await connection.execute(_KEY, {"incident_id": found.incident_id})).first()
    return Waiting(
        **found._mapping,
        key=None if key is None else WrappedKey(key.kek_id, key.wrapped),
        persons=[
            SealedSection(
                section=str(row.nth), version=1, nonce=row.nonce, ciphertext=row.ciphertext
            )
            for row in together
        ],
    )


async def settle(
    connection: AsyncConnection, incident_id: UUID, settled: Sequence[Settled]
) -> int | None:
    """Write what became of these, and forget what was sealed; with the last, its key.

    With the last, how many of the incident are cases; None while somebody still waits.
    """
    rows = [
        {
            "nth": one.nth,
            "case_id": None if one.case_id is None else str(one.case_id),
            "refusals": None if one.refusals is None else list(one.refusals),
        }
        for one in settled
    ]
    given = {"incident_id": incident_id}
    await connection.execute(_SETTLE, given | {"rows": json.dumps(rows)})
    registered: int | None = await connection.scalar(_END, given)
    if registered is not None:
        await connection.execute(_DROP_KEY, given)
    return registered


async def set_back(connection: AsyncConnection, incident_id: UUID, places: Sequence[int]) -> None:
    """Try these again later, each by itself; after 1 s, then twice as long each time, up to 300 s."""
    await connection.execute(_SET_BACK, {"incident_id": incident_id, "places": list(places)})


async def own_incident(connection: AsyncConnection, incident_id: UUID) -> dict[str, Any] | None:
    """An incident of the reading organisation and everybody in it; None if it has none.

    A case that it does not own any more, or that was erased, has no number.
    """
    given = {"incident_id": incident_id}
    row = (await connection.execute(_OWN, given)).first()
    if row is None:
        return None
    persons = [dict(one._mapping) for one in await connection.execute(_OWN_PERSONS, given)]
    for one in persons:
        if isinstance(one["refusals"], str):
            one["refusals"] = json.loads(one["refusals"])
    return dict(row._mapping) | {"persons": persons}


async def own_incidents(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The 200 newest of the reading organisation."""
    return [dict(row._mapping) for row in await connection.execute(_LIST)]

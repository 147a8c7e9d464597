"""The same girl, registered by two officers who spell her differently, and what they say of her."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from tests.builders import coded_facts
from tests.intake.rooms import SHELTER, Case, Room
from tests.parts import until

POLICE, STRANGER = "POLICE_A", "COMMITTEE_C"
GIRL = {
    "full_name": "Fatoumata Binta COULIBALY",
    "birth_date": "2010-03-04",
    "mother_first_name": "Djeneba",
}
SPELT_OTHERWISE = {
    "full_name": "fatumata-binta KULUBALI",
    "birth_date": "vers 2010",
    "mother_first_name": "Jeneba",
}
SPELT_AGAIN = {**GIRL, "full_name": "Fatoumata Binta Kouloubaly"}
ANOTHER = {**GIRL, "full_name": "Aminata KEITA", "mother_first_name": "Sitan"}


@dataclass(frozen=True, slots=True)
class Twice:
    """The police registered her first, the shelter again."""

    room: Room
    first: Case
    second: Case
    pair_id: UUID


async def register(room: Room, identity: dict[str, str], code: str = POLICE, **facts: Any) -> Case:
    """A case of this organisation; who it is about is in the dossier."""
    body = coded_facts(**{"age_band": "15-17", "dossier": {"identity": identity}} | facts)
    answer = await room.desk.post(body, code=code)
    assert answer.status_code == 202, answer.text
    number = answer.json()["case_number"]
    rows = await room.site.rows("select case_id from intake.cases where number = :n", n=number)
    return Case(number, UUID(str(rows[0][0])))


async def registered_twice(room: Room, code: str = SHELTER, **facts: Any) -> Twice:
    """By the police and then by `code`; wait until that is found."""
    first = await register(room, GIRL, **facts)
    second = await register(room, SPELT_OTHERWISE, code, **facts)
    return Twice(room, first, second, await pair_of(room, first, second))


async def searched(room: Room) -> None:
    """Wait until nobody waits to be searched for."""

    async def is_done() -> bool:
        return await room.desk.count("new_fingerprints") == 0

    await until(is_done)


async def pair_of(room: Room, one: Case, other: Case) -> UUID:
    """The pair that these two make, once it is found."""
    await searched(room)
    ((pair_id,),) = await room.site.rows(
        "select pair_id from intake.duplicates"
        " where earlier in (:one, :other) and later in (:one, :other)",
        one=one.id,
        other=other.id,
    )
    return UUID(str(pair_id))


async def listed(room: Room, code: str, state: str = "open") -> list[dict[str, Any]]:
    """What an organisation is shown."""
    answer = await room.desk.get(f"/duplicates?state={state}", code)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["duplicates"]
    return found


async def says(room: Room, pair_id: UUID, code: str, *, yes: bool) -> httpx.Response:
    """One organisation's word."""
    return await room.desk.client.put(
        f"/intake/duplicates/{pair_id}/decision",
        json={"same_person": yes},
        headers={"Authorization": f"Bearer {room.desk.token(code)}"},
    )


async def merged(room: Room, pair_id: UUID, *codes: str) -> None:
    """All of these say yes, and that is enough."""
    answers = [await says(room, pair_id, code, yes=True) for code in codes]
    assert answers[-1].json() == {"pair_id": str(pair_id), "state": "merged"}, answers[-1].text


async def unmerged(room: Room, pair_id: UUID, code: str) -> httpx.Response:
    """One organisation undoes it."""
    return await room.post(f"/duplicates/{pair_id}/unmerge", {}, code)


async def owners(room: Room, *cases: Case) -> list[str]:
    """Who owns each of these."""
    rows = dict(await room.site.rows("select cast(case_id as text), owner from intake.cases"))
    return [rows[str(case.id)] for case in cases]


async def told(room: Room) -> list[tuple[str, UUID, dict[str, Any]]]:
    """(name, case, body) of every merge and unmerge on INTAKE, in order."""
    rows = await room.site.rows(
        "select name, cast(subject as uuid), cast(convert_from(body, 'UTF8') as jsonb)"
        " from intake.outbox where name in ('case.merged', 'case.unmerged') order by position"
    )
    return [(name, UUID(str(subject)), body) for name, subject, body in rows]

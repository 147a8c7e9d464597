"""Cases, their dossiers and the answers already given."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json
from chassis.outbox import Outgoing, as_row, insert_from
from services.intake.vault import SealedDossier


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A case about to be written, with the key it came under and the message that tells of it."""

    organisation: str
    key: str
    digest: bytes
    answer: dict[str, Any]
    case_id: UUID
    number: str
    registered_at: datetime
    dossier: SealedDossier
    fingerprints: Sequence[bytes]
    message: Outgoing


# One statement, and so one round trip and one commit, for all cases that wait (perf §0, 4): a key
# that is known claims nothing, and what claims nothing writes nothing. The facts are the event's
# body, so that what we keep and what we say cannot differ.
_SAVE = text(f"""
    with given as (
        select * from jsonb_to_recordset(cast(:rows as jsonb)) as row (
            nth int, organisation text, key text, digest text, answer jsonb, case_id uuid,
            number text, registered_at timestamptz, kek_id text, wrapped text, dossier jsonb,
            fingerprints jsonb, message jsonb)
    ), claimed as (
        insert into idempotency (organisation, key, digest, answer)
        select organisation, key, decode(digest, 'hex'), answer from given
        order by organisation, key
        on conflict do nothing
        returning organisation, key
    ), fresh as (
        select given.* from given join claimed using (organisation, key)
    ), saved as (
        insert into cases (case_id, number, owner, registered_at, facts)
        select case_id, number, organisation, registered_at, (message->>'body')::jsonb from fresh
    ), keyed as (
        insert into person_keys (case_id, kek_id, wrapped, created_at)
        select case_id, kek_id, decode(wrapped, 'base64'), registered_at from fresh
    ), kept as (
        insert into dossiers (case_id, section, version, nonce, ciphertext)
        select case_id, part->>'section', (part->>'version')::int,
               decode(part->>'nonce', 'base64'), decode(part->>'ciphertext', 'base64')
        from fresh, jsonb_array_elements(dossier) as part
    ), printed as (
        insert into new_fingerprints (case_id, tokens)
        select case_id, array(select decode(token, 'hex')
                              from jsonb_array_elements_text(fingerprints) as token)
        from fresh where fingerprints <> '[]'
    ), queued as ({insert_from("fresh")})
    select organisation, key from claimed
""")  # noqa: S608 - constants of ours
_CLAIM = text("""
    insert into idempotency (organisation, key, digest, answer)
    values (:organisation, :key, :digest, cast(:answer as jsonb))
    on conflict do nothing
""")
_ANSWER = text("""
    select digest, answer from idempotency where organisation = :organisation and key = :key
""")
_OWN = text("""
    select one.case_id, one.number, one.registered_at,
           one.facts || coalesce(one.heeded, '{}') as facts, above.number as merged_into,
           one.closed_at, one.closure
    from cases as one left join cases as above on above.case_id = one.merged_into
    where one.number = :number
""")
_MERGED = text("""
    with recursive below as (
        select case_id, number from cases where merged_into = :case_id
        union
        select cases.case_id, cases.number from cases join below on merged_into = below.case_id
    )
    select case_id, number from below order by number
""")
_STEPS = text("""
    select referral_id, organisation, service, step, at, reason from steps
    where case_id = any(cast(:cases as uuid[])) order by at
""")
_UNPLACED = text("""
    select service, unplaced.reason, unplaced_id, at from unplaced join cases using (case_id)
    where case_id = any(cast(:cases as uuid[])) and closed_at is null order by service
""")
_FILES = text("""
    select organisation, state, "on", next_hearing_on from files
    where case_id = any(cast(:cases as uuid[])) order by "on", organisation
""")
_THREATS = text("""
    select organisation, threat, threat_source, urgency, "on", at from threats
    where case_id = any(cast(:cases as uuid[])) order by at desc
""")
_KIND = text("""
    select kind from organisations where code = current_setting('siraba.org', true)
""")
_LIST = text("""
    select number, registered_at, closed_at from cases where number is not null
    order by registered_at desc limit 200
""")
_LATELY = text("""
    select number, registered_at from cases where number is not null and registered_at > :since
    order by registered_at desc limit 10
""")


async def save(connection: AsyncConnection, new: Sequence[NewCase]) -> set[tuple[str, str]]:
    """Write the cases whose (organisation, key) is new, and say which those are.

    No key may occur twice in `new`. A parallel use of the same key waits for the first to commit.
    """
    rows = [_row(nth, case) for nth, case in enumerate(new)]
    found = await connection.execute(_SAVE, {"rows": as_json(rows)})
    return {(row.organisation, row.key) for row in found}


async def claim(
    connection: AsyncConnection,
    key: tuple[str, str],
    *,
    digest: bytes,
    answer: dict[str, Any],
) -> bool:
    """Take a key, (organisation, key), for what is no single case; False if it has been used.

    A parallel use of the same key waits for the first to commit.
    """
    organisation, name = key
    given = {
        "organisation": organisation,
        "key": name,
        "digest": digest,
        "answer": json.dumps(answer),
    }
    return (await connection.execute(_CLAIM, given)).rowcount > 0


async def answer_of(
    connection: AsyncConnection, *, organisation: str, key: str
) -> tuple[bytes, dict[str, Any]]:
    """(digest of the body, answer) that this key got."""
    found = await connection.execute(_ANSWER, {"organisation": organisation, "key": key})
    row = found.one()
    return row.digest, _loaded(row.answer)


async def own_case(connection: AsyncConnection, number: str) -> dict[str, Any] | None:
    """A case of the reading organisation and the steps of its referrals; None if it has none.

    With the steps of what is merged into it: that is the same person, and the same owner's.
    """
    row = (await connection.execute(_OWN, {"number": number})).first()
    if row is None:
        return None
    below = (await connection.execute(_MERGED, {"case_id": row.case_id})).all()
    cases = {"cases": [row.case_id, *(one.case_id for one in below)]}
    steps = await connection.execute(_STEPS, cases)
    unplaced = await connection.execute(_UNPLACED, cases)
    files = await connection.execute(_FILES, cases)
    threats = await connection.execute(_THREATS, cases)
    return {
        "case_id": row.case_id,
        "number": row.number,
        "registered_at": row.registered_at,
        "facts": (facts := _loaded(row.facts)),
        "incident_id": facts.get("incident_id"),
        "merged_into": row.merged_into,
        "closed_at": row.closed_at,
        "closure": row.closure,
        "merged": [one.number for one in below],
        "merged_ids": [one.case_id for one in below],
        "steps": [dict(step._mapping) for step in steps],
        "unplaced": [dict(one._mapping) for one in unplaced],
        "proceedings": [dict(one._mapping) for one in files],
        "threats": [dict(one._mapping) for one in threats],
        "owner_kind": (await connection.execute(_KIND)).scalar_one_or_none() or "",
    }


async def own_cases(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The 200 newest cases of the reading organisation."""
    return [dict(row._mapping) for row in await connection.execute(_LIST)]


async def sent_lately(connection: AsyncConnection, *, since: datetime) -> list[dict[str, Any]]:
    """The ten newest cases of the reading organisation since a moment: number and when."""
    return [dict(row._mapping) for row in await connection.execute(_LATELY, {"since": since})]


def _row(nth: int, case: NewCase) -> dict[str, Any]:
    return {
        "nth": nth,
        "organisation": case.organisation,
        "key": case.key,
        "digest": case.digest.hex(),
        "answer": case.answer,
        "case_id": str(case.case_id),
        "number": case.number,
        "registered_at": case.registered_at.isoformat(),
        "kek_id": case.dossier.key.kek_id,
        "wrapped": b64encode(case.dossier.key.wrapped).decode(),
        "dossier": [
            {
                "section": one.section,
                "version": one.version,
                "nonce": b64encode(one.nonce).decode(),
                "ciphertext": b64encode(one.ciphertext).decode(),
            }
            for one in case.dossier.sections
        ],
        "fingerprints": [token.hex() for token in case.fingerprints],
        "message": as_row(case.message),
    }


def _loaded(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded

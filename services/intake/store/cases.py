"""Cases, their dossiers and the answers already given."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.vault import Sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A case about to be written."""

    case_id: UUID
    number: str
    owner: str
    registered_at: datetime
    facts: dict[str, Any]
    dossier: Sequence[Sealed]


# One statement for a case and its dossier: each round trip costs more than the rows (perf §3).
_SAVE = text("""
    with saved as (
        insert into cases (case_id, number, owner, registered_at, facts)
        values (:case_id, :number, :owner, :registered_at, cast(:facts as jsonb))
    )
    insert into dossiers (case_id, section, version, nonce, ciphertext)
    select :case_id, section, version, nonce, ciphertext
    from unnest(cast(:sections as text[]), cast(:versions as int[]), cast(:nonces as bytea[]),
                cast(:ciphertexts as bytea[])) as given(section, version, nonce, ciphertext)
""")
_CLAIM = text("""
    insert into idempotency (organisation, key, digest, answer)
    values (:organisation, :key, :digest, cast(:answer as jsonb))
    on conflict do nothing returning true
""")
_ANSWER = text("""
    select digest, answer from idempotency where organisation = :organisation and key = :key
""")
_OWN = text("""
    select number, registered_at, facts from cases where number = :number
""")
_STEPS = text("""
    select referral_id, organisation, service, step, at, reason from steps
    join cases using (case_id) where cases.number = :number order by at
""")
_UNPLACED = text("""
    select service, unplaced.reason, at from unplaced
    join cases using (case_id) where cases.number = :number order by service
""")
_LIST = text("""
    select number, registered_at from cases order by registered_at desc limit 200
""")


async def save(connection: AsyncConnection, case: NewCase) -> None:
    """Insert a case with its dossier."""
    await connection.execute(
        _SAVE,
        {
            "case_id": case.case_id,
            "number": case.number,
            "owner": case.owner,
            "registered_at": case.registered_at,
            "facts": json.dumps(case.facts),
            "sections": [one.section for one in case.dossier],
            "versions": [one.version for one in case.dossier],
            "nonces": [one.nonce for one in case.dossier],
            "ciphertexts": [one.ciphertext for one in case.dossier],
        },
    )


async def claim_key(
    connection: AsyncConnection,
    *,
    organisation: str,
    key: str,
    digest: bytes,
    answer: dict[str, Any],
) -> bool:
    """True when the key is new; a parallel use of the same key waits for the first to commit."""
    claimed = await connection.scalar(
        _CLAIM,
        {
            "organisation": organisation,
            "key": key,
            "digest": digest,
            "answer": json.dumps(answer),
        },
    )
    return claimed is True


async def answer_of(
    connection: AsyncConnection, *, organisation: str, key: str
) -> tuple[bytes, dict[str, Any]]:
    """(digest of the body, answer) that this key got."""
    found = await connection.execute(_ANSWER, {"organisation": organisation, "key": key})
    row = found.one()
    return row.digest, _loaded(row.answer)


async def own_case(connection: AsyncConnection, number: str) -> dict[str, Any] | None:
    """A case of the reading organisation, with the steps of its referrals; None if it has none."""
    row = (await connection.execute(_OWN, {"number": number})).first()
    if row is None:
        return None
    steps = await connection.execute(_STEPS, {"number": number})
    unplaced = await connection.execute(_UNPLACED, {"number": number})
    return {
        "number": row.number,
        "registered_at": row.registered_at,
        "facts": _loaded(row.facts),
        "steps": [dict(step._mapping) for step in steps],
        "unplaced": [dict(one._mapping) for one in unplaced],
    }


async def own_cases(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The 200 newest cases of the reading organisation."""
    return [dict(row._mapping) for row in await connection.execute(_LIST)]


def _loaded(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded

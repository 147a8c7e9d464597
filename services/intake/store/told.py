"""Whom a case was told to and who looked: what its owner, and an operator, is shown of it later."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What was open at some moment of it: from `since`, before `before`."""

    since: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    before: datetime = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """One disclosure. asked_to_erase: when its withdrawal was told; erased_at: when it was confirmed."""

    receipt_id: UUID
    case_id: UUID
    referral_id: UUID
    organisation: str
    service: str
    form: str
    ground: str | None
    policy_version: str
    fields: Sequence[str]
    released_at: datetime
    ended_at: datetime | None
    asked_to_erase: datetime | None
    erased_at: datetime | None


# From the moment it was released to the moment it ended.
_DISCLOSED = text("""
    select receipt_id, disclosures.case_id, disclosures.referral_id, disclosures.organisation,
           service, form, ground, policy_version, fields, released_at, ended_at,
           told_at as asked_to_erase, acknowledged_at as erased_at
    from disclosures left join withdrawals
        on withdrawal_id = ended_by and withdrawals.referral_id = disclosures.referral_id
    where disclosures.case_id = any(cast(:cases as uuid[])) and released_at < :before
      and coalesce(ended_at >= :since, true)
    order by released_at, receipt_id
""")
# A look at a desk belongs to its referral.
_LOOKS = text("""
    select referral_id, role, opened_at from openings
    where case_id = any(cast(:cases as uuid[])) and opened_at < :before order by opened_at
""")
_EXCEPTED = text("""
    select organisation, role, reason, groups, until, until > clock_timestamp() as is_open
    from exceptions
    where case_id = any(cast(:cases as uuid[])) and until is not null order by until
""")
_ASKED_TO_OWN = text("""
    select to_owner as organisation, ground, offered_at from transfers
    where case_id = any(cast(:cases as uuid[]))
      and to_owner <> current_setting('siraba.org', true)
    order by offered_at
""")


async def disclosed(
    connection: AsyncConnection, cases: Collection[UUID], *, during: Period | None = None
) -> list[Disclosed]:
    """Every disclosure of these cases that stood at some moment of the period; else all there were."""
    found = await connection.execute(_DISCLOSED, _asked(cases, during))
    return [Disclosed(**row._mapping) for row in found]


async def looks(
    connection: AsyncConnection, cases: Collection[UUID], *, during: Period | None = None
) -> dict[UUID, list[dict[str, Any]]]:
    """Referral → each time that a dossier was opened by it before the period's end: role, moment."""
    said = _asked(cases, during)
    del said["since"]
    opened: dict[UUID, list[dict[str, Any]]] = {}
    for row in await connection.execute(_LOOKS, said):
        opened.setdefault(row.referral_id, []).append(dict(row._mapping))
    return opened


async def excepted(connection: AsyncConnection, cases: Collection[UUID]) -> list[dict[str, Any]]:
    """To whom two persons opened the reading owner's dossier without being asked by it."""
    return await _rows(connection, _EXCEPTED, cases)


async def asked_to_own(
    connection: AsyncConnection, cases: Collection[UUID]
) -> list[dict[str, Any]]:
    """Whom the reading owner asked to take these cases over."""
    return await _rows(connection, _ASKED_TO_OWN, cases)


async def _rows(
    connection: AsyncConnection, query: Any, cases: Collection[UUID]
) -> list[dict[str, Any]]:
    found = await connection.execute(query, {"cases": list(cases)})
    return [dict(row._mapping) for row in found]


def _asked(cases: Collection[UUID], during: Period | None) -> dict[str, Any]:
    period = during or Period()
    return {"cases": list(cases), "since": period.since, "before": period.before}

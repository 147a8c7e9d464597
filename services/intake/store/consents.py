"""What was decided about a case, to whom that is told, and who has confirmed that it heard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.intake import CodedCase, Consent, Line, read_line
from contracts.policy import Record
from contracts.policy.consent import moment_after


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A case as the policy judges it. decided: (moment, line) of what came after registration."""

    case_id: UUID
    owner: str
    owner_kind: str
    facts: CodedCase
    registered_at: datetime
    decided: tuple[tuple[datetime, Line], ...]
    is_erased: bool = False
    is_closed: bool = False

    @property
    def record(self) -> Record:
        """Everything that was ever decided."""
        return self.facts.record(self.registered_at, self.decided)

    def judged(self, at: datetime) -> datetime:
        """The moment to judge it at: another clock may be ahead, and what is recorded was said."""
        return max(at, self.registered_at, *(when for when, _ in self.decided))

    def decides(self, now: datetime) -> datetime:
        """When what is decided now counts as said; no clock makes it earlier than what was before."""
        return moment_after((self.registered_at, *(when for when, _ in self.decided)), now)

    @property
    def lines(self) -> tuple[Consent, ...]:
        """Every line about consent in the order in which it was said."""
        later = (line for _, line in self.decided if isinstance(line, Consent))
        return (*self.facts.consent, *later)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A recipient that has to confirm a withdrawal."""

    withdrawal_id: UUID
    referral_id: UUID
    case_id: UUID
    organisation: str


_OWN = text("select case_id from cases where number = :number and owner = :owner")
# Whoever decides about a case, or discloses it, takes its row first: so they never miss each other.
_LOCK = text("""
    select case_id, owner, coalesce(organisations.kind, '') as owner_kind,
           (facts || coalesce(heeded, '{}'))::text as facts, registered_at,
           number is null as is_erased, closed_at is not null as is_closed
    from cases left join organisations on code = owner
    where case_id = any(cast(:cases as uuid[]))
    order by case_id for update of cases
""")
_READ = text(_LOCK.text.replace("for update of cases", ""))
_DECIDED = text("""
    select case_id, at, organisation, recipient_kind, purpose, state, by, ground from consents
    where case_id = any(cast(:cases as uuid[])) order by at, decision_id
""")
_ADD = text("""
    insert into consents (decision_id, case_id, at, organisation, recipient_kind, purpose, state,
                          by, ground, recorded_by)
    values (:decision_id, :case_id, :at, :organisation, :recipient_kind, :purpose, :state, :by,
            :ground, :recorded_by)
""")
_LIST = text("""
    select decision_id, consents.at, organisation, recipient_kind, purpose, state, by, ground,
           recorded_by
    from consents join cases using (case_id) where number = :number order by consents.at
""")
_REGISTERED = text("select case_id, facts::text, registered_at from cases where number = :number")
_TELL = text("""
    insert into withdrawals (withdrawal_id, referral_id, case_id, organisation)
    values (:withdrawal_id, :referral_id, :case_id, :organisation)
""")
_ACKNOWLEDGE = text("""
    update withdrawals set acknowledged_at = clock_timestamp()
    where withdrawal_id = :withdrawal_id and referral_id = :referral_id
      and organisation = :organisation and acknowledged_at is null
    returning case_id
""")
_TOLD = text("""
    select case_id from withdrawals where withdrawal_id = :withdrawal_id
        and referral_id = :referral_id and organisation = :organisation
""")
_UNCONFIRMED = text("""
    select withdrawal_id from withdrawals
    where referral_id = :referral_id and acknowledged_at is null order by told_at
""")
_UNCONFIRMED_BY = text("""
    select withdrawal_id, referral_id, told_at from withdrawals
    where organisation = :organisation and acknowledged_at is null order by told_at limit 200
""")
_OPEN = text("""
    select number, organisation, referral_id, withdrawal_id, told_at,
           extract(epoch from clock_timestamp() - told_at) as age_seconds
    from withdrawals join cases using (case_id)
    where acknowledged_at is null and number is not null order by told_at limit 1000
""")


async def own_case(connection: AsyncConnection, number: str, *, owner: str) -> UUID | None:
    """The case with this number, if it is this organisation's."""
    found: UUID | None = await connection.scalar(_OWN, {"number": number, "owner": owner})
    return found


async def files(
    connection: AsyncConnection, cases: Collection[UUID], *, lock: bool = True
) -> dict[UUID, CaseFile]:
    """These cases with all that was decided; locked, unless nothing will be written by it."""
    given = {"cases": list(cases)}
    rows = list(await connection.execute(_LOCK if lock else _READ, given))
    decided: dict[UUID, list[tuple[datetime, Line]]] = {}
    for row in await connection.execute(_DECIDED, given):
        line = read_line(dict(row._mapping))
        decided.setdefault(row.case_id, []).append((row.at, line))
    return {
        row.case_id: CaseFile(
            case_id=row.case_id,
            owner=row.owner,
            owner_kind=row.owner_kind,
            facts=CodedCase.model_validate_json(row.facts),
            registered_at=row.registered_at,
            decided=tuple(decided.get(row.case_id, ())),
            is_erased=row.is_erased,
            is_closed=row.is_closed,
        )
        for row in rows
    }


async def add_decision(
    connection: AsyncConnection,
    line: Line,
    *,
    decision_id: UUID,
    case_id: UUID,
    at: datetime,
    recorded_by: str,
) -> None:
    """Put one decision on record."""
    said = {"decision_id": decision_id, "case_id": case_id, "at": at, "recorded_by": recorded_by}
    kind = dict.fromkeys(("state", "by", "ground"))
    await connection.execute(_ADD, kind | line.model_dump() | said)


async def listed(
    connection: AsyncConnection, number: str
) -> tuple[UUID, list[dict[str, Any]]] | None:
    """(case, every line of both kinds with its moment), of a case of the reading organisation."""
    row = (await connection.execute(_REGISTERED, {"number": number})).first()
    if row is None:
        return None
    facts = CodedCase.model_validate_json(row.facts)
    first = [
        {**line.model_dump(), "at": row.registered_at, "decision_id": None}
        for line in (*facts.consent, *facts.grounds)
    ]
    later = [dict(one._mapping) for one in await connection.execute(_LIST, {"number": number})]
    return row.case_id, [*first, *later]


async def tell(connection: AsyncConnection, told: Sequence[Told]) -> None:
    """Remember who has to confirm."""
    if told:
        rows = [{name: getattr(one, name) for name in Told.__slots__} for one in told]
        await connection.execute(_TELL, rows)


async def acknowledge(connection: AsyncConnection, told: dict[str, Any]) -> UUID | None:
    """The case whose withdrawal this organisation confirms for the first time, or None."""
    found: UUID | None = await connection.scalar(_ACKNOWLEDGE, told)
    return found


async def told_case(connection: AsyncConnection, told: dict[str, Any]) -> UUID | None:
    """The case of a withdrawal that this organisation was told, confirmed or not."""
    found: UUID | None = await connection.scalar(_TOLD, told)
    return found


async def unconfirmed(connection: AsyncConnection, referral_id: UUID) -> tuple[UUID, ...]:
    """Withdrawals that the recipient of this referral has yet to confirm."""
    found = await connection.execute(_UNCONFIRMED, {"referral_id": referral_id})
    return tuple(row.withdrawal_id for row in found)


async def unconfirmed_by(
    connection: AsyncConnection, organisation: str
) -> list[tuple[UUID, UUID, datetime]]:
    """(withdrawal, referral, told at) that this organisation has yet to confirm; the oldest 200."""
    found = await connection.execute(_UNCONFIRMED_BY, {"organisation": organisation})
    return [(row.withdrawal_id, row.referral_id, row.told_at) for row in found]


async def open_acknowledgements(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The 1,000 oldest that are open, of the cases that the reader sees."""
    return [dict(row._mapping) for row in await connection.execute(_OPEN)]

"""Cases as referral knows them, and the rows of every referral."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import as_json
from contracts.intake import Line, read_line


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCase:
    """What referral keeps of a case: the body of `case.registered`, and what was decided since."""

    case_id: UUID
    owner: str
    facts: dict[str, Any]
    recorded_at: datetime
    decided: tuple[tuple[datetime, Line], ...] = ()
    is_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One service asked of one organisation."""

    referral_id: UUID
    case_id: UUID
    owner: str
    organisation: str
    organisation_kind: str
    service: str
    urgency: str
    ground: str
    rank: int
    state: str


_SAVE_CASES = text("""
    insert into cases (case_id, owner, facts, recorded_at)
    select (row->>'case_id')::uuid, row->>'owner', row->'facts', (row->>'recorded_at')::timestamptz
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
""")
_SAVE_REFERRALS = text("""
    insert into referrals (referral_id, case_id, owner, organisation, organisation_kind, service,
                           urgency, ground, rank, state)
    select (row->>'referral_id')::uuid, (row->>'case_id')::uuid, row->>'owner',
           row->>'organisation', row->>'organisation_kind', row->>'service', row->>'urgency',
           row->>'ground', (row->>'rank')::int, row->>'state'
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
""")
_MOVE = text("""
    update referrals set state = given.state, changed_at = clock_timestamp(),
        started_at = case given.state when 'started' then clock_timestamp() else started_at end,
        ended_at = case when given.state in ('delivered', 'not_delivered', 'withdrawn')
                   then clock_timestamp()
                   else ended_at end
    from unnest(cast(:ids as uuid[]), cast(:states as text[])) as given(id, state)
    where referral_id = given.id
""")
_COLUMNS = """referral_id, case_id, owner, organisation, organisation_kind, service, urgency,
              ground, rank, state"""
# Always in the order of the id, or two batches could lock each other out.
_LOCK = text(f"""
    select {_COLUMNS} from referrals where referral_id = any(cast(:ids as uuid[]))
    order by referral_id for update
""")  # noqa: S608 - a constant of ours
_PARTIES = text("""
    select referral_id, case_id, organisation, owner from referrals
    where referral_id = any(cast(:ids as uuid[]))
""")
_OF_ORGANISATION = text(f"""
    select {_COLUMNS} from referrals where organisation = :code and state = any(:states)
    order by offered_at, referral_id
""")  # noqa: S608 - a constant of ours
_OF_CASES = text(f"""
    select {_COLUMNS} from referrals where case_id = any(cast(:ids as uuid[]))
""")  # noqa: S608 - a constant of ours
# Two questions: as one, with a limit, PostgreSQL walks through all referrals to find that there are none.
_SUSPENDED = text("select code from organisations where is_suspended")
_OF_THESE = text("""
    select referral_id from referrals where organisation = any(:codes) and state = any(:states)
    limit :room
""")
# What was asked before the case was reopened is over, and so is what she had said no to.
_ASKED = text(f"""
    select {", ".join(f"one.{name.strip()}" for name in _COLUMNS.split(","))}
    from referrals as one join cases using (case_id)
    where case_id = any(cast(:ids as uuid[])) and offered_at >= asked_since and not lost_ground
    order by offered_at, referral_id
""")  # noqa: S608 - a constant of ours
# Whoever is threatened in one of her cases is at high risk in each of them, while they are merged; the
# instructions in one order, and each once.
_CASES = text("""
    select case_id, owner, facts || coalesce(heeded.said, '{}') as facts, recorded_at, decided,
           is_closed
    from cases left join lateral (
        select jsonb_build_object('risk', 'high', 'safety',
                   coalesce(jsonb_agg(distinct word) filter (where word is not null), '[]')) as said
        from cases as other
        left join lateral jsonb_array_elements(
            other.warned || coalesce(cases.facts->'safety', '[]')) as words(word) on true
        where other.warned is not null
          and coalesce(other.merged_into, other.case_id)
              = coalesce(cases.merged_into, cases.case_id)
        having count(*) > 0
    ) as heeded on true
    where case_id = any(cast(:ids as uuid[]))
""")
# As whoever writes a referral of it does anyway, but before it is asked whether the case is open.
_ASK = text("""
    select from cases where case_id = any(cast(:ids as uuid[])) order by case_id for key share
""")
_CASES_WITH = text("""
    select case_id from cases where owner = :code
    union select case_id from referrals where organisation = :code
""")
_DECIDE = text("""
    update cases set decided = decided || cast(:lines as jsonb) where case_id = :case_id
""")
_CHANGED = text("""
    select case_id from cases where case_id = any(cast(:ids as uuid[])) and decided <> '[]'
""")
_HAND_OVER = tuple(
    text(f"""
        update {table} set owner = given.owner
        from unnest(cast(:ids as uuid[]), cast(:owners as text[])) as given(id, owner)
        where {table}.case_id = given.id
    """)  # noqa: S608 - tables of ours
    for table in ("referrals", "unplaced", "routings", "group_cases", "cases")
)
# A plan goes with the last of its cases; who sends it must be able to ask for each.
_HAND_OVER_PLANS = text("""
    update groups set owner = whole.owner
    from (select incident_id, min(owner) as owner, count(*) as persons from group_cases
          where incident_id in (select incident_id from group_cases
                                where case_id = any(cast(:ids as uuid[])))
          group by incident_id having min(owner) = max(owner)) as whole
    where groups.incident_id = whole.incident_id and state <> 'sent'
      and (state = 'planned' or whole.persons >= groups.persons)
""")
_OWN = text(f"""
    select {_COLUMNS}, offered_at, changed_at from referrals
    where organisation = :organisation order by offered_at desc limit 200
""")  # noqa: S608 - a constant of ours


async def save_cases(connection: AsyncConnection, cases: Iterable[KnownCase]) -> None:
    """Remember new cases."""
    rows = [
        {
            "case_id": case.case_id,
            "owner": case.owner,
            "facts": case.facts,
            "recorded_at": case.recorded_at,
        }
        for case in cases
    ]
    await connection.execute(_SAVE_CASES, {"rows": as_json(rows)})


async def save_referrals(connection: AsyncConnection, referrals: Sequence[Referral]) -> None:
    """Insert new referrals."""
    if referrals:
        rows = [{name: getattr(one, name) for name in Referral.__slots__} for one in referrals]
        await connection.execute(_SAVE_REFERRALS, {"rows": as_json(rows)})


async def move(connection: AsyncConnection, moved: Sequence[Referral]) -> None:
    """Write the new states."""
    if moved:
        await connection.execute(
            _MOVE,
            {
                "ids": [one.referral_id for one in moved],
                "states": [one.state for one in moved],
            },
        )


async def lock(connection: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Referral]:
    """These referrals, as far as they exist, locked."""
    found = await connection.execute(_LOCK, {"ids": list(ids)})
    return {row.referral_id: Referral(**row._mapping) for row in found}


async def had_by(
    connection: AsyncConnection, named: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], UUID]:
    """(referral, organisation) → case, where it was made to that organisation or is of its case."""
    found = await connection.execute(_PARTIES, {"ids": list({one for one, _ in named})})
    cases = {
        (row.referral_id, organisation): row.case_id
        for row in found
        for organisation in (row.organisation, row.owner)
    }
    return {one: cases[one] for one in named if one in cases}


async def of_organisation(
    connection: AsyncConnection, code: str, *, states: Iterable[str]
) -> list[Referral]:
    """Every referral that was made to it and is in one of these states, the oldest first."""
    found = await connection.execute(_OF_ORGANISATION, {"code": code, "states": list(states)})
    return [Referral(**row._mapping) for row in found]


async def of_suspended(
    connection: AsyncConnection, *, states: Iterable[str], room: int
) -> list[UUID]:
    """Referrals in one of these states that were made to organisations which take no part now."""
    codes = list(await connection.scalars(_SUSPENDED))
    if not codes:
        return []
    given = {"codes": codes, "states": list(states), "room": room}
    return list(await connection.scalars(_OF_THESE, given))


async def of_cases(connection: AsyncConnection, cases: Iterable[UUID]) -> list[Referral]:
    """Every referral of these cases."""
    found = await connection.execute(_OF_CASES, {"ids": list(cases)})
    return [Referral(**row._mapping) for row in found]


async def cases_with(connection: AsyncConnection, organisation: str) -> list[UUID]:
    """The cases that an organisation owns, or of which a referral was made to it."""
    found = await connection.execute(_CASES_WITH, {"code": organisation})
    return [row.case_id for row in found]


async def asked_for(connection: AsyncConnection, cases: Iterable[UUID]) -> list[Referral]:
    """What was asked for these cases and bars whom it was asked of, the oldest first."""
    found = await connection.execute(_ASKED, {"ids": list(cases)})
    return [Referral(**row._mapping) for row in found]


async def known_cases(
    connection: AsyncConnection, cases: Iterable[UUID], *, is_asking: bool = False
) -> dict[UUID, KnownCase]:
    """These cases. is_asking: none of them is closed before this transaction ends."""
    given = {"ids": list(cases)}
    if is_asking:
        await connection.execute(_ASK, given)
    found = await connection.execute(_CASES, given)
    return {
        row.case_id: KnownCase(
            case_id=row.case_id,
            owner=row.owner,
            facts=_loaded(row.facts),
            recorded_at=row.recorded_at,
            decided=tuple(
                (datetime.fromisoformat(one["at"]), read_line(one["line"]))
                for one in _loaded(row.decided)
            ),
            is_closed=row.is_closed,
        )
        for row in found
    }


async def decide(
    connection: AsyncConnection, case_id: UUID, lines: Sequence[tuple[datetime, Line]]
) -> None:
    """Add what was decided about a case, with when its event was recorded."""
    said = [{"at": at.isoformat(), "line": line.model_dump()} for at, line in lines]
    await connection.execute(_DECIDE, {"case_id": case_id, "lines": json.dumps(said)})


async def hand_over(connection: AsyncConnection, owners: Mapping[UUID, str]) -> None:
    """These cases, and with them what is told of their referrals, have other owners from now on."""
    given = {"ids": list(owners), "owners": list(owners.values())}
    for statement in _HAND_OVER:
        await connection.execute(statement, given)
    await connection.execute(_HAND_OVER_PLANS, {"ids": given["ids"]})


async def with_decisions(connection: AsyncConnection, cases: Iterable[UUID]) -> list[UUID]:
    """Those of these cases about which something was decided after registration."""
    found = await connection.execute(_CHANGED, {"ids": list(cases)})
    return [row.case_id for row in found]


async def own(connection: AsyncConnection, organisation: str) -> list[dict[str, Any]]:
    """The 200 newest referrals offered to this organisation, as its API shows them."""
    found = await connection.execute(_OWN, {"organisation": organisation})
    return [dict(row._mapping) for row in found]


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value

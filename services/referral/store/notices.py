"""Notices: who was, is, or cannot be told that something waits; and what it is that waits."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.deadlines import RUNGS, TAKEN


class Matter(NamedTuple):
    """Something that waits for an organisation: an answer, a decision, or that it protects somebody.

    rung: the highest that was called for it so far.
    """

    matter_id: UUID
    case_id: UUID
    service: str
    urgency: str
    waits_for: str
    is_referral: bool
    is_threat: bool
    rung: str | None


class Notice(NamedTuple):
    """One rung, called for one matter. organisation: whose posts are told, None where there is nobody.

    tries: how often it was tried, that which is under way included.
    """

    notice_id: UUID
    matter_id: UUID
    case_id: UUID
    service: str
    waits_for: str
    is_referral: bool
    is_threat: bool
    rung: str
    organisation: str | None
    tries: int = 0


_COLUMNS = ", ".join(Notice._fields)
#: What is asked of whoever hears of a threat.
THREATENED = "immediate_safety"
_RANK = f"array_position(array{list(RUNGS)!r}, {{}}.rung)"
# Nothing waits any more where somebody has taken the person on for this service, a person looks after
# the matter, she said no, or the case is closed; but whoever is threatened is.
_OPEN = text(f"""
    select matter.matter_id, matter.case_id, matter.service, matter.urgency, matter.waits_for,
           matter.is_referral, matter.is_threat,
           (select told.rung from notices as told where told.matter_id = matter.matter_id
            order by {_RANK.format("told")} desc limit 1) as rung
    from (
        select referral_id as matter_id, case_id, service, urgency, organisation as waits_for,
               true as is_referral, false as is_threat
        from referrals where referral_id = any(cast(:ids as uuid[]))
            and state in ('offered', 'received', 'overdue')
        union all
        select unplaced_id, case_id, service, urgency, owner, false, false
        from unplaced where unplaced_id = any(cast(:ids as uuid[])) and not lost_ground
        union all
        select threat_id, case_id, '{THREATENED}', urgency, waits_for, false, true
        from threats where threat_id = any(cast(:ids as uuid[]))
    ) as matter
    where not exists (select from notices where notices.matter_id = matter.matter_id
                      and acknowledged_at is not null)
      and (matter.is_threat or not exists (
          select from cases where cases.case_id = matter.case_id and is_closed))
      and (matter.is_threat or not exists (
          select from referrals as other where other.case_id = matter.case_id
          and other.service = matter.service and other.state = any(:taken)))
    order by matter.matter_id
""")  # noqa: S608 - constants of ours
# Before it is asked which rung is the next, or two could call the same.
_LOCK = tuple(
    text(f"select from {table} where {key} = any(cast(:ids as uuid[])) order by {key} for update")
    for table, key in (
        ("referrals", "referral_id"),
        ("unplaced", "unplaced_id"),
        ("threats", "threat_id"),
    )
)
_ADD = text(f"""
    insert into notices ({_COLUMNS}, state, next_at, created_at)
    select (row->>'notice_id')::uuid, (row->>'matter_id')::uuid, (row->>'case_id')::uuid,
           row->>'service', row->>'waits_for', (row->>'is_referral')::boolean,
           (row->>'is_threat')::boolean, row->>'rung',
           row->>'organisation', 0,
           case when row->>'organisation' is null then 'failed' else 'waiting' end,
           clock_timestamp(), clock_timestamp()
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
    on conflict (matter_id, rung) do nothing
""")  # noqa: S608 - a constant of ours
# It is this process's until then: whoever dies meanwhile leaves it to another, with the same id.
_CLAIM = text(f"""
    update notices set tries = tries + 1, next_at = clock_timestamp() + cast(:lease as interval)
    where notice_id in (
        select notice_id from notices
        where state = 'waiting' and next_at <= (select clock_timestamp())
        order by next_at limit :room for update skip locked)
    returning {_COLUMNS}, (select coalesce(facts->>'cercle', facts->>'region') from cases
                           where cases.case_id = notices.case_id) as near
""")  # noqa: S608 - a constant of ours
_SETTLE = text("""
    update notices set state = :state, settled_at = clock_timestamp()
    where notice_id = :notice_id and state = 'waiting' returning notice_id
""")
_LATER = text("""
    update notices set next_at = clock_timestamp() + cast(:pause as interval)
    where notice_id = :notice_id and state = 'waiting'
""")
_ACKNOWLEDGE = text(f"""
    update notices set acknowledged_at = clock_timestamp()
    where notice_id = :notice_id and organisation = :organisation and acknowledged_at is null
    returning {_COLUMNS}
""")  # noqa: S608 - a constant of ours
_SPARE = text("""
    update notices set state = 'spared', settled_at = clock_timestamp()
    where matter_id = any(cast(:ids as uuid[])) and state = 'waiting'
""")
_SPARE_CASE = text("""
    update notices set state = 'spared', settled_at = clock_timestamp()
    where case_id = :case_id and state = 'waiting' and not is_threat
""")
_LIST = text("""
    select notice_id, waits_for, rung, organisation, state, tries, created_at, settled_at,
           acknowledged_at,
           extract(epoch from clock_timestamp() - created_at)::bigint / 60 as age_minutes
    from notices
    where cast(:organisation as text) is null or organisation = :organisation
    order by created_at desc limit :room
""")


_THREATEN = text("""
    insert into threats (threat_id, case_id, waits_for, urgency)
    select id, case_id, waits_for, :urgency
    from unnest(cast(:ids as uuid[]), cast(:cases as uuid[]), cast(:waiting as text[]))
         as given(id, case_id, waits_for)
""")


async def add_threat(
    connection: AsyncConnection, waiting: Mapping[UUID, tuple[UUID, str]], *, urgency: str
) -> None:
    """Each (case, organisation), by an id of its own, must act, or the next rung is called."""
    given = {
        "ids": list(waiting),
        "cases": [case_id for case_id, _ in waiting.values()],
        "waiting": [code for _, code in waiting.values()],
    }
    await connection.execute(_THREATEN, given | {"urgency": urgency})


async def lock(connection: AsyncConnection, ids: Collection[UUID]) -> None:
    """Nobody else calls a rung for these before this transaction ends."""
    for statement in _LOCK:
        await connection.execute(statement, {"ids": list(ids)})


async def open_matters(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Matter]:
    """Those of these that still wait for somebody whom nobody has promised to see to."""
    given = {"ids": list(ids), "taken": sorted(TAKEN)}
    return {row.matter_id: Matter(*row) for row in await connection.execute(_OPEN, given)}


async def add(connection: AsyncConnection, notices: Sequence[Notice]) -> None:
    """To be sent, as soon as this is committed; or failed already where there is nobody."""
    if notices:
        rows = [{name: _plain(value) for name, value in one._asdict().items()} for one in notices]
        await connection.execute(_ADD, {"rows": json.dumps(rows)})


class Claimed(NamedTuple):
    """near: the cercle or region of the person."""

    notice: Notice
    near: str | None


async def claim(connection: AsyncConnection, *, room: int, lease: timedelta) -> list[Claimed]:
    """Those whose turn it is, for whoever commits this; again after `lease` if nothing comes of it."""
    found = await connection.execute(_CLAIM, {"room": room, "lease": lease})
    return [Claimed(Notice(*row[:-1]), row.near) for row in found]


async def settle(connection: AsyncConnection, notice_id: UUID, *, is_sent: bool) -> bool:
    """It was sent, or will not be; False where that was known."""
    given = {"notice_id": notice_id, "state": "sent" if is_sent else "failed"}
    return (await connection.execute(_SETTLE, given)).one_or_none() is not None


async def try_later(connection: AsyncConnection, notice_id: UUID, *, pause: timedelta) -> None:
    """Once more after this time."""
    await connection.execute(_LATER, {"notice_id": notice_id, "pause": pause})


async def acknowledge(
    connection: AsyncConnection, notice_id: UUID, *, organisation: str
) -> Notice | None:
    """Somebody there looks after it; None where it is not theirs, or somebody does already."""
    given = {"notice_id": notice_id, "organisation": organisation}
    row = (await connection.execute(_ACKNOWLEDGE, given)).one_or_none()
    if row is None:
        return None
    notice = Notice(*row)
    await spare_matters(connection, [notice.matter_id])
    return notice


async def spare_matters(connection: AsyncConnection, ids: Collection[UUID]) -> None:
    """What waits to be sent of these matters is not sent."""
    await connection.execute(_SPARE, {"ids": list(ids)})


async def spare(connection: AsyncConnection, case_id: UUID) -> None:
    """What waits to be sent of this case is not sent, but for threats."""
    await connection.execute(_SPARE_CASE, {"case_id": case_id})


class Told(NamedTuple):
    """A line of a list; times by the database's clock."""

    notice_id: UUID
    waits_for: str
    rung: str
    organisation: str | None
    state: str
    tries: int
    created_at: datetime
    settled_at: datetime | None
    acknowledged_at: datetime | None
    age_minutes: int


async def listed(
    connection: AsyncConnection, *, organisation: str | None = None, room: int = 200
) -> list[Told]:
    """The newest; of one organisation's posts, or all that the reader may see."""
    given = {"organisation": organisation, "room": room}
    return [Told(*row) for row in await connection.execute(_LIST, given)]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value

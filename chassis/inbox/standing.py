"""What an inbox could not take, counted for an operator and one by one; codes and places, no content."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox.dead_letters import COLUMNS, DeadLetter

#: What nobody has decided, and what was decided and is not tried again yet.
UNSETTLED: Final = ("open", "retry")
ROOM: Final = 100

_DEAD = text("""
    select consumer, stream, reason, count(*) as count, min(died_at) as oldest
    from dead_letters where state = any(:states)
    group by consumer, stream, reason order by consumer, stream, reason
""")
_PARKED = text("""
    select consumer, stream, count(*) as count, count(distinct (source, subject)) as cases,
           min(parked_at) as oldest
    from parked group by consumer, stream order by consumer, stream
""")
_ALIKE = text(f"""
    select {COLUMNS} from dead_letters
    where consumer = :consumer and stream = :stream and reason = :reason and state = any(:states)
    order by id limit :room
""")  # noqa: S608 - a constant of ours
_ONE = text(f"select {COLUMNS} from dead_letters where id = :id")  # noqa: S608 - a constant of ours
_BEHIND = text("""
    select count(*) from parked
    where consumer = :consumer and source = :source and subject = :subject
""")


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters of one durable that died of the same."""

    consumer: str
    stream: str
    reason: str
    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class ParkedGroup:
    """What waits at one durable for its predecessor, and of how many cases."""

    consumer: str
    stream: str
    count: int
    cases: int
    oldest: datetime


async def dead_groups(connection: AsyncConnection) -> list[DeadGroup]:
    """All dead letters that are not settled."""
    found = await connection.execute(_DEAD, {"states": list(UNSETTLED)})
    return [DeadGroup(*row) for row in found]


async def parked_groups(connection: AsyncConnection) -> list[ParkedGroup]:
    """All parked messages."""
    return [ParkedGroup(*row) for row in await connection.execute(_PARKED)]


async def alike(connection: AsyncConnection, group: DeadGroup) -> list[DeadLetter]:
    """The oldest of a group, at most ROOM."""
    given = {
        "consumer": group.consumer,
        "stream": group.stream,
        "reason": group.reason,
        "states": list(UNSETTLED),
        "room": ROOM,
    }
    found = await connection.execute(_ALIKE, given)
    return [DeadLetter(**row._mapping) for row in found]


async def find(connection: AsyncConnection, identity: int) -> DeadLetter | None:
    """One dead letter, whatever its state."""
    row = (await connection.execute(_ONE, {"id": identity})).first()
    return None if row is None else DeadLetter(**row._mapping)


async def waiting_behind(connection: AsyncConnection, letter: DeadLetter) -> int:
    """How many messages of the same case wait for it."""
    given = {
        "consumer": letter.consumer,
        "source": letter.source,
        "subject": letter.subject,
    }
    return int(await connection.scalar(_BEHIND, given) or 0)

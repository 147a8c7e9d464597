"""How one border stands: its row, what it watches, and how a look at it is written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What one look reads at most; what is over waits for the next, and counts as pending.
ROOM = 10_000
AGAIN = 500
#: The states that break the law, once a second look has found the same.
BROKEN = ("missing", "unfounded")
LOOKS = 2


class Standing(NamedTuple):
    """accepted = delivered + pending + parked + dead, exactly while nothing is missing.

    `upto` and `since` say how far it has been judged; `unfounded` are effects without a message.
    """

    consumer: str
    stream: str
    born: str
    upto: int
    since: datetime
    judged: int
    discarded: int
    accepted: int
    delivered: int
    pending: int
    parked: int
    dead: int
    missing: int
    unfounded: int
    checked_at: datetime


class Watched(NamedTuple):
    """Something judged that is not delivered; `name` is a message's id or its place.

    `source` is that of an inbox row which stands for no message, and empty for a message.
    """

    stream_sequence: int
    name: str
    state: str
    source: str = ""

    @property
    def key(self) -> tuple[int, str, str]:
        """Within one border."""
        return self.stream_sequence, self.name, self.source


@dataclass(slots=True, kw_only=True)
class Look:
    """What one look found.

    judged: how many messages it saw for the first time; taken_back: of those seen before, how many
    are no longer to be accounted for. waiting: what nobody has done yet. again: looked at again.
    """

    born: str
    upto: int
    since: datetime
    judged: int
    waiting: int
    taken_back: int = 0
    discarded: int = 0
    found: list[Watched] = field(default_factory=list)
    again: Sequence[Watched] = ()


class Border(Protocol):
    """A place where a message passes from one keeper to another."""

    @property
    def name(self) -> str:
        """A durable, or `relay-<STREAM>`."""

    @property
    def stream(self) -> str:
        """The stream on its one side."""

    async def look(
        self, connection: AsyncConnection, was: Standing | None, again: Sequence[Watched]
    ) -> Look | None:
        """Judge what has moved since `was`; None while the broker heals and nothing can be said."""


_COLUMNS = ", ".join(Standing._fields)
_READ = text(f"select {_COLUMNS} from conservation where consumer = :consumer")  # noqa: S608 - a constant of ours
_IS_FRESH = text("select :at > clock_timestamp() - make_interval(secs => :seconds)")
_AGAIN = text("""
    select stream_sequence, name, state, source from watched
    where consumer = :consumer order by looked_at limit :room
""")
_LET_GO = text("""
    delete from watched where consumer = :consumer and (stream_sequence, name, source) in (
        select * from unnest(cast(:sequences as bigint[]), cast(:names as text[]),
                             cast(:sources as text[])))
""")
_WATCH = text("""
    insert into watched (consumer, stream_sequence, name, source, state)
    select :consumer, * from unnest(cast(:sequences as bigint[]), cast(:names as text[]),
                                    cast(:sources as text[]), cast(:states as text[]))
    on conflict (consumer, stream_sequence, name, source) do update set
        looks = case when watched.state = excluded.state then watched.looks + 1 else 1 end,
        state = excluded.state, looked_at = clock_timestamp()
    returning name, state, looks
""")
_COUNTED = text("""
    select count(*) filter (where state <> 'unfounded') as total,
           count(*) filter (where state = 'parked') as parked,
           count(*) filter (where state = 'dead') as dead,
           count(*) filter (where state = 'missing' and looks >= :looks) as missing,
           count(*) filter (where state = 'unfounded' and looks >= :looks) as unfounded
    from watched where consumer = :consumer
""")
# Of two processes that looked at the same time, the second finds that the row has moved.
_NEW_VALUES = ", ".join(f"{name} = excluded.{name}" for name in Standing._fields[1:])
_WRITE = text(f"""
    insert into conservation ({_COLUMNS})
    values (:consumer, :stream, :born, :upto, :since, :judged, :discarded, :accepted, :delivered,
            :pending, :parked, :dead, :missing, :unfounded, clock_timestamp())
    on conflict (consumer) do update set {_NEW_VALUES} where conservation.checked_at = :was
    returning {_COLUMNS}
""")  # noqa: S608 - a constant of ours


class Superseded(Exception):
    """Another process of this service has just looked."""


async def standing(connection: AsyncConnection, consumer: str) -> Standing | None:
    """As the last look left it."""
    row = (await connection.execute(_READ, {"consumer": consumer})).first()
    return None if row is None else Standing(*row)


async def is_fresh(connection: AsyncConnection, was: Standing, *, seconds: float) -> bool:
    """Whether somebody has looked within these seconds of the database's time."""
    given = {"at": was.checked_at, "seconds": seconds}
    return bool(await connection.scalar(_IS_FRESH, given))


async def watched(connection: AsyncConnection, consumer: str) -> list[Watched]:
    """What has waited longest for another look."""
    found = await connection.execute(_AGAIN, {"consumer": consumer, "room": AGAIN})
    return [Watched(*row) for row in found]


async def write(
    connection: AsyncConnection, border: Border, look: Look, *, was: Standing | None
) -> tuple[Standing, list[tuple[str, str]]]:
    """The new standing, and (state, name) of each breach that this look confirms.

    Raises `Superseded`, and then the transaction must not commit.
    """
    before = await _counted(connection, border.name)
    confirmed = await _watch(connection, border.name, look)
    after = await _counted(connection, border.name)
    # In a stream made anew counting starts anew, with what is still watched.
    same = was if was is not None and was.born == look.born else None
    judged = (same.judged if same else before["total"]) + look.judged - look.taken_back
    discarded = (same.discarded if same else 0) + look.discarded
    row = {
        "consumer": border.name,
        "stream": border.stream,
        "born": look.born,
        "upto": look.upto,
        "since": look.since,
        "judged": judged,
        "discarded": discarded,
        "accepted": judged + look.waiting,
        "delivered": judged - discarded - after["total"],
        # What is suspect for the first time is on the move until a second look says otherwise.
        "pending": look.waiting
        + after["total"]
        - after["parked"]
        - after["dead"]
        - after["missing"],
        "parked": after["parked"],
        "dead": after["dead"] + discarded,
        "missing": after["missing"],
        "unfounded": after["unfounded"],
        "was": was.checked_at if was else None,
    }
    written = (await connection.execute(_WRITE, row)).first()
    if written is None:
        raise Superseded
    return Standing(*written), confirmed


async def _counted(connection: AsyncConnection, consumer: str) -> dict[str, int]:
    found = await connection.execute(_COUNTED, {"consumer": consumer, "looks": LOOKS})
    return dict(found.one()._mapping)


async def _watch(connection: AsyncConnection, consumer: str, look: Look) -> list[tuple[str, str]]:
    found = {one.key: one for one in look.found}
    gone = [one for one in look.again if one.key not in found]
    if gone:
        await connection.execute(_LET_GO, {"consumer": consumer, **_keys(gone)})
    if not found:
        return []
    kept = list(found.values())
    states = [one.state for one in kept]
    rows = await connection.execute(_WATCH, {"consumer": consumer, "states": states, **_keys(kept)})
    return [(row.state, row.name) for row in rows if row.state in BROKEN and row.looks == LOOKS]


def _keys(rows: Sequence[Watched]) -> dict[str, list[int] | list[str]]:
    return {
        "sequences": [one.stream_sequence for one in rows],
        "names": [one.name for one in rows],
        "sources": [one.source for one in rows],
    }

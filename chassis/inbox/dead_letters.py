"""Messages that can have no effect: kept by place and digest until a human retries or discards."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox.order import Place
from chassis.inbox.received import Raw, Received
from contracts.envelope import Envelope
from contracts.signing import REASONS

log = logging.getLogger("siraba.inbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One row; `reason` and `field` are codes and names, never content."""

    id: int
    consumer: str
    stream: str
    stream_sequence: int
    digest: bytes
    reason: str
    field: str | None
    tries: int
    source: str | None
    subject: str | None
    case_sequence: int | None
    type: str | None
    organisation: str | None
    state: str
    died_at: datetime

    @property
    def holds_up(self) -> tuple[Place, int] | None:
        """Its place in its case, which must be done before the next; None where it has none.

        Of a message that nobody who may has signed, the number is that of another, which may yet come.
        """
        if not (self.source and self.subject and self.case_sequence) or self.reason in REASONS:
            return None
        return (self.source, self.subject), self.case_sequence


COLUMNS = """id, consumer, stream, stream_sequence, digest, reason, field, tries, source, subject,
              case_sequence, type, organisation, state, died_at"""
_BURY = text("""
    insert into dead_letters (consumer, stream, stream_sequence, reason, field, digest, tries,
                              source, subject, case_sequence, type, organisation)
    select :consumer, stream, stream_sequence, reason, field, digest, tries,
           source, subject, case_sequence, type, organisation
    from unnest(cast(:stream as text[]), cast(:stream_sequence as bigint[]),
                cast(:reason as text[]), cast(:field as text[]), cast(:digest as bytea[]),
                cast(:tries as int[]), cast(:source as text[]), cast(:subject as text[]),
                cast(:case_sequence as bigint[]), cast(:type as text[]),
                cast(:organisation as text[]))
        as given(stream, stream_sequence, reason, field, digest, tries,
                 source, subject, case_sequence, type, organisation)
    order by stream, stream_sequence
    on conflict (consumer, stream, stream_sequence, digest)
        do update set state = case dead_letters.state when 'discarded' then 'discarded' else 'open' end,
                      reason = excluded.reason, field = excluded.field,
                      tries = excluded.tries, settled_at = null
        where dead_letters.state <> 'open'
    returning stream, stream_sequence, state
""")
_ALL = text(f"select {COLUMNS} from dead_letters where state = any(:states) order by id")  # noqa: S608 - a constant of ours
_WAITING = text(f"""
    select {COLUMNS} from dead_letters
    where consumer = :consumer and state in ('retry', 'discarded') and settled_at is null
    order by id limit 100
""")  # noqa: S608 - a constant of ours
_DECIDE = text("""
    update dead_letters set state = :state, settled_at = null where id = :id and state = 'open'
""")
_STEPPED_OVER = text("""
    select stream, stream_sequence, digest from dead_letters
    where consumer = any(:consumers) and state = 'discarded' and stream_sequence = any(:sequences)
""")
_REOPEN = text("update dead_letters set state = 'open' where id = :id and state = 'retry'")
_SETTLE = text("""
    update dead_letters set settled_at = clock_timestamp(),
        state = case state when 'retry' then 'done' else state end
    where id = :id and state in ('retry', 'discarded')
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Burial:
    """A message and why it is dead; `envelope` says which case it holds up, where it may say so."""

    raw: Raw
    reason: str
    field: str | None = None
    tries: int = 1
    envelope: Envelope | None = None
    organisation: str | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Where it lies."""
        return self.raw.stream, self.raw.sequence


async def bury(
    connection: AsyncConnection, burials: Sequence[Burial], *, consumer: str
) -> set[tuple[str, int]]:
    """Keep them as dead, all in one statement; the places of those that were not before.

    What a human has discarded stays so when it comes again, and its consumer steps over it again.
    """
    each = {one.place: one for one in burials}.values()
    if not each:
        return set()
    places = [one.envelope for one in each]
    found = await connection.execute(
        _BURY,
        {
            "consumer": consumer,
            "stream": [one.raw.stream for one in each],
            "stream_sequence": [one.raw.sequence for one in each],
            "reason": [one.reason for one in each],
            "field": [one.field for one in each],
            "digest": [one.raw.digest for one in each],
            "tries": [one.tries for one in each],
            "source": [place and place.source for place in places],
            "subject": [place and place.subject for place in places],
            "case_sequence": [place and place.case_sequence for place in places],
            "type": [place and place.type for place in places],
            "organisation": [one.organisation for one in each],
        },
    )
    new = {(row.stream, row.stream_sequence) for row in found if row.state == "open"}
    _log(consumer, [one for one in each if one.place in new])
    return new


def _log(consumer: str, new: Sequence[Burial]) -> None:
    """One line for each sort: a flood of bad messages is no flood of lines.

    Written before the commit: what has to be buried again is told again, and nothing goes untold.
    """
    for (stream, reason, code), count in Counter(
        (one.raw.stream, one.reason, one.organisation) for one in new
    ).items():
        whose = {"organisation": code} if code else {}
        words = {"consumer": consumer, "stream": stream, "reason": reason, "count": count}
        level = logging.WARNING if stream == "INBOX" else logging.ERROR
        log.log(level, "inbox.dead_letter", extra=words | whose)


async def listed(
    connection: AsyncConnection, states: Sequence[str] = ("open",)
) -> list[DeadLetter]:
    """Dead letters in these states, oldest first."""
    found = await connection.execute(_ALL, {"states": list(states)})
    return [DeadLetter(**row._mapping) for row in found]


async def decide(connection: AsyncConnection, identity: int, *, retry: bool) -> bool:
    """Ask the consumer to try it again or to step over it; False when it is not open."""
    state = "retry" if retry else "discarded"
    found = await connection.execute(_DECIDE, {"id": identity, "state": state})
    return found.rowcount == 1


async def decided(connection: AsyncConnection, consumer: str) -> list[DeadLetter]:
    """What a human has decided and this consumer has not carried out yet."""
    found = await connection.execute(_WAITING, {"consumer": consumer})
    return [DeadLetter(**row._mapping) for row in found]


async def without_discarded(
    connection: AsyncConnection, consumers: Sequence[str], batch: Sequence[Received]
) -> list[Received]:
    """Those that no human has discarded at these consumers, though they could be taken by now."""
    given = {"consumers": list(consumers), "sequences": [one.raw.sequence for one in batch]}
    found = {tuple(row) for row in await connection.execute(_STEPPED_OVER, given)}
    return [one for one in batch if (one.raw.stream, one.raw.sequence, one.raw.digest) not in found]


async def reopen(connection: AsyncConnection, identity: int) -> None:
    """A retry that failed again waits for a human again."""
    await connection.execute(_REOPEN, {"id": identity})


async def settle(connection: AsyncConnection, identity: int) -> None:
    """The decision has been carried out."""
    await connection.execute(_SETTLE, {"id": identity})

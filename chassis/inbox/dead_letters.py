"""Messages that can have no effect: kept by place and digest until a human retries or discards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox.received import Raw
from contracts.envelope import Envelope


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


_COLUMNS = """id, consumer, stream, stream_sequence, digest, reason, field, tries, source, subject,
              case_sequence, type, organisation, state, died_at"""
_BURY = text("""
    insert into dead_letters (consumer, stream, stream_sequence, reason, field, digest, tries,
                              source, subject, case_sequence, type, organisation)
    values (:consumer, :stream, :stream_sequence, :reason, :field, :digest, :tries,
            :source, :subject, :case_sequence, :type, :organisation)
    on conflict (consumer, stream, stream_sequence, digest)
        do update set state = 'open', reason = excluded.reason, field = excluded.field,
                      tries = excluded.tries, settled_at = null
        where dead_letters.state <> 'open'
    returning id
""")
_ALL = text(f"select {_COLUMNS} from dead_letters where state = any(:states) order by id")  # noqa: S608 - a constant of ours
_WAITING = text(f"""
    select {_COLUMNS} from dead_letters
    where consumer = :consumer and state in ('retry', 'discarded') and settled_at is null
    order by id limit 100
""")  # noqa: S608 - a constant of ours
_DECIDE = text("""
    update dead_letters set state = :state, settled_at = null where id = :id and state = 'open'
""")
_REOPEN = text("update dead_letters set state = 'open' where id = :id and state = 'retry'")
_SETTLE = text("""
    update dead_letters set settled_at = clock_timestamp(),
        state = case state when 'retry' then 'done' else state end
    where id = :id and state in ('retry', 'discarded')
""")


async def bury(
    connection: AsyncConnection,
    raw: Raw,
    *,
    consumer: str,
    reason: str,
    field: str | None = None,
    tries: int = 1,
    envelope: Envelope | None = None,
    organisation: str | None = None,
) -> bool:
    """Keep it as dead; False when it was already."""
    found = await connection.execute(
        _BURY,
        {
            "consumer": consumer,
            "stream": raw.stream,
            "stream_sequence": raw.sequence,
            "reason": reason,
            "field": field,
            "digest": raw.digest,
            "tries": tries,
            "source": envelope and envelope.source,
            "subject": envelope and envelope.subject,
            "case_sequence": envelope and envelope.case_sequence,
            "type": envelope and envelope.type,
            "organisation": organisation,
        },
    )
    return found.first() is not None


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


async def reopen(connection: AsyncConnection, identity: int) -> None:
    """A retry that failed again waits for a human again."""
    await connection.execute(_REOPEN, {"id": identity})


async def settle(connection: AsyncConnection, identity: int) -> None:
    """The decision has been carried out."""
    await connection.execute(_SETTLE, {"id": identity})

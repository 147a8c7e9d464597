"""Takes messages whose ground is gone out of their stream, also where no PubAck ever came back."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import APIError, Error
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.topology import out_subject

ROOM = 100
#: No message has this id, so that one which expects it to be the last is never stored.
NEVER = "never"
_NOT_STORED = 10070
# One code for every delete that fails; only these words say that there is nothing to delete.
_DELETE_FAILED, _NOTHING_THERE = 10057, ("no message found", "stream store EOF")
_FAILURES = (Error, nats.errors.Error, OSError, TimeoutError)


class Withdrawn(NamedTuple):
    """A leased or sent row that has to leave its stream; `born` is the stream that we filled."""

    position: int
    id: UUID
    stream: str
    name: str
    version: int
    organisation: str
    stream_sequence: int | None
    born: str | None


_WITHDRAWN = text("""
    select position, id, stream, outbox.name, version, organisation, stream_sequence, born
    from outbox left join streams on streams.name = outbox.stream
    where withdrawn_at is not null and erased_at is null
    order by position limit :room
""")
_ERASED = text("""
    update outbox set erased_at = clock_timestamp(), body = null, headers = null
    where position = any(cast(:positions as bigint[]))
""")
_CANCEL = text("""
    update outbox set withdrawn_at = clock_timestamp(), erased_at = clock_timestamp(), body = null
    where position = any(cast(:positions as bigint[])) and leased_at is null
""")


async def cancel(connection: AsyncConnection, positions: Sequence[int]) -> None:
    """These rows, which nobody has leased, are never sent and use no number."""
    await connection.execute(_CANCEL, {"positions": list(positions)})


async def withdrawn(connection: AsyncConnection) -> list[Withdrawn]:
    """Leased and sent rows that wait to be taken out, oldest first."""
    return [Withdrawn(*row) for row in await connection.execute(_WITHDRAWN, {"room": ROOM})]


async def erase(
    connection: AsyncConnection, jetstream: JetStreamContext, rows: Sequence[Withdrawn]
) -> int:
    """Delete these from their stream and forget their bytes; how many. The rest waits."""
    if not await _is_the_same(jetstream, rows[0].stream, rows[0].born):
        return 0
    outcomes = await asyncio.gather(*(_take_out(jetstream, row) for row in rows))
    gone = [row.position for row, done in zip(rows, outcomes, strict=True) if done]
    async with connection.begin():
        await connection.execute(_ERASED, {"positions": gone})
    return len(gone)


async def _is_the_same(jetstream: JetStreamContext, stream: str, born: str | None) -> bool:
    """A stream made anew counts from 1 again: our sequences would be somebody else's messages.

    In a service's first seconds upkeep has not looked yet, and born is not known.
    """
    try:
        return born is None or str((await jetstream.stream_info(stream)).created) == born
    except _FAILURES:
        return False


async def _take_out(jetstream: JetStreamContext, row: Withdrawn) -> bool:
    """True when it is certain that the stream does not hold this message any more."""
    try:
        sequence = row.stream_sequence or await _place_of(jetstream, row)
        if sequence is not None:
            await jetstream.delete_msg(row.stream, sequence)
    except APIError as error:
        return error.err_code == _DELETE_FAILED and error.description in _NOTHING_THERE
    except _FAILURES:
        return False
    return True


async def _place_of(jetstream: JetStreamContext, row: Withdrawn) -> int | None:
    """Where a message lies whose PubAck we never saw; None when it was never stored.

    The server first looks for the id, and answers with the place of the message that has it;
    what is new it refuses for what it expects. So asking stores nothing.
    """
    headers = {"Nats-Msg-Id": str(row.id), "Nats-Expected-Last-Msg-Id": NEVER}
    subject = out_subject(row.organisation, row.name, row.version)
    try:
        return (await jetstream.publish(subject, b"", headers=headers)).seq
    except APIError as error:
        if error.err_code == _NOT_STORED:
            return None
        raise

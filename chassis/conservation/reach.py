"""What a stream holds, asked with few requests: how far it reaches, its holes, its messages."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import ServiceUnavailableError

from chassis.inbox.received import Raw
from contracts.envelope import Rejected, decode_headers

BATCH: Final = 500
BATCH_BYTES: Final = 8 * 1024 * 1024


class Reach(NamedTuple):
    """A stream by its birth date; it holds what lies from `first` to `last` and is no hole."""

    born: str
    first: int
    last: int
    holes: frozenset[int]

    def holds(self, sequence: int) -> bool:
        """Whether there is a message in this place."""
        return self.first <= sequence <= self.last and sequence not in self.holes


class Seen(NamedTuple):
    """A message as the tables know it; empty where its attributes cannot be read. No body is kept."""

    sequence: int
    name: str
    digest: bytes
    source: str = ""
    subject: str = ""
    number: int = 0
    id: UUID = UUID(int=0)

    @classmethod
    def of(cls, raw: Raw) -> Self:
        """`name` is the id, or the place of a message whose id cannot be read."""
        seen = cls(raw.sequence, raw.message_id or f"{raw.stream}:{raw.sequence}", raw.digest)
        with suppress(Rejected):
            envelope = decode_headers(raw.headers)
            # PostgreSQL takes no NUL; what holds one was refused and is in no other table.
            if f"{envelope.source}{envelope.subject}".isprintable():
                seen = seen._replace(
                    source=envelope.source,
                    subject=envelope.subject,
                    number=envelope.case_sequence or 0,
                    id=envelope.id,
                )
        return seen


async def reach_of(jetstream: JetStreamContext, stream: str) -> Reach:
    """How far this stream reaches now. Raises `NotFoundError`."""
    # nats-py does not ask for the holes; in our streams these are what was withdrawn or erased.
    question = json.dumps({"deleted_details": True}).encode()
    subject = f"{jetstream._prefix}.STREAM.INFO.{stream}"
    info = StreamInfo.from_response(
        await jetstream._api_request(subject, question, timeout=jetstream._timeout)
    )
    state = info.state
    holes = frozenset(state.deleted or ())
    return Reach(str(info.created), state.first_seq, state.last_seq, holes)


async def read(
    jetstream: JetStreamContext, stream: str, sequences: Iterable[int]
) -> dict[int, Seen]:
    """The messages in these places; places that hold none are left out."""
    found: dict[int, Seen] = {}
    for run in _runs(sorted(set(sequences))):
        found |= await read_on(jetstream, stream, places=run, room=len(run))
    return found


async def read_on(
    jetstream: JetStreamContext, stream: str, *, places: range, room: int, pattern: str = ""
) -> dict[int, Seen]:
    """The messages in these places whose subject fits, at most `room` of them, by their place."""
    found: dict[int, Seen] = {}
    fitting = {"next_by_subj": pattern} if pattern else {}
    at, more = places.start, True
    while more and at < places.stop and len(found) < room:
        size = min(BATCH, places.stop - at, room - len(found))
        question = {"seq": at, "batch": size, "max_bytes": BATCH_BYTES, **fitting}
        batch, more = await _asked(jetstream, stream, question)
        found |= {one.sequence: one for one in batch if one.sequence < places.stop}
        at = batch[-1].sequence + 1 if batch else places.stop
    return found


async def _asked(
    jetstream: JetStreamContext, stream: str, question: Mapping[str, Any]
) -> tuple[list[Seen], bool]:
    """One direct get of many messages, and whether there are more. nats-py only asks for one."""
    client, inbox = jetstream._nc, jetstream._nc.new_inbox()
    batch: list[Seen] = []
    ended: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

    async def take(message: Msg) -> None:
        headers = message.headers or {}
        # The server writes its own beside whatever a message has: only its last word has none.
        if "Nats-Sequence" in headers:
            batch.append(Seen.of(Raw.direct(stream, message)))
        elif not ended.done():
            ended.set_result(headers)

    subscription = await client.subscribe(inbox, cb=take)
    try:
        subject = f"{jetstream._prefix}.DIRECT.GET.{stream}"
        await client.publish(subject, json.dumps(question).encode(), reply=inbox)
        async with asyncio.timeout(jetstream._timeout):
            said = await ended
    finally:
        await subscription.unsubscribe()
    match said.get("Status"):
        case "204":
            return batch, said.get("Nats-Num-Pending") != "0"
        case "404":
            return batch, False
        case _:
            raise ServiceUnavailableError


def _runs(places: Sequence[int]) -> Iterator[range]:
    """Places in ascending order, as ranges without a gap."""
    start = 0
    for nth, place in enumerate(places, start=1):
        if nth == len(places) or places[nth] != place + 1:
            yield range(places[start], place + 1)
            start = nth

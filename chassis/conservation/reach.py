"""What a stream holds, asked with few requests: how far it reaches, its holes, its messages."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import StreamInfo

from chassis.conservation.slices import BREATH_SECONDS, SLICE
from chassis.direct import get_many
from chassis.inbox.received import Raw
from contracts.envelope import Rejected, decode_headers


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
        try:
            envelope = decode_headers(raw.headers)
        except Rejected:
            name = raw.message_id or f"{raw.stream}:{raw.sequence}"
            return cls(raw.sequence, name, raw.digest)
        known = raw.sequence, str(envelope.id), raw.digest
        # PostgreSQL takes no NUL; what holds one was refused and is in no other table.
        if not f"{envelope.source}{envelope.subject}".isprintable():
            return cls(*known)
        number = envelope.case_sequence or 0
        return cls(*known, envelope.source, envelope.subject, number, envelope.id)


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
        if at > places.start:
            await asyncio.sleep(BREATH_SECONDS)
        size = min(SLICE, places.stop - at, room - len(found))
        batch, more = await get_many(jetstream, stream, {"seq": at, "batch": size, **fitting})
        found |= {one.sequence: Seen.of(one) for one in batch if one.sequence < places.stop}
        at = batch[-1].sequence + 1 if batch else places.stop
    return found


def _runs(places: Sequence[int]) -> Iterator[range]:
    """Places in ascending order, as ranges without a gap."""
    start = 0
    for nth, place in enumerate(places, start=1):
        if nth == len(places) or places[nth] != place + 1:
            yield range(places[start], place + 1)
            start = nth

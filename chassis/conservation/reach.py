"""What a stream holds, asked with few requests: how far it reaches, its holes, its messages."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from nats.js import JetStreamContext
from nats.js.api import StreamInfo

from chassis.conservation.slices import BREATH_SECONDS, SLICE
from chassis.direct import get_many
from chassis.inbox.seen import Seen


class Reach(NamedTuple):
    """A stream by its birth; it holds what lies from `first` to `last` and is no hole."""

    created: datetime
    first: int
    last: int
    holes: frozenset[int]

    @property
    def born(self) -> str:
        """As it is written down."""
        return str(self.created)

    def holds(self, sequence: int) -> bool:
        """Whether there is a message in this place."""
        return self.first <= sequence <= self.last and sequence not in self.holes


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
    created: datetime = info.created
    return Reach(created, state.first_seq, state.last_seq, holes)


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

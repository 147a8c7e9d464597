"""What a stream holds, asked with few requests: how far it reaches, its holes, single messages."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, Self
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from chassis.inbox.received import Raw
from contracts.envelope import Rejected, decode_headers

WINDOW = 50


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
    wanted = sorted(set(sequences))
    found: dict[int, Seen] = {}
    for start in range(0, len(wanted), WINDOW):
        window = wanted[start : start + WINDOW]
        answers = await asyncio.gather(*(_at(jetstream, stream, place) for place in window))
        found.update((seen.sequence, seen) for seen in answers if seen is not None)
    return found


async def read_on(
    jetstream: JetStreamContext, stream: str, *, pattern: str, places: range
) -> dict[int, Seen]:
    """The messages in these places whose subject fits, one after the other."""
    found: dict[int, Seen] = {}
    at = places.start
    while at < places.stop:
        try:
            stored = await jetstream.get_msg(stream, seq=at, subject=pattern, next=True)
        except NotFoundError:
            break
        seen = Seen.of(Raw.stored(stream, stored))
        if seen.sequence >= places.stop:
            break
        found[seen.sequence] = seen
        at = seen.sequence + 1
    return found


async def _at(jetstream: JetStreamContext, stream: str, sequence: int) -> Seen | None:
    try:
        return Seen.of(Raw.stored(stream, await jetstream.get_msg(stream, sequence)))
    except NotFoundError:
        return None

"""What the law of conservation knows of a message, and which came to this process lately."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Self
from uuid import UUID

from nats.aio.msg import Msg

from chassis.inbox.received import Raw
from contracts.envelope import Envelope, Rejected, decode_headers

#: Of each durable; half a kilobyte each, and as many as one look of the auditor judges.
REMEMBERED: Final = 10_000


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
        return cls.as_read(raw, envelope)

    @classmethod
    def as_read(cls, raw: Raw, envelope: Envelope) -> Self:
        """One whose attributes are read already."""
        known = raw.sequence, str(envelope.id), raw.digest
        # PostgreSQL takes no NUL; what holds one was refused and is in no other table.
        if not f"{envelope.source}{envelope.subject}".isprintable():
            return cls(*known)
        number = envelope.case_sequence or 0
        return cls(*known, envelope.source, envelope.subject, number, envelope.id)


@dataclass(slots=True)
class Deliveries:
    """Of one durable, to this process. latest: when the latest of them was recorded, and its place.

    The newest are remembered as they came, before anything is done with them: to read one again would
    cost the auditor some 60 us here and at the broker. What came to another process, or to none, it
    reads.
    """

    latest: tuple[datetime, int] | None = None
    room: int = REMEMBERED
    _seen: OrderedDict[int, tuple[datetime, Seen]] = field(default_factory=OrderedDict)

    def read(self, message: Msg) -> Raw:
        """Where its first delivery is no later than another's, the durable was made anew."""
        raw = Raw.delivered(message)
        place = raw.recorded_at, raw.sequence
        if self.latest is None or place > self.latest:
            self.latest = place
            return raw
        if message.metadata.num_delivered > 1:
            return raw
        self._seen.clear()
        return raw._replace(again=True)

    def remember(self, raw: Raw, envelope: Envelope) -> None:
        """In its place the newest counts; the oldest of all gives way."""
        self._seen.pop(raw.sequence, None)
        self._seen[raw.sequence] = raw.recorded_at, Seen.as_read(raw, envelope)
        if len(self._seen) > self.room:
            self._seen.popitem(last=False)

    def among(self, places: Iterable[int], *, since: datetime) -> dict[int, Seen]:
        """What lies in these places; since: the birth of their stream, before which others lay there."""
        found = ((place, self._seen.get(place)) for place in places)
        return {place: one[1] for place, one in found if one is not None and one[0] >= since}

"""The feeds and ingress streams, reached on an organisation's behalf by a NATS user of its own.

Reading goes by place, so it can be repeated; what an organisation has confirmed is kept where NATS
keeps it for every other, in the position of its durable.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self

from nats.js.api import PubAck
from nats.js.errors import APIError

from chassis.broker import PUBLISH_SECONDS, Wire
from chassis.direct import get_many
from chassis.inbox.received import Raw
from contracts.topology import OUT, feed_durable

READ_BYTES: Final = 2 * 1024 * 1024
LOOK_SECONDS: Final = 0.3
#: JetStream's error for a stream that takes no more, be it messages or bytes.
FULL: Final = 10077


class CursorUnknown(Exception):
    """No place of this feed: it was made anew since, or this was never handed out."""


class IngressFull(Exception):
    """The organisation has sent more than its own stream may hold."""


class Cursor(NamedTuple):
    """A place in OUT. A stream that was made anew counts from one again, so its birth is in it."""

    born: str
    sequence: int

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises CursorUnknown."""
        born, _, sequence = text.partition("-")
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 18):
            raise CursorUnknown
        return cls(born, int(sequence))

    def __str__(self) -> str:
        return f"{self.born}-{self.sequence}"


@dataclass(slots=True)
class Door:
    """What one organisation may do, for any of them; `code` is whoever has proved to be it."""

    wire: Wire
    _born: str = ""
    _last: int = 0
    _look: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Hold the connection, until cancelled."""
        await self.wire.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.wire.stop()

    async def place(self, code: str, after: str | None) -> Cursor:
        """Where to read on: after this cursor, or after what was confirmed last.

        What comes before a cursor is confirmed by it. Raises CursorUnknown.
        """
        await self._look_at_stream()
        confirmed = await self._confirmed(code)
        if after is None:
            return Cursor(self._born, confirmed)
        cursor = Cursor.read(after)
        # Beyond the end it would pass over what is still to come.
        if cursor.born != self._born or cursor.sequence > self._last:
            raise CursorUnknown
        if cursor.sequence > confirmed:
            await self._move(feed_durable(code).name, to=cursor.sequence + 1)
        return cursor

    async def read(self, code: str, after: Cursor, *, limit: int) -> list[tuple[Cursor, Raw]]:
        """At most `limit` messages of this feed after a place, in order."""
        return await self._read(code, {"seq": after.sequence + 1, "batch": limit})

    async def read_since(
        self, code: str, moment: datetime, *, limit: int
    ) -> list[tuple[Cursor, Raw]]:
        """At most `limit` messages of this feed that were recorded at this moment or later."""
        await self._look_at_stream()
        return await self._read(code, {"start_time": moment.isoformat(), "batch": limit})

    async def rewind(self, code: str, *, after: int | None, since: datetime | None) -> bool:
        """Set the position of this feed back; False, and nothing done, where that is forward."""
        if since is not None:
            first = await self.read_since(code, since, limit=1)
            if not first:
                return True
            after = first[0][0].sequence - 1
        confirmed = await self._confirmed(code)
        if after is None or after > confirmed:
            return False
        if after < confirmed:
            await self._move(feed_durable(code).name, to=after + 1)
        return True

    async def wait(self, *, beyond: int) -> None:
        """Until OUT reaches beyond this place; all who wait share one look at it."""
        while self._last <= beyond:
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._look_soon())
                self._look.add_done_callback(_heard)
            await asyncio.shield(self._look)

    @property
    def end(self) -> Cursor:
        """The last place of OUT, when it was looked at last."""
        return Cursor(self._born, self._last)

    async def send(self, subject: str, body: bytes, *, headers: Mapping[str, str]) -> PubAck:
        """Store a request in its sender's ingress stream. Raises IngressFull."""
        try:
            return await self.wire.jetstream.publish(subject, body, headers=dict(headers))
        except APIError as error:
            if error.err_code == FULL:
                raise IngressFull from None
            raise

    async def _confirmed(self, code: str) -> int:
        """Up to where the organisation has acknowledged everything."""
        info = await self.wire.jetstream.consumer_info(OUT.name, feed_durable(code).name)
        return info.ack_floor.stream_seq if info.ack_floor else 0

    async def _read(self, code: str, question: Mapping[str, Any]) -> list[tuple[Cursor, Raw]]:
        (pattern,) = feed_durable(code).filter_subjects
        asked = {**question, "next_by_subj": pattern, "max_bytes": READ_BYTES}
        found, _ = await get_many(self.wire.jetstream, OUT.name, asked)
        return [(Cursor(self._born, one.sequence), one) for one in found]

    async def _move(self, durable: str, *, to: int) -> None:
        """The durable goes on from this place, forwards or backwards."""
        jetstream = self.wire.jetstream
        subject = f"{jetstream._prefix}.CONSUMER.RESET.{OUT.name}.{durable}"
        question = json.dumps({"seq": to}).encode()
        await jetstream._api_request(subject, question, timeout=PUBLISH_SECONDS)

    async def _look_soon(self) -> None:
        await asyncio.sleep(LOOK_SECONDS)
        await self._look_at_stream()

    async def _look_at_stream(self) -> None:
        info = await self.wire.jetstream.stream_info(OUT.name)
        self._born = sha256(str(info.created).encode()).hexdigest()[:8]
        self._last = info.state.last_seq


def _heard(look: asyncio.Task[None]) -> None:
    """Whoever waited may have left before it failed."""
    if not look.cancelled():
        look.exception()

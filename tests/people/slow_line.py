"""A line of the country: few bits a second, a long way, packets lost and sent again, and cuts."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

PACKET: Final = 1200
#: RFC 6298 §2.4: no packet is sent again sooner; while others follow it, not much later (RFC 8985).
SENT_AGAIN_AFTER: Final = 1.0

Ends = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What a line is like.

    rate: bytes a second each way, shared by all connections. trip: seconds there and back. lost:
    share of packets that are lost and sent again. cut: share of requests at which the connection
    breaks, one half of them before the server has heard.
    """

    rate: float
    trip: float = 0.0
    lost: float = 0.0
    cut: float = 0.0


GOOD: Final = Quality(rate=1e9)
#: 20 kbit/s, 800 ms, three in ten.
BAD: Final = Quality(rate=20_000 / 8, trip=0.8, lost=0.3)
WORSE: Final = Quality(rate=20_000 / 8, trip=0.8, lost=0.3, cut=0.3)


@dataclass(slots=True)
class SlowLine:
    """Forwards `port` to `target` on loopback, as well as its quality allows now."""

    target: int
    dice: random.Random
    quality: Quality = GOOD
    port: int = 0
    cuts: int = 0
    _free: dict[bool, float] = field(default_factory=lambda: {True: 0.0, False: 0.0})
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for one in self._open:
            one.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_connection("127.0.0.1", self.target)
        # The handshake: nothing is said before it has gone there and back.
        start = asyncio.get_running_loop().time() + self.quality.trip
        both = (writer, upstream[1])
        self._open |= {*both}
        for source, sink, is_up in ((reader, upstream[1], True), (upstream[0], writer, False)):
            carry = self._carry(source, sink, is_up=is_up, both=both, start=start)
            task = asyncio.create_task(carry)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        is_up: bool,
        both: Ends,
        start: float,
    ) -> None:
        clock, arrival = asyncio.get_running_loop().time, start
        with suppress(OSError):
            while data := await source.read(65536):
                breaks = is_up and self.dice.random() < self.quality.cut
                if breaks and self.dice.random() < 0.5:
                    break
                for part, due in self._sent(data, is_up=is_up):
                    arrival = max(arrival, due)  # in the order in which they were sent
                    await asyncio.sleep(arrival - clock())
                    sink.write(part)
                    await sink.drain()
                if breaks:
                    break
            else:
                sink.close()
                return
        self.cuts += 1
        for one in both:
            one.transport.abort()

    def _sent(self, data: bytes, *, is_up: bool) -> list[tuple[bytes, float]]:
        """The packets that are sent now, and when each is there."""
        parts = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
        return [(part, self._arrival(len(part), is_up=is_up)) for part in parts]

    def _arrival(self, size: int, *, is_up: bool) -> float:
        """When a packet that is sent now is there, with every sending of it taking up the line."""
        now, wait = asyncio.get_running_loop().time(), 0.0
        self._free[is_up] = max(now, self._free[is_up]) + size / self.quality.rate
        while self.dice.random() < self.quality.lost:
            wait += SENT_AGAIN_AFTER
            self._free[is_up] += size / self.quality.rate
        return self._free[is_up] + self.quality.trip / 2 + wait

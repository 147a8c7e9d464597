"""A bad line: a TCP proxy on loopback that delays, stops answering without closing, or cuts."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class BadLine:
    """Forwards `port` to `target` on loopback.

    delay: seconds each chunk waits, both ways. up, down: whether bytes pass towards the server and
    back; a side that is off keeps its connections open and swallows (half-open).
    """

    target: int
    delay: float = 0.0
    up: bool = True
    down: bool = True
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_idle(self) -> bool:
        """Whether no connection is open."""
        return not self._open

    def reset(self) -> None:
        """Cut every connection without a word of farewell (RST)."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, upstream[1]}
        for source, sink, is_up in ((reader, upstream[1], True), (upstream[0], writer, False)):
            task = asyncio.create_task(self._carry(source, sink, is_up=is_up))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.up if is_up else self.down:
                    sink.write(data)
                    await sink.drain()
        sink.close()
        self._open.discard(sink)

"""Records what the platform says on an organisation's own connections, byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

END = b"\r\n"
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it came over the wire; attributes as text, all else as it was."""

    subject: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Wiretap:
    """A line on loopback to `target`. recorded: what came from there, by connection."""

    target: int
    port: int = 0
    recorded: list[bytearray] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def messages(self) -> Iterator[Heard]:
        """Every message of every connection, in order."""
        for stream in self.recorded:
            yield from messages(bytes(stream))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        above = await asyncio.open_connection("127.0.0.1", self.target)
        record = bytearray()
        self.recorded.append(record)
        for source, sink, kept in ((reader, above[1], bytearray()), (above[0], writer, record)):
            task = asyncio.create_task(_carry(source, sink, kept))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def listening(target: int) -> AsyncIterator[Wiretap]:
    """A tap in front of this port for as long as the block runs."""
    tap = Wiretap(target)
    server = await asyncio.start_server(tap._serve, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        for task in tap._tasks:
            task.cancel()
        await asyncio.gather(*tap._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close in their own turn


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter, kept: bytearray) -> None:
    try:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                kept += data
                sink.write(data)
                await sink.drain()
    finally:
        sink.transport.abort()


def messages(stream: bytes) -> Iterator[Heard]:
    """The MSG and HMSG frames of one direction of NATS's protocol."""
    at = 0
    while (end := stream.find(END, at)) >= 0:
        verb, *words = stream[at:end].decode().split(" ")
        at = end + len(END)
        if verb not in ("MSG", "HMSG"):
            continue
        size, head = int(words[-1]), int(words[-2]) if verb == "HMSG" else 0
        content = stream[at : at + size]
        if len(content) < size:
            return  # the line was cut here
        at += size + len(END)
        yield Heard(words[0], _headers(content[:head]), content[head:])


def _headers(block: bytes) -> dict[str, str]:
    lines = block.decode().split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name: value.strip() for name, _, value in pairs}


def frame(heard: Heard) -> bytes:
    """The same on the wire, for recordings that a test makes itself."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in heard.headers.items())
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    first = f"HMSG {heard.subject} 1 {len(head)} {len(head) + len(heard.body)}\r\n".encode()
    return first + head + heard.body + END

"""Servers that take letters for tests: a small SMTP server and a small SMS gateway, both real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any


@dataclass(slots=True)
class MailServer:
    """Speaks enough SMTP to take mail. refused: addresses that it knows not to exist."""

    port: int = 0
    raw: list[bytes] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    answer: bytes = b"250 taken"

    @property
    def mails(self) -> list[Message]:
        """What it took."""
        return [message_from_bytes(one) for one in self.raw]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 test\r\n")
            while line := await reader.readline():
                writer.write(await self._answered(line, reader) + b"\r\n")
                await writer.drain()
        writer.close()

    async def _answered(self, line: bytes, reader: asyncio.StreamReader) -> bytes:
        verb = line.split()[0].upper() if line.split() else b""
        if verb == b"RCPT":
            address = line.decode().partition("<")[2].partition(">")[0]
            return b"550 nobody" if address in self.refused else b"250 ok"
        if verb == b"DATA":
            return b"354 go on" if self.answer[:1] == b"2" else self.answer
        if verb in (b"EHLO", b"HELO", b"MAIL", b"RSET", b"NOOP", b"QUIT"):
            return b"250 ok" if verb != b"QUIT" else b"221 bye"
        # What follows a DATA, up to the dot that stands alone.
        lines = [line]
        while lines[-1].rstrip(b"\r\n") != b".":
            lines.append(await reader.readuntil(b"\n"))
        self.raw.append(b"".join(lines[:-1]))
        return self.answer


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """It runs as long as the block does."""
    box = MailServer()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


@dataclass(slots=True)
class Gateway:
    """Takes SMS over HTTP. status: what it answers."""

    port: int = 0
    status: int = 202
    raw: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/sms"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The bodies it was sent."""
        return [json.loads(one.partition(b"\r\n\r\n")[2]) for one in self.raw]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            named = head.decode().lower().splitlines()
            length = next(int(one[15:]) for one in named if one.startswith("content-length:"))
            self.raw.append(head + await reader.readexactly(length))
            writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\n".encode())
            writer.write(b"Connection: close\r\n\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def sms_gateway() -> AsyncIterator[Gateway]:
    """It runs as long as the block does."""
    box = Gateway()
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box

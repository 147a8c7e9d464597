"""Callers that POST cases over kept connections, as cheaply as Python can: they are not measured."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import urlsplit

from tests.bench.cast import Post


@dataclass(slots=True)
class Answers:
    """When each case that was accepted had been sent, by its number, in monotonic seconds."""

    sent_at: dict[str, float] = field(default_factory=dict)


class Line:
    """One connection to `url`; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str):
        self._reader = reader
        self._writer = writer
        self._head = head

    async def post(self, post: Post, token: str) -> str:
        """The number the case got. Raises AssertionError on any other answer than 202."""
        head = (
            f"{self._head}authorization: Bearer {token}\r\nidempotency-key: {post.key}\r\n"
            f"content-length: {len(post.body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + post.body)
        status, *headers = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next(h for h in headers if h.lower().startswith("content-length"))
        body = await self._reader.readexactly(int(length.partition(":")[2]))
        assert " 202 " in status, f"{status}: {body!r}"
        return str(json.loads(body)["case_number"])


@asynccontextmanager
async def lines(url: str, count: int) -> AsyncIterator[list[Line]]:
    """`count` open connections."""
    parts = urlsplit(url)
    head = (
        f"POST /intake/cases HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
    )
    opened = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(count)]
    try:
        yield [Line(reader, writer, head) for reader, writer in opened]
    finally:
        for _, writer in opened:
            writer.close()


async def post_all(
    open_lines: list[Line],
    posts: Iterable[Post],
    *,
    tokens: Mapping[str, str],
    per_second: float | None = None,
) -> Answers:
    """Send every case once: as fast as answers come, or spread evenly over time."""
    answers, waiting, start = Answers(), iter(enumerate(posts)), monotonic()

    async def work(line: Line) -> None:
        for nth, post in waiting:
            if per_second is not None:
                await asyncio.sleep(max(0.0, start + nth / per_second - monotonic()))
            sent = monotonic()
            answers.sent_at[await line.post(post, tokens[post.owner])] = sent

    async with asyncio.TaskGroup() as group:
        for line in open_lines:
            group.create_task(work(line))
    return answers

"""The line to the platform over HTTP, for whoever has no NATS: the same messages, in the same order.

What is done is confirmed with the next question, by its cursor, so a message is asked for again
until it and all before it are done. Meanwhile it is handed out once, and again after a while.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from contracts.envelope import Rejected
from contracts.structured import (
    CURSOR,
    CURSOR_HEADER,
    MEDIA_TYPE,
    RECORDED,
    SUBJECT,
    read_structured,
    write_structured,
)
from partners.kit.edge import SYSTEM, Edge
from partners.kit.errors import NotAdmitted, Unreachable
from partners.kit.keys import Keys
from partners.kit.link import LOOPBACK, Address
from partners.kit.raw import Raw
from partners.kit.token import Tokens
from partners.kit.watch import LOG

LIMIT: Final = 100
#: The platform answers at the latest after this.
WAIT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 20.0
#: As long as NATS waits before it gives a message out again.
AGAIN_SECONDS: Final = 30.0
_REFUSED: Final = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


@dataclass(slots=True)
class _Held:
    """A message that was handed out; `due` is when it may be again."""

    cursor: str
    tries: int
    due: float
    done: bool = False


class _State:
    """Up while the last question was answered."""

    def __init__(self) -> None:
        self.up = asyncio.Event()


class WebLine:
    """One organisation at the platform's HTTP address."""

    in_order = True
    door = "http"

    def __init__(self, client: httpx.AsyncClient, tokens: Tokens, *, where: str):
        self.watch = _State()
        self._client = client
        self._tokens = tokens
        self._where = where
        self._after: str | None = None
        self._since: datetime | None = None
        self._held: dict[int, _Held] = {}
        self._born: str | None = None

    @classmethod
    async def open(
        cls, keys: Keys, address: Address, *, patience: float | None, edge: Edge = SYSTEM
    ) -> Self:
        """Make sure that somebody answers, within `patience` seconds, for ever when None.

        Raises `NotAdmitted`, `Unreachable`, ValueError for an address in clear off this machine.
        """
        parts = urlsplit(address.url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise Unreachable(f"{parts.hostname} is not this machine: give an https:// address")
        client = httpx.AsyncClient(
            base_url=f"{parts.scheme}://{parts.netloc}/partners",
            verify=ssl.create_default_context(cafile=str(address.ca) if address.ca else None),
            timeout=ANSWER_SECONDS,
            trust_env=False,
        )
        line = cls(client, Tokens(keys, edge), where=f"{parts.hostname}:{parts.port or 443}")
        try:
            await line._reach(patience)
        except BaseException:
            await client.aclose()
            raise
        return line

    async def pull(self, wait: float) -> Sequence[Raw]:
        """See `Line`. A message that nobody finishes holds back what lies 100 messages after it."""
        self._confirm()
        open_now = any(not held.done for held in self._held.values())
        seconds = 0 if open_now else int(min(wait, WAIT_SECONDS))
        began = monotonic()
        try:
            events = await self._feed(limit=LIMIT, wait=seconds)
        except Unreachable as error:
            LOG.info("%s", error)
            await asyncio.sleep(min(wait, 1.0))
            return []
        fresh = [raw for event in events if (raw := self._handed_out(event)) is not None]
        if not fresh:  # also where `wait` is less than a second, and where all is in hand already
            await asyncio.sleep(max(0.0, min(wait, 1.0) - (monotonic() - began)))
        return fresh

    async def check_feed(self, *, patience: float) -> None:
        """See `Line`; opening has asked already."""

    async def birth(self) -> str | None:
        """See `Line`; each answer to a question for the feed says it."""
        return self._born

    async def publish(self, subject: str, body: bytes, *, headers: Mapping[str, str]) -> None:
        """See `Line`; the platform makes the subject of the type."""
        event = write_structured(headers, body)
        async with self._asking("the request"):
            answer = await self._client.post(
                "/requests", json=event, headers=self._headers() | {"Content-Type": MEDIA_TYPE}
            )
            self._check(answer)

    async def acknowledge(self, message: Raw) -> None:
        """See `Line`; told with the next question."""
        if message.sequence in self._held:
            self._held[message.sequence].done = True

    async def postpone(self, message: Raw, *, seconds: float) -> None:
        """See `Line`."""
        if message.sequence in self._held:
            self._held[message.sequence].due = monotonic() + seconds

    async def rewind(self, since: datetime) -> None:
        """See `Line`."""
        self._after, self._since = None, since
        self._held.clear()

    async def close(self) -> None:
        """Confirm what is done, and leave."""
        before = self._after
        self._confirm()
        if self._after != before:
            try:
                await self._feed(limit=1, wait=0)
            except (Unreachable, NotAdmitted):
                LOG.info("the last messages were not confirmed; they come once more")
        await self._client.aclose()

    async def _reach(self, patience: float | None) -> None:
        end = None if patience is None else monotonic() + patience
        while True:
            try:
                await self._feed(limit=1, wait=0)
                return
            except Unreachable:
                if end is not None and monotonic() > end:
                    raise
                await asyncio.sleep(0.2)

    async def _feed(self, *, limit: int, wait: int) -> list[dict[str, Any]]:
        query: dict[str, Any] = {"limit": limit, "wait": wait}
        if self._after is not None:
            query["after"] = self._after
        elif self._since is not None:
            query["since"] = self._since.isoformat()
        async with self._asking("the feed"):
            answer = await self._client.get("/feed", params=query, headers=self._headers())
            if answer.status_code == httpx.codes.GONE:
                self._begin_anew()
                raise Unreachable(f"{self._where} has made the feed anew; reading from its start")
            self._check(answer)
            self._born = answer.headers[CURSOR_HEADER].rpartition("-")[0]
            events: list[dict[str, Any]] = answer.json()
            return events

    def _begin_anew(self) -> None:
        """Places of before mean nothing now; the ledger recognises what it has."""
        LOG.warning("%s has made the feed anew", self._where)
        self._after = self._since = None
        self._held.clear()

    def _confirm(self) -> None:
        """Move the cursor over what is done without a gap; messages come in ascending order."""
        for sequence, held in sorted(self._held.items()):
            if not held.done:
                return
            self._after = held.cursor
            del self._held[sequence]

    def _handed_out(self, event: dict[str, Any]) -> Raw | None:
        """The message, unless somebody has it in hand."""
        cursor = str(event[CURSOR])
        sequence = int(cursor.rpartition("-")[2])
        held = self._held.setdefault(sequence, _Held(cursor=cursor, tries=0, due=0.0))
        if held.done or monotonic() < held.due:
            return None
        held.tries, held.due = held.tries + 1, monotonic() + AGAIN_SECONDS
        headers, body = read_structured(event)
        return Raw(
            subject=str(event[SUBJECT]),
            headers=headers,
            body=body,
            sequence=sequence,
            recorded_at=datetime.fromisoformat(event[RECORDED]),
            tries=held.tries,
            token=cursor,
        )

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        try:
            yield
        except (httpx.TransportError, ValueError, KeyError, Rejected) as error:
            self.watch.up.clear()
            kind = type(error).__name__
            raise Unreachable(f"{self._where} has not answered {what} ({kind})") from None
        self.watch.up.set()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens.current()}"}

    def _check(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        code = _code(answer)
        if answer.status_code in _REFUSED:
            raise NotAdmitted(
                f"{self._where} does not admit this key ({code}): it is not registered yet, was"
                " replaced or suspended; ask the platform's directory officer"
            )
        self.watch.up.clear()
        raise Unreachable(f"{self._where} cannot take this now ({code})")


def _code(answer: httpx.Response) -> str:
    """The problem's own name, which is no text of anybody's."""
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return str(answer.status_code)

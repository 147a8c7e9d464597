"""The feed by HTTP: the two calls of the platform's door, in front of the sandbox's streams.

It answers as the platform does: the same bytes, cursors, tokens and problems.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from itertools import count
from time import monotonic
from typing import Final

import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from nats.js.errors import NotFoundError
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.callers import CAUSES, RoleForbidden, TokenRefused, verify_token
from contracts.envelope import Rejected
from contracts.structured import (
    BATCH_MEDIA_TYPE,
    CURSOR,
    CURSOR_HEADER,
    RECORDED,
    SUBJECT,
    TYPE,
    RequestEvent,
    read_structured,
    write_structured,
)
from contracts.topology import OUT, feed_durable, stored_partner_subject
from partners.conformance.sandbox import Sandbox
from partners.kit.edge import Edge

AUDIENCE: Final = "referral"
PROGRAM: Final = "system"
#: Who has asked within this many seconds waits for messages.
AWAITED_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.05
#: The least and the most of each number in a question.
_BOUNDS: Final = {"limit": (1, 500), "wait": (0, 10)}
_DIGITS: Final = re.compile("[0-9]{1,18}")
#: What the platform says of each problem.
TITLES: Final = CAUSES | {
    "after_or_since": "Give either after or since",
    "cursor_unknown": "This cursor is no place of your feed",
    "invalid_request": "The request breaks a rule",
    "role_forbidden": "The caller's role may not do this",
}
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class WebDoor:
    """See `Door`; a cursor confirms all before it, and says how often the feed was made anew."""

    def __init__(self, sandbox: Sandbox, key: Ed25519PublicKey, edge: Edge):
        self.url = ""
        self.ended: set[int] = set()
        self._sandbox = sandbox
        self._key = key
        self._edge = edge
        self._births = count(1)
        self._born = next(self._births)
        self._confirmed = 0
        self._shown: set[int] = set()
        self._repeated = False
        self._loses = False
        self._asked_at = 0.0
        self._is_closing = False

    def close(self) -> None:
        """Let nobody wait any more."""
        self._is_closing = True

    async def is_awaited(self) -> bool:
        """See `Door`."""
        return monotonic() - self._asked_at < AWAITED_SECONDS

    async def ended_up_to(self) -> int:
        """See `Door`."""
        return self._confirmed

    async def rewind(self) -> None:
        """See `Door`; cursors of before are no places of this feed."""
        self._born, self._confirmed = next(self._births), 0
        self._shown.clear()

    async def lose_words(self, lost: bool) -> None:
        """See `Door`: no cursor is known, so the program reads from what was confirmed last."""
        self._loses, self._repeated = lost, False

    async def has_repeated(self) -> bool:
        """See `Door`."""
        return self._repeated

    def routes(self) -> list[Route]:
        """The two calls."""
        return [
            Route("/partners/feed", self._read_feed, methods=["GET"]),
            Route("/partners/requests", self._take_request, methods=["POST"]),
        ]

    async def _read_feed(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        query = request.query_params
        limit, wait = _number(query, "limit", 100), _number(query, "wait", 0)
        since = _moment(query.get("since"))
        if limit is None or wait is None or since is None:
            return _problem(422, "invalid_request")
        if {"after", "since"} <= query.keys():
            return _problem(400, "after_or_since")
        last = (await self._sandbox.jetstream.stream_info(OUT.name)).state.last_seq
        place = 0 if "since" in query else self._place(query.get("after"), last=last)
        if place is None:
            return _problem(410, "cursor_unknown")
        if "since" in query:
            found = await self._events(0, limit=limit, since=since)
            place = last
        else:
            found = await self._waited(place, limit=limit, end=monotonic() + wait)
        end = found[-1][CURSOR] if found else self._cursor(place)
        return JSONResponse(found, headers={CURSOR_HEADER: end}, media_type=BATCH_MEDIA_TYPE)

    def _place(self, after: str | None, *, last: int) -> int | None:
        """Where to read on; None for a cursor that is none. What comes before it is confirmed."""
        if after is None:
            return self._confirmed
        born, _, sequence = after.partition("-")
        if self._loses or born != str(self._born) or not _DIGITS.fullmatch(sequence):
            return None
        place = int(sequence)
        if place > last:
            return None
        if place > self._confirmed:
            self._confirmed = place
            self.ended |= {one for one in self._shown if one <= place}
        return place

    async def _waited(self, place: int, *, limit: int, end: float) -> list[dict[str, str]]:
        born = self._born
        while True:
            self._asked_at = monotonic()
            events = await self._events(place, limit=limit) if born == self._born else []
            if events or monotonic() >= end or born != self._born or self._is_closing:
                return events
            await asyncio.sleep(_LOOK_SECONDS)

    async def _events(
        self, place: int, *, limit: int, since: datetime = _LONG_AGO
    ) -> list[dict[str, str]]:
        (pattern,) = feed_durable(self._sandbox.code).filter_subjects
        events: list[dict[str, str]] = []
        while len(events) < limit:
            try:
                raw = await self._sandbox.jetstream.get_msg(
                    OUT.name, place + 1, subject=pattern, next=True
                )
            except NotFoundError:
                break
            place = raw.seq or 0
            if raw.time is None or raw.time < since:
                continue
            self._repeated |= place in self._shown
            self._shown.add(place)
            lies = {
                SUBJECT: raw.subject or "",
                RECORDED: raw.time.isoformat(),
                CURSOR: self._cursor(place),
            }
            events.append(write_structured(raw.headers or {}, raw.data or b"") | lies)
        return events

    async def _take_request(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        try:
            event = RequestEvent.model_validate_json(await request.body())
            headers, body = read_structured(event.model_dump())
        except ValidationError as error:
            return _invalid(
                *(
                    (str(one["loc"][0]) if one["loc"] else "body", one["type"])
                    for one in error.errors()
                )
            )
        except Rejected as rejected:
            return _invalid((rejected.field or "body", rejected.reason))
        name, version = TYPE.fullmatch(event.type).groups()  # type: ignore[union-attr]  # the model holds it
        subject = stored_partner_subject(self._sandbox.code, name, int(version))
        stored = await self._sandbox.jetstream.publish(subject, body, headers=headers)
        return JSONResponse({"id": event.id, "duplicate": bool(stored.duplicate)}, status_code=202)

    def _refusal(self, request: Request) -> Response | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            caller = verify_token(
                token if kind.lower() == "bearer" else None,
                audience=AUDIENCE,
                now=self._edge.now(),
                key_of=lambda issuer: self._key if issuer == self._sandbox.code else None,
            )
            caller.require(PROGRAM)
        except TokenRefused as error:
            refusal = _problem(401, error.code)
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        except RoleForbidden as error:
            allowed = {"rule": "allowed", "list": "role", "allowed": sorted(error.allowed)}
            return _problem(403, "role_forbidden", errors=[{"field": "role", **allowed}])
        return None

    def _cursor(self, place: int) -> str:
        return f"{self._born}-{place}"


@asynccontextmanager
async def served(door: WebDoor) -> AsyncIterator[None]:
    """Serve it on a port of this machine, for as long as the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    door.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        Starlette(routes=door.routes()),
        access_log=False,
        log_config=None,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        door.close()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Ctrl-C is for the examination, which then ends the server itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def _problem(status: int, code: str, **more: object) -> Response:
    kind, title = f"urn:siraba:problem:{code}", TITLES[code]
    body = {"type": kind, "title": title, "status": status, "code": code, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def _invalid(*broken: tuple[str, str]) -> Response:
    errors = [{"field": field, "rule": rule} for field, rule in broken]
    return _problem(422, "invalid_request", errors=errors)


def _number(query: Mapping[str, str], name: str, default: int) -> int | None:
    """None where it is no number, or none that is allowed."""
    text = query.get(name, str(default))
    least, most = _BOUNDS[name]
    return int(text) if _DIGITS.fullmatch(text) and least <= int(text) <= most else None


def _moment(text: str | None) -> datetime | None:
    """A long time ago where none is given; None where it is no moment, or has no zone."""
    if text is None:
        return _LONG_AGO
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None

"""At the one address a session becomes a pass for one service, and goes no further itself."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

import httpx

from contracts.passes import HEADER

#: Behind TLS and on loopback (chassis and browsers call the first one's prefix a promise).
SESSION_COOKIES: Final = ("__Host-siraba", "siraba_person")
#: Where referral makes passes; the front lets nobody else in there.
PASSES: Final = "session_pass"
#: Paths of people, at the root of the address, that referral answers.
PEOPLE: Final = ("login", "join", "leave")
#: What makes of the address an app on a telephone, which intake serves: a browser lets a worker see
#: what lies below its own path, and people sign in at the root.
APP: Final = ("worker.js", "app.webmanifest")

Headers = list[tuple[bytes, bytes]]


async def with_pass(
    headers: Headers, *, audience: str, referral: str, transport: httpx.AsyncBaseTransport
) -> Headers:
    """The headers that a service gets: a pass where the session holds, and no pass of a client's.

    Only referral, which keeps the sessions, is shown their cookie. While it is away nobody is
    signed in anywhere.
    """
    kept = [pair for pair in headers if pair[0].lower() != HEADER.encode()]
    session = _session(kept)
    if session is None:
        return kept
    if audience != "referral":
        kept = _without_session(kept)
    request = httpx.Request(
        "GET",
        f"{referral}/referral/{PASSES}?audience={audience}{_by_itself(kept)}",
        headers={"cookie": session},
        extensions={"timeout": httpx.Timeout(10, connect=5).as_dict()},
    )
    try:
        answer = await transport.handle_async_request(request)
        text = await answer.aread()
        await answer.aclose()
    except httpx.TransportError:
        return kept
    if answer.status_code != HTTPStatus.OK:
        return kept
    return [*kept, (HEADER.encode(), text)]


def _by_itself(headers: Headers) -> str:
    """What a page's script asks keeps nobody signed in: a board left open is no person at work.

    Every browser says so of it, and no page can say otherwise (Fetch Metadata, `empty`).
    """
    asked = {value for name, value in headers if name.lower() == b"sec-fetch-dest"}
    return "&by_itself=1" if b"empty" in asked else ""


def _session(headers: Headers) -> str | None:
    pairs = [pair for pair in _cookies(headers) if pair[0] in SESSION_COOKIES]
    return "; ".join(f"{name}={value}" for name, value in pairs) or None


def _without_session(headers: Headers) -> Headers:
    others = [pair for pair in _cookies(headers) if pair[0] not in SESSION_COOKIES]
    kept = [pair for pair in headers if pair[0].lower() != b"cookie"]
    text = "; ".join(f"{name}={value}" for name, value in others)
    return [*kept, (b"cookie", text.encode("latin-1"))] if text else kept


def _cookies(headers: Headers) -> Iterable[tuple[str, str]]:
    """Name and value as they came; a browser sends one header, HTTP/2 may have cut it into many."""
    for name, value in headers:
        if name.lower() == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, rest = part.strip().partition("=")
                yield key, rest

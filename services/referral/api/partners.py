"""HTTP in: the feed and the requests of organisations whose programs have no NATS.

The same messages, bytes and signatures as behind the other door, and everything that judges a
request stands behind both. Table error → problem at the end.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated, Final
from uuid import UUID

import nats.errors
from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from nats.js.errors import Error as JetStreamError
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.directory_keys import current_key
from chassis.inbox.received import Raw
from chassis.inbox.share import Shares
from chassis.web import BearerCaller, Refusal, Shown, Violation, rules_broken
from contracts.callers import Caller, UnknownIssuer
from contracts.envelope import Rejected
from contracts.structured import (
    BATCH_MEDIA_TYPE,
    CURSOR,
    CURSOR_HEADER,
    MEDIA_TYPE,
    RECORDED,
    SUBJECT,
    TYPE,
    RequestEvent,
    read_structured,
    write_structured,
)
from contracts.times import Moment
from contracts.topology import stored_partner_subject
from services.referral.gateways.door import Cursor, CursorUnknown, Door, IngressFull
from services.referral.gateways.waiting import Waits
from services.referral.store.directory import is_suspended

#: The role of a program of an organisation, as against its people.
PROGRAM: Final = "system"
#: A stop of the service waits for polls.
WAIT_SECONDS: Final = 10


class FeedEvent(Shown):
    """A CloudEvent of your feed; every attribute is text, and there may be more than these.

    Check the signature over the headers and the body that the other door would have given you:
    `ce-<name>` for each attribute, percent-encoded as in the CloudEvents binding for NATS.
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    feedsequence: str
    data_base64: Annotated[str, Field(description="The exact bytes of the JSON body.")]
    sirabasignature: str
    sirabasubject: Annotated[str, Field(description="The subject it lies under, which is signed.")]
    sirabarecorded: Annotated[str, Field(description="When the stream took it: judges its key.")]
    sirabacursor: Annotated[str, Field(description="`after=` for what comes next.")]


class RequestStored(Shown):
    """Stored for good; the answer comes in your feed."""

    id: UUID
    duplicate: Annotated[bool, Field(description="It was here already, under this id.")]


class Batch(JSONResponse):
    """A CloudEvents JSON batch."""

    media_type = BATCH_MEDIA_TYPE


@dataclass(slots=True)
class FeedDesk:
    """What the routes stand on; shares are an organisation's own, so that a flood delays its sender."""

    door: Door
    caller: BearerCaller
    web: AsyncEngine
    reads: Shares = field(default_factory=lambda: Shares(per_second=10, burst=100))
    writes: Shares = field(default_factory=Shares)


After = Annotated[
    str | None,
    Query(max_length=40, description="A cursor; what comes before it is confirmed by it."),
]
Since = Annotated[
    Moment | None,
    Query(description="A moment instead, within 90 days; confirms nothing."),
]
Limit = Annotated[int, Query(ge=1, le=500)]
Wait = Annotated[int, Query(ge=0, le=WAIT_SECONDS, description="Seconds to wait for a message.")]


def partner_router(desk: FeedDesk) -> APIRouter:
    """The routes; each needs a token of a program (role `system`) of an organisation."""
    routes = APIRouter(prefix="/partners", tags=["partners"])
    _add_feed(routes, desk)
    _add_requests(routes, desk)
    return routes


def _add_feed(routes: APIRouter, desk: FeedDesk) -> None:
    door, waits = desk.door, Waits(desk.door)
    program = desk.caller.having(PROGRAM)

    @routes.get("/feed", response_class=Batch, responses={200: {"model": list[FeedEvent]}})
    async def read_feed(
        who: Annotated[Caller, Depends(program)],
        *,
        after: After = None,
        since: Since = None,
        limit: Limit = 100,
        wait: Wait = 0,
    ) -> Batch:
        """My feed after a cursor, else after what was confirmed last, in order.

        The header `Siraba-Cursor` is where to go on, also when there was nothing.
        """
        _within(desk.reads, who)
        if after is not None and since is not None:
            raise Refusal(400, "after_or_since", "Give either after or since")
        code = who.organisation
        await _must_be_let_in(desk, code)
        async with _reached():
            if since is not None:
                return _batch(await door.read_since(code, since, limit=limit), door.end)
            place = await door.place(code, after)
            found = await waits.until_found(
                code, lambda: door.read(code, place, limit=limit), seconds=wait
            )
        if wait:  # it may have been cut off meanwhile
            await _must_be_let_in(desk, code)
        return _batch(found, place)


def _add_requests(routes: APIRouter, desk: FeedDesk) -> None:
    program = desk.caller.having(PROGRAM)

    @routes.post(
        "/requests",
        status_code=202,
        openapi_extra={"requestBody": {"content": {MEDIA_TYPE: {"schema": _SCHEMA}}}},
    )
    async def take_request(
        event: RequestEvent, who: Annotated[Caller, Depends(program)]
    ) -> RequestStored:
        """Ask; whether it is possible is answered in the feed."""
        _within(desk.writes, who)
        await _must_be_let_in(desk, who.organisation)
        name, version = TYPE.fullmatch(event.type).groups()  # type: ignore[union-attr]  # the model holds it
        headers, body = _read(event)
        async with _reached():
            stored = await desk.door.send(
                stored_partner_subject(who.organisation, name, int(version)), body, headers=headers
            )
        return RequestStored(id=UUID(event.id), duplicate=bool(stored.duplicate))


_SCHEMA: Final = {"$ref": "#/components/schemas/RequestEvent"}


def _batch(found: list[tuple[Cursor, Raw]], place: Cursor) -> Batch:
    end = found[-1][0] if found else place
    return Batch([_event(*one) for one in found], headers={CURSOR_HEADER: str(end)})


def _event(cursor: Cursor, raw: Raw) -> dict[str, str]:
    """A message with where and when it lies."""
    lies = {SUBJECT: raw.subject, RECORDED: raw.recorded_at.isoformat(), CURSOR: str(cursor)}
    return write_structured(raw.headers, raw.body) | lies


def _read(event: RequestEvent) -> tuple[dict[str, str], bytes]:
    try:
        return read_structured(event.model_dump())
    except Rejected as rejected:
        broken = Violation(field=rejected.field or "body", rule=rejected.reason)
        raise rules_broken(broken) from None


async def _must_be_let_in(desk: FeedDesk, code: str) -> None:
    """Raises Refusal for who is suspended, UnknownIssuer where its key has ended since it came in."""
    async with desk.web.connect() as connection:
        if await is_suspended(connection, code):
            raise Refusal(403, "suspended", "Your organisation is suspended")
        if await current_key(connection, code) is None:
            raise UnknownIssuer


def _within(shares: Shares, who: Caller) -> None:
    if not shares.fits(who.organisation, monotonic()):
        raise Refusal(429, "too_many", "More than your share", headers={"Retry-After": "1"})


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    """What the streams say, as a problem."""
    try:
        yield
    except CursorUnknown:
        raise Refusal(
            410,
            "cursor_unknown",
            "This cursor is no place of your feed",
            detail="The feed was made anew: read without after, and compare by the message ids.",
        ) from None
    except IngressFull:
        raise Refusal(
            429,
            "ingress_full",
            "You have sent more than we have read",
            headers={"Retry-After": "30"},
        ) from None
    except (nats.errors.Error, JetStreamError, TimeoutError):
        raise Refusal(
            503,
            "temporarily_unavailable",
            "The feeds cannot be reached right now; nothing was taken",
            headers={"Retry-After": "2"},
        ) from None

"""The page on which a focal point hands in the organisation's public keys, and sees what they lack."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.database import reading_as
from chassis.directory_keys import load_keys
from chassis.web import form_key
from contracts.callers import Caller
from contracts.handed_over import MOST_BYTES, HandedOver, HandedOverRefused
from contracts.keyring import PublicKey
from services.referral.pages.directory import FRESH, grouped
from services.referral.pages.door import PeoplesDoor
from services.referral.pages.fields import fields, uploaded
from services.referral.store import handed_keys
from services.referral.use_cases.handing_in import HandingRefused, hand_in, progress
from services.referral.use_cases.sending_once import Form, SentBefore

#: The field of the file.
FILE: Final = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form with a file as it came; fault: why the file is none that is taken."""

    form: Form
    document: HandedOver | None
    fault: str


def add_handing_in(app: FastAPI, door: PeoplesDoor) -> None:
    """`/keys`, for focal points."""
    routes = APIRouter(include_in_schema=False)
    sessions = replace(door.entrance.sessions, life=FRESH)
    fresh = replace(door.entrance, sessions=sessions, roles=("focal_point",))
    visitor = Annotated[Caller, Depends(fresh.visitor)]
    sender = Annotated[Caller, Depends(fresh.sender)]

    @routes.get("/keys")
    async def show_keys(request: Request, who: visitor) -> HTMLResponse:
        return await _shown(door, request, who)

    @routes.post("/keys")
    async def take_keys(request: Request, who: sender) -> Response:
        sent = await read_sent(door, request, await read_file(request), about="keys", who=who)
        fault = sent.fault
        if sent.document is not None:
            fault = await _taken(door, sent.form, sent.document, who=who)
        if fault:
            return await _shown(door, request, who, fault=fault)
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/keys?done=1", status_code=303)

    app.include_router(routes)


async def _taken(door: PeoplesDoor, form: Form, document: HandedOver, *, who: Caller) -> str:
    """Nothing, or why they are not taken."""
    try:
        async with door.parts.work.begin() as connection:
            await hand_in(connection, form, document, by=who, mint=door.parts.mint)
    except HandingRefused as refused:
        return refused.reason
    except SentBefore:
        return "sent"
    return ""


async def read_file(request: Request) -> bytes | None:
    """What was chosen, if anything."""
    return await uploaded(request, FILE, most=MOST_BYTES)


async def read_sent(
    door: PeoplesDoor, request: Request, content: bytes | None, *, about: str, who: Caller
) -> Sent:
    """The form and its file; one that is no `public.json` is kept nowhere. Raises Refusal without a key."""
    document, fault = None, "missing"
    if content is not None:
        try:
            document, fault = HandedOver.read(content), ""
        except HandedOverRefused as refused:
            fault = refused.reason
    said = {"file": document.write() if document else ""}
    form = await read_form(door, request, said, about=about, who=who)
    return Sent(form=form, document=document, fault=fault)


async def read_form(
    door: PeoplesDoor, request: Request, said: dict[str, str], *, about: str, who: Caller
) -> Form:
    """What a form without a file comes with. Raises Refusal: without its key a repeat would count."""
    given = await fields(request)
    key = form_key(given)
    digest = door.entrance.digest_of({**given, **said}.items())
    return Form(organisation=who.organisation, key=f"{key} {about}", digest=digest)


def lines_of(keys: tuple[PublicKey, ...] | list[PublicKey]) -> list[tuple[PublicKey, str]]:
    """Each with its id as it is read out by telephone."""
    return [(key, grouped(key.id)) for key in keys]


async def _shown(
    door: PeoplesDoor, request: Request, who: Caller, *, fault: str = ""
) -> HTMLResponse:
    now = door.parts.mint.moment()
    async with reading_as(door.parts.web, who.organisation) as connection:
        keys = await load_keys(connection, owner=who.organisation)
        handed = await handed_keys.newest(connection, who.organisation)
    one = None if handed is None else progress(handed, keys, now=now)
    context: dict[str, Any] = {
        "keys": lines_of([key for key in keys if key.counts(now)]),
        "one": one,
        "handed": lines_of(one.handed.document.keys) if one else [],
        "vouched_by": grouped(one.vouched_by) if one and one.vouched_by else "",
        "key": door.parts.mint.message_id(),
        "done": request.query_params.get("done") == "1",
        "fault": fault,
    }
    status = 200 if not fault else 409 if fault == "sent" else 422
    return door.pages.render(request, "keys.html", context, status=status)

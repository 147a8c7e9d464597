"""The directory for people: who takes part and with what; the committee suspends and takes back."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.database import reading_as
from chassis.directory_keys import load_keys
from chassis.web import Entrance, Refusal, Typed
from contracts.callers import Caller
from services.referral.pages.door import PeoplesDoor
from services.referral.pages.fields import fields
from services.referral.store import directory
from services.referral.use_cases.suspending import (
    ACTIVE,
    KEEPERS,
    SUSPENDED,
    StandingRefused,
    Wish,
    change_standing,
    may_keep,
)

#: Whoever signed in longer ago does so again before anybody is cut off.
FRESH: Final = timedelta(minutes=30)
LEAST_WORDS, MOST_WORDS = 3, 200
Code = Annotated[str, Path(pattern=r"^[A-Z0-9_]{1,24}$")]
_VERSION: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)


def add_directory(app: FastAPI, door: PeoplesDoor) -> None:
    """`/organisations`, `/organisations/{code}`, and what the committee's form there sends."""
    routes = APIRouter(include_in_schema=False)
    visitor = Annotated[Caller, Depends(door.entrance.visitor)]
    sessions = replace(door.entrance.sessions, life=FRESH)
    fresh = replace(door.entrance, sessions=sessions, roles=KEEPERS)
    sender = Annotated[Caller, Depends(fresh.sender)]

    @routes.get("/organisations")
    async def show_all(request: Request, who: visitor) -> HTMLResponse:
        async with reading_as(door.parts.web, who.organisation) as connection:
            found = await directory.current(connection)
            keeps = await may_keep(connection, who)
        context = {"entries": [one.entry for one in found.values()], "keeps": keeps}
        return door.pages.render(request, "organisations.html", context)

    @routes.get("/organisations/{code}")
    async def show_one(request: Request, code: Code, who: visitor) -> HTMLResponse:
        return await _shown(door, request, code, who=who)

    @routes.post("/organisations/{code}/state")
    async def change_state(request: Request, code: Code, *, who: sender) -> Response:
        given = await fields(request)
        wish = _wish(code, given)
        if wish is None:
            return await _shown(door, request, code, who=who, fault="why")
        try:
            async with door.parts.work.begin() as connection:
                await change_standing(connection, wish, by=who, mint=door.parts.mint)
        except StandingRefused as refused:
            if refused.reason == "unknown":
                raise unknown() from None
            return await _shown(door, request, code, who=who, fault=refused.reason)
        await door.parts.wake_relay()
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/organisations/{code}", status_code=303)

    _add_again(door, fresh)
    app.include_router(routes)


def _add_again(door: PeoplesDoor, fresh: Entrance) -> None:
    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        return await _shown(door, request, typed.at["code"], who=who, late=typed)

    fresh.shows("/organisations/{code}/state", show_again)


def _wish(code: str, given: dict[str, str]) -> Wish | None:
    """What the form says; None without a reason. A state or version that is none fits nothing."""
    why = reason(given)
    if why is None or given.get("state") not in (SUSPENDED, ACTIVE):
        return None
    on = read_version(given.get("version", ""))
    return Wish(code=code, state=given["state"], on=on, why=why)


def reason(given: Mapping[str, str]) -> str | None:
    """Why something is changed, as the history keeps it; None where it is not said."""
    why = " ".join(given.get("why", "").split())
    return why if LEAST_WORDS <= len(why) <= MOST_WORDS else None


def read_version(text: str) -> int:
    """The version that was looked at; what is none is no version's number."""
    return int(text) if _VERSION.fullmatch(text) else 0


async def _shown(
    door: PeoplesDoor,
    request: Request,
    code: str,
    *,
    who: Caller,
    fault: str = "",
    late: Typed | None = None,
) -> HTMLResponse:
    async with reading_as(door.parts.web, who.organisation) as connection:
        keeps = await may_keep(connection, who)
        found = (await directory.current(connection, {code})).get(code)
        if found is None or ((fault or late) and not keeps):
            raise unknown()
        keys = await load_keys(connection, owner=code)
        versions = await directory.versions(connection, code) if keeps else []
    now = door.parts.mint.moment()
    context: dict[str, Any] = {
        "entry": found.entry,
        "version": found.version,
        "keys": [(key, grouped(key.id), key.counts(now)) for key in keys],
        "keeps": keeps,
        "own": code == who.organisation,
        "versions": versions[::-1],
        "fault": fault,
        "late": late,
        "done": request.query_params.get("done") == "1",
    }
    return door.pages.render(request, "organisation.html", context, status=422 if fault else 200)


def grouped(fingerprint: str) -> str:
    """In fours, as it is read out by telephone."""
    return " ".join(re.findall(".{1,4}", fingerprint))


def unknown() -> Refusal:
    return Refusal(404, "unknown_organisation", "No organisation has this code")

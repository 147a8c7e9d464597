"""The form about an organisation in the directory: changed by the committee, shown before it counts."""

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from chassis.database import reading_as
from chassis.web import Entrance, Typed, committee_alone
from contracts.callers import Caller
from contracts.directory import DirectoryEntry
from contracts.vocabulary import codes
from services.referral.pages.amended import Pairs, amended, as_said, names, phone_of, zone_choices
from services.referral.pages.directory import FRESH, Code, read_version, reason, unknown
from services.referral.pages.door import PeoplesDoor
from services.referral.store import directory
from services.referral.store.directory import Current
from services.referral.use_cases.amending import Amendment, NotKeeper, amend
from services.referral.use_cases.changing import ChangedMeanwhile
from services.referral.use_cases.suspending import KEEPERS, may_keep

#: The button that keeps what was shown; any other leads to what would change, or back.
KEEP: Final = "keep"
BACK: Final = "back"


def add_amending(app: FastAPI, door: PeoplesDoor) -> None:
    """`/organisations/{code}/entry`: what is known, then what would change, then it counts."""
    routes = APIRouter(include_in_schema=False)
    sessions = replace(door.entrance.sessions, life=FRESH)
    fresh = replace(door.entrance, sessions=sessions, roles=KEEPERS)
    visitor = Annotated[Caller, Depends(fresh.visitor)]
    sender = Annotated[Caller, Depends(fresh.sender)]

    @routes.get("/organisations/{code}/entry")
    async def show_form(request: Request, code: Code, who: visitor) -> HTMLResponse:
        found = await _found(door, code, who)
        return _form(door, request, found, said=as_said(found.entry))

    @routes.post("/organisations/{code}/entry")
    async def take_form(request: Request, code: Code, who: sender) -> Response:
        found = await _found(door, code, who)
        said, control = _parted(await request.form())
        if read_version(control.get("version", "")) != found.version:
            return _passed(door, request, found)
        entry, faults = amended(found.entry, said)
        if entry == found.entry:
            faults = frozenset({"same"})
        if entry is None or faults or control.get("go") == BACK:
            return _form(door, request, found, said=said, faults=faults)
        why = reason(control)
        if control.get("go") != KEEP or why is None:
            lacks = control.get("go") == KEEP
            return _changes(door, request, found, entry=entry, said=said, lacks_reason=lacks)
        wish = Amendment(entry=entry, on=found.version, why=why)
        if not await _kept(door, wish, who):
            return _passed(door, request, await _found(door, code, who))
        await door.parts.wake_relay()
        root = request.scope.get("root_path", "")
        return RedirectResponse(f"{root}/organisations/{code}?done=1", status_code=303)

    _add_again(door, fresh)
    app.include_router(routes)


def _add_again(door: PeoplesDoor, fresh: Entrance) -> None:
    async def show_again(request: Request, who: Caller, typed: Typed) -> HTMLResponse:
        """As it was typed, unless somebody has changed the entry meanwhile."""
        found = await _found(door, typed.at["code"], who)
        said, control = _parted(typed.said)
        if read_version(control.get("version", "")) != found.version:
            return _passed(door, request, found)
        entry, faults = amended(found.entry, said)
        if entry is None or control.get("go") != KEEP:
            return _form(door, request, found, said=said, faults=faults, is_late=True)
        why = control.get("why", "")
        return _changes(door, request, found, entry=entry, said=said, late_reason=why)

    fresh.shows("/organisations/{code}/entry", show_again)


async def _found(door: PeoplesDoor, code: str, who: Caller) -> Current:
    """The entry, for whoever keeps the directory. Raises Refusal."""
    async with reading_as(door.parts.web, who.organisation) as connection:
        if not await may_keep(connection, who):
            raise committee_alone()
        found = (await directory.current(connection, {code})).get(code)
    if found is None:
        raise unknown()
    return found


async def _kept(door: PeoplesDoor, wish: Amendment, who: Caller) -> bool:
    """Whether it counts now; not where somebody else was quicker. Raises Refusal."""
    try:
        async with door.parts.work.begin() as connection:
            await amend(connection, wish, by=who, mint=door.parts.mint)
    except ChangedMeanwhile:
        return False
    except NotKeeper:
        raise committee_alone() from None
    return True


def _parted(form: FormData) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """What is said of the organisation, and what the form itself needs."""
    ours = names()
    pairs = [(name, text) for name, text in form.multi_items() if isinstance(text, str)]
    return [one for one in pairs if one[0] in ours], dict(
        one for one in pairs if one[0] not in ours
    )


def _form(
    door: PeoplesDoor,
    request: Request,
    found: Current,
    *,
    said: Pairs,
    faults: frozenset[str] = frozenset(),
    status: int = 422,
    is_late: bool = False,
) -> HTMLResponse:
    context: dict[str, Any] = {
        "is_late": is_late,
        "entry": found.entry,
        "version": found.version,
        "said": {name: text for name, text in said},
        "chosen": frozenset(said),
        "faults": faults,
        "zones": zone_choices(),
        "codes": {name: codes(name) for name in ("service", "sex", "language")},
    }
    status = status if faults else 200
    return door.pages.render(request, "organisation_entry.html", context, status=status)


def _passed(door: PeoplesDoor, request: Request, found: Current) -> HTMLResponse:
    """Somebody was quicker: the form with what they made of it."""
    now = as_said(found.entry)
    return _form(door, request, found, said=now, faults=frozenset({"changed"}), status=409)


def _changes(
    door: PeoplesDoor,
    request: Request,
    found: Current,
    *,
    entry: DirectoryEntry,
    said: Pairs,
    lacks_reason: bool = False,
    late_reason: str | None = None,
) -> HTMLResponse:
    context: dict[str, Any] = {
        "before": found.entry,
        "after": entry,
        "phones": (phone_of(found.entry), phone_of(entry)),
        "version": found.version,
        "said": said,
        "lacks_reason": lacks_reason,
        "late_reason": late_reason,
    }
    status = 422 if lacks_reason else 200
    return door.pages.render(request, "organisation_changes.html", context, status=status)

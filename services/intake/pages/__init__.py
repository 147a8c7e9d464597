"""The pages of intake: the dossiers open to an organisation, its own cases, the form; French first."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from chassis.web import Pages, Refusal, language_of, to_start
from contracts.callers import Caller
from services.intake.pages.case_acts import add_case_acts
from services.intake.pages.filling import FormDesk, add_form
from services.intake.pages.handing_over import add_handing_over
from services.intake.pages.offline import OfflineDesk, add_offline
from services.intake.pages.own_cases import add_own_cases
from services.intake.pages.own_consent import add_own_consent
from services.intake.pages.own_told import add_own_told
from services.intake.pages.reading import in_words
from services.intake.pages.slip import add_slip
from services.intake.pages.standing import Desk
from services.intake.pages.together import TogetherDesk, add_together
from services.intake.use_cases.acknowledging import Heard, acknowledge_withdrawals
from services.intake.use_cases.listing import list_dossiers
from services.intake.use_cases.opening import open_disclosure

__all__ = [
    "LIFE",
    "ROLES",
    "Desk",
    "FormDesk",
    "OfflineDesk",
    "TogetherDesk",
    "add_form",
    "add_offline",
    "add_pages",
    "add_together",
    "layout",
]

HERE = Path(__file__).parent
ROLES = ("officer", "case_owner", "focal_point")
# A telephone that lies about opens nothing for long.
LIFE = timedelta(minutes=30)


def layout() -> Pages:
    """Our templates and words, before the chassis's own."""
    return Pages(templates=[HERE / "templates"], locales=[HERE / "locale"])


def add_pages(app: FastAPI, desk: Desk) -> None:
    """`/` with the open dossiers, `/dossiers/…`, `/mine` with our cases; `/enter`, `/leave`, `/again`."""
    desk.entrance.add_to(app)
    desk.entrance.add_again(app)
    routes = APIRouter(include_in_schema=False)
    _add_reading(routes, desk)
    _add_confirming(routes, desk)
    add_own_cases(routes, desk)
    add_own_consent(routes, desk)
    add_own_told(routes, desk)
    add_case_acts(routes, desk)
    add_handing_over(routes, desk)
    add_slip(routes, desk)
    app.include_router(routes)


def _add_reading(routes: APIRouter, desk: Desk) -> None:
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/")
    async def show_dossiers(request: Request, who: visitor) -> HTMLResponse:
        async with desk.parts.work.begin() as connection:
            listed = await list_dossiers(connection, who=who, by=desk.discloser)
        return desk.render(request, "dossiers.html", who, listed=listed)

    @routes.get("/dossiers/{referral_id}")
    async def show_dossier(request: Request, referral_id: UUID, who: visitor) -> HTMLResponse:
        async with desk.parts.work.begin() as connection:
            opened = await open_disclosure(connection, referral_id, who=who, by=desk.discloser)
        if opened is None:
            raise _nothing_there()
        read = in_words(opened.content, language_of(request))
        return desk.render(request, "dossier.html", who, opened=opened, parts=read)


def _add_confirming(routes: APIRouter, desk: Desk) -> None:
    sender = Annotated[Caller, Depends(desk.entrance.sender)]

    @routes.post("/dossiers/{referral_id}/withdrawals/{withdrawal_id}")
    async def confirm(
        request: Request, referral_id: UUID, withdrawal_id: UUID, *, who: sender
    ) -> RedirectResponse:
        heard = Heard(
            organisation=who.organisation,
            withdrawal_id=withdrawal_id,
            referral_id=referral_id,
            request_id=None,
            trace=request.scope.get("siraba.hop"),
        )
        async with desk.parts.work.begin() as connection:
            (known,) = await acknowledge_withdrawals(connection, [heard], by=desk.discloser)
        if known is None:
            raise _nothing_there()
        await desk.parts.wake_relay()
        return to_start(request)


def _nothing_there() -> Refusal:
    """Somebody else's referral and one that is not look the same."""
    return Refusal(404, "not_found", "There is no such referral to your organisation")

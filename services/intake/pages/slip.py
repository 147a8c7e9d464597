"""The slip that the person can carry: the case number, once to read and once as a code, and not a word more."""

from typing import Annotated, Final
from uuid import UUID

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from contracts.callers import Caller
from services.intake.pages.own_cases import see_case
from services.intake.pages.standing import Desk

#: Points of the screen that one dot of the code takes: 4 cm on paper.
SCALE: Final = 6


def add_slip(routes: APIRouter, desk: Desk) -> None:
    """`/mine/{case_id}/slip`."""
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/mine/{case_id}/slip")
    async def show_slip(request: Request, case_id: UUID, who: visitor) -> HTMLResponse:
        case = await see_case(desk, case_id, who=who)
        return desk.render(request, "slip.html", who, case=case, drawn=draw(case["number"]))


def draw(number: str) -> Markup:
    """A number as a QR code that a tired telephone reads from creased paper, also in dark colours."""
    code = segno.make_qr(number, error="q")
    return Markup(code.svg_inline(scale=SCALE, light="#fff", border=4))  # noqa: S704 - drawn by us

"""The page on which an owner reads who could see what of a person, by which right and until when."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from contracts.callers import Caller
from services.intake.pages.acting import nothing_there
from services.intake.pages.standing import Desk
from services.intake.pages.words import FIELDS, SECTIONS
from services.intake.use_cases.cutting import unwritten
from services.intake.use_cases.recounting import recount


def add_own_told(routes: APIRouter, desk: Desk) -> None:
    """`/mine/{case_id}/told`."""
    visitor = Annotated[Caller, Depends(desk.entrance.visitor)]

    @routes.get("/mine/{case_id}/told")
    async def show_told(request: Request, case_id: UUID, who: visitor) -> HTMLResponse:
        case = await recount(desk.parts.reads, who, case_id, at=desk.parts.mint.moment())
        if case is None:
            raise nothing_there()
        return desk.render(request, "own_told.html", who, case=case, parts_of=parts_of)


def parts_of(fields: Iterable[str]) -> list[tuple[str, list[str]]]:
    """(heading, labels), for gettext, of fields as a receipt lists them, in the order of their reading."""
    names = {unwritten(text) for text in fields}
    return [
        (
            heading,
            list(
                dict.fromkeys(label for name, label in FIELDS.items() if (section, name) in names)
            ),
        )
        for section, heading in SECTIONS.items()
        if any(section == one for one, _ in names)
    ]

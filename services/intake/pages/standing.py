"""What the pages of intake stand on."""

from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import HTMLResponse

from chassis.assembly import Parts
from chassis.web import Entrance, Pages
from contracts.callers import Caller
from services.intake.use_cases.disclosing import Discloser


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the pages stand on."""

    parts: Parts
    discloser: Discloser
    entrance: Entrance
    pages: Pages

    def render(
        self,
        request: Request,
        template: str,
        who: Caller,
        *,
        status: int = 200,
        **context: object,
    ) -> HTMLResponse:
        """One of our pages; like every answer that says nothing else, no browser may keep it."""
        common = {
            "organisation": who.organisation,
            "now": self.parts.mint.moment(),
        }
        return self.pages.render(request, template, common | context, status=status)

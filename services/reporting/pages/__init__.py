"""The page of the figures, for people with a session; French first."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import Entrance, Pages, language_of
from contracts.callers import Caller
from contracts.vocabulary import label
from services.reporting.domain import PARAMETERS, BadWindow, Window, read_window, require_year
from services.reporting.domain.disclosure import step_for
from services.reporting.use_cases import Figures, count_figures

HERE = Path(__file__).parent
ROLES = ("analyst", "data_officer")


def layout() -> Pages:
    """Our templates and words, before the chassis's own."""
    return Pages(templates=[HERE / "templates"], locales=[HERE / "locale"])


def add_pages(app: FastAPI, pages: Pages, *, web: AsyncEngine, entrance: Entrance) -> None:
    """`/` with the figures, `/enter?token=` and `/leave`."""
    entrance.add_to(app)

    @app.get("/", include_in_schema=False)
    async def show_figures(
        request: Request, who: Annotated[Caller, Depends(entrance.visitor)]
    ) -> HTMLResponse:
        now, step = entrance.clock(), step_for(who.role)
        asked = _asked(request)
        try:
            window = read_window(asked, now=now)
            if step > 1:
                require_year(window)
        except BadWindow as bad:
            # The form again, over the figures that need no asking.
            counted = await count_figures(web, read_window({}, now=now), step=step)
            context = _context(counted, {}, language_of(request))
            return pages.render(request, "figures.html", context | {"bad": bad}, status=422)
        counted = await count_figures(web, window, step=step)
        context = _context(counted, asked, language_of(request))
        return pages.render(request, "figures.html", context, kept=asked)


def _asked(request: Request) -> dict[str, str]:
    """What the form holds; a browser sends the fields left empty, and a moment without offset."""
    asked = {name: value for name, value in request.query_params.items() if name in PARAMETERS}
    if (as_of := asked.get("as_of", "")) and as_of[-1:].isdigit() and as_of[-6:-5] not in "+-":
        asked["as_of"] = f"{as_of}Z"
    return {name: value for name, value in asked.items() if value}


def _context(counted: Figures, asked: dict[str, str], language: str) -> dict[str, Any]:
    states, median = counted.referrals_by_state, counted.time_to_answer.median_seconds
    return {
        "counted": counted,
        "window": counted.window,
        "last_day": counted.window.end - timedelta(days=1),
        "states": [(label("referral_state", state, language), n) for state, n in states.items()],
        "total": sum(states.values()),
        "median": None if median is None else timedelta(seconds=median),
        "latest": max((one.recorded_at for one in counted.followed), default=None),
        "asked_as_of": asked.get("as_of", "").removesuffix("Z"),
        "same_again": urlencode(_fixed(counted.window)),
        "bad": None,
    }


def _fixed(window: Window) -> dict[str, str]:
    """The question that gets exactly these figures again."""
    as_of = window.as_of.isoformat().replace("+00:00", "Z")
    return {"from": window.start.isoformat(), "to": window.end.isoformat(), "as_of": as_of}

"""The boards as pages that keep themselves up to date, for people with a session."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from babel.dates import get_month_names
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from chassis.web import Entrance, Pages, Refusal, language_of
from contracts.callers import Caller
from contracts.vocabulary import codes, label
from services.reporting.domain.disclosure import step_for
from services.reporting.domain.rounding import Count
from services.reporting.use_cases.boarding import BOARDS, FIRST_YEAR, Board, Boards, NoBoard

#: Seconds between looks at how far the streams are counted, and looks until a page asks anew: its
#: session is looked at again then, and a service that stops waits for nobody longer.
PAUSE: Final = 2.0
LOOKS: Final = 7
#: Pages that listen at one time; each holds a connection of the front address.
LISTENERS: Final = 64
_RECENT_YEARS: Final = 5
#: Divisions that are lists of the vocabulary.
_LISTS: Final = ("region", "service", "organisation_kind", "urgency")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Which board of which year somebody looks at, and in what steps."""

    name: str
    year: int
    step: int


def add_boards(
    app: FastAPI, pages: Pages, *, boards: Boards, entrance: Entrance, pause: float = PAUSE
) -> None:
    """`/boards/{name}`, and `/boards/{name}/changes`, which tells a page that it is old."""
    listeners: set[object] = set()
    asked = _asking(boards, entrance)

    @app.get("/boards/{name}", include_in_schema=False)
    async def show_board(request: Request, what: Annotated[_Asked, Depends(asked)]) -> HTMLResponse:
        board = await boards.recent(what.name, what.year)
        context = _context(board.as_seen(what.step), boards.this_year(), language_of(request))
        kept = {"year": str(what.year)}
        return pages.render(request, f"board_{what.name}.html", context, kept=kept, live=True)

    @app.get("/boards/{name}/changes", include_in_schema=False, response_class=EventSourceResponse)
    async def tell_changes(
        what: Annotated[_Asked, Depends(asked)],
    ) -> AsyncIterator[ServerSentEvent]:
        me = object()
        if len(listeners) >= LISTENERS:
            yield ServerSentEvent(comment="full", retry=60_000)
            return
        listeners.add(me)
        try:
            for nth in range(LOOKS):
                if nth:
                    await asyncio.sleep(pause)
                board = await boards.newest(what.name, what.year)
                tag = board.as_seen(what.step).tag
                yield ServerSentEvent(event="counted", raw_data=tag, retry=2_000)
        finally:
            listeners.discard(me)


def _asking(boards: Boards, entrance: Entrance) -> Callable[..., _Asked]:
    """A dependency: what a visitor asks for. A year that is no year is this one."""

    def asked(
        name: str, who: Annotated[Caller, Depends(entrance.visitor)], year: str = ""
    ) -> _Asked:
        chosen = year if year.isascii() and year.isdigit() and len(year) == 4 else ""
        what = _Asked(
            name=name,
            year=int(chosen) if chosen else boards.this_year(),
            step=step_for(who.role),
        )
        try:
            boards.require(what.name, what.year)
        except NoBoard:
            raise _unknown() from None
        return what

    return asked


def _unknown() -> Refusal:
    return Refusal(404, "unknown_board", "There is no such board")


def _context(board: Board, this_year: int, language: str) -> dict[str, Any]:
    year = board.window.start.year
    last = min(this_year, max(year + _RECENT_YEARS // 2, FIRST_YEAR + _RECENT_YEARS - 1))
    return {
        "board": board,
        "boards": list(BOARDS),
        "year": year,
        "years": [one for one in range(last - _RECENT_YEARS + 1, last + 1) if one >= FIRST_YEAR],
        "counts": board.counts,
        "rows": lambda division, *names: _rows(board, division, names, language=language),
        "share": _share,
        "name_of": lambda one: (
            (one.name_fr if language == "fr" else one.name_en) or one.organisation
        ),
    }


def _rows(
    board: Board, division: str, names: Sequence[str], *, language: str
) -> list[tuple[str, list[int]]] | None:
    """A row for each code that one of the counts has; None where the division may not be shown."""
    divided = [board.counts[name].by.get(division) for name in names]
    if any(one is None for one in divided):
        return None
    parts: list[Mapping[str, int]] = [one for one in divided if one is not None]
    found = {code for one in parts for code in one}
    return [
        (_said(division, code, language), [one.get(code, 0) for one in parts])
        for code in _in_order(division, found)
    ]


def _in_order(division: str, found: Collection[str]) -> list[str]:
    """As the vocabulary lists them, what is in no list last; every month of the year."""
    if division == "month":
        return [f"{nth:02}" for nth in range(1, 13)]
    listed = codes(division) if division in _LISTS else ()
    return [
        *(one for one in listed if one in found),
        *sorted(one for one in found if one not in listed),
    ]


def _said(division: str, code: str, language: str) -> str:
    if division == "month":
        return str(get_month_names("wide", "stand-alone", language)[int(code)])
    if division in _LISTS and code != "unknown":
        return label(division, code, language)
    return code


def _share(part: Count, whole: Count) -> int | None:
    """In whole per cent; None of nothing."""
    return round(100 * part.whole / whole.whole) if whole.whole else None

"""HTTP in: a year's numbers in the form that others ask for.

Nothing is published here: that is decided once, and what is out is kept as it was shown
(docs/decisions/0026).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import BearerCaller, KeyLookup, Refusal
from contracts.identifiers import Mint
from services.reporting.api.asking import MOMENT, ROLES, not_there, refusal
from services.reporting.domain import BadWindow, is_calendar_year, read_window
from services.reporting.exports import EXPORTS, Export, as_csv, lines, meanings
from services.reporting.exports.answering import file_answer
from services.reporting.use_cases.recalling import Out, list_editions, recall_year

_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
    304: {"description": "The file is the one of the `If-None-Match` given."},
}


def router(*, web: AsyncEngine, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """The routes, for whoever sees figures."""
    routes = APIRouter(tags=["exports"])
    caller = BearerCaller(audience="reporting", key_of=key_of, clock=mint.moment)
    # Whoever may see no figures learns nothing of what may be asked, either.
    reader = Depends(caller.having(*ROLES))

    @routes.get(
        "/exports/{name}", response_class=Response, responses=_ANSWERS, dependencies=[reader]
    )
    async def export_year(
        *,
        request: Request,
        name: str,
        year: Annotated[int, Query(ge=1970, le=2999, description="A calendar year.")],
        as_of: Annotated[str | None, Query(description=MOMENT)] = None,
    ) -> Response:
        """The last public edition of a year, or that of a moment, as `glotip`, `ctdc` or `htcds`."""
        export, moment = _export(name), _moment(as_of, mint)
        drawn = await recall_year(web, year, as_of=moment)
        if drawn is None:
            raise _not_out(await list_editions(web), year)
        return _csv(request, lines(export, drawn), name=f"{name}-{year}")

    @routes.get(
        "/exports/{name}/dictionary",
        response_class=Response,
        responses=_ANSWERS,
        dependencies=[reader],
    )
    async def explain_export(request: Request, name: str) -> Response:
        """What each column of an export holds, and where that comes from."""
        return _csv(request, meanings(_export(name)), name=f"{name}-dictionary")

    return routes


def _export(name: str) -> Export:
    if name not in EXPORTS:
        title = "There is no such export"
        raise not_there("name", "unknown_export", title, known=[*EXPORTS])
    return EXPORTS[name]


def _moment(as_of: str | None, mint: Mint) -> datetime | None:
    if as_of is None:
        return None
    try:
        return read_window({"as_of": as_of}, now=mint.moment()).as_of
    except BadWindow as bad:
        raise refusal(bad.field, bad.rule) from None


def _not_out(out: Sequence[Out], year: int) -> Refusal:
    """Names the public years that are out, or the moments of this one; none that are for inside."""
    public = [
        one
        for one in out
        if one.audience == "public" and is_calendar_year(one.first_day, one.end_day)
    ]
    moments = [_written(one.as_of) for one in public if one.first_day.year == year]
    field, known = ("as_of", moments) if moments else ("year", _years(public))
    title = "No public edition of this year is out"
    return not_there(field, "edition_not_out", title, known=known, place="query")


def _years(public: Sequence[Out]) -> list[str]:
    return sorted({str(one.first_day.year) for one in public})


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _csv(request: Request, rows: Iterable[Sequence[str | int]], *, name: str) -> Response:
    return file_answer(request, as_csv(rows).encode(), name=f"{name}.csv")

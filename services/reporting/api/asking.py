"""What every route reads of a request, and how it refuses; table error → problem."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request

from chassis.web import BearerCaller, Refusal, Violation, rules_broken
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.domain import PARAMETERS, BadWindow, Window, read_window, require_year

ROLES = ("analyst", "data_officer", "operator")
#: A part may be so small that it points at somebody: only who may see the cases sees these.
ROLE = "data_officer"
DAY = "YYYY-MM-DD; by default the bound of the calendar year of as_of."
MOMENT = "YYYY-MM-DDThh:mm:ssZ; now by default, and at the latest."
#: What a route with an ETag says of it.
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "Nothing has been counted since the `If-None-Match` given."}
}


def window_of(request: Request, mint: Mint, *, a_year: bool = False) -> Window:
    """The window a request asks for. Raises `Refusal`. a_year: only a calendar year will do."""
    asked = {name: value for name, value in request.query_params.items() if name in PARAMETERS}
    try:
        window = read_window(asked, now=mint.moment())
        if a_year:
            require_year(window)
        return window
    except BadWindow as bad:
        raise refusal(bad.field, bad.rule) from None


def refusal(field: str, rule: str, *, allowed: Sequence[str] = ()) -> Refusal:
    """Names the parameter and the rule it breaks, and what could stand there; never what stood."""
    violation = Violation(field=field, rule=rule, place="query")
    if allowed:
        violation["allowed"] = tuple(allowed)
    return rules_broken(violation)


def not_there(
    field: str,
    rule: str,
    title: str,
    *,
    known: Sequence[str],
    place: Literal["path", "query"] = "path",
) -> Refusal:
    """A name that nothing has; which names there are, never the one that was asked for."""
    wrong = Violation(field=field, rule=rule, place=place, allowed=tuple(known))
    return Refusal(404, rule, title, errors=[wrong])


def asking(caller: BearerCaller, mint: Mint) -> Callable[..., Window]:
    """A dependency: the window that a data officer asks for."""

    def asked(
        *,
        request: Request,
        who: Annotated[Caller, Depends(caller)],
        start: Annotated[str | None, Query(alias="from", description=DAY)] = None,
        end: Annotated[str | None, Query(alias="to", description=DAY)] = None,
        as_of: Annotated[str | None, Query(description=MOMENT)] = None,
    ) -> Window:
        who.require(ROLE)
        return window_of(request, mint)

    return asked

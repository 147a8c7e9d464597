"""HTTP in: the boards as JSON, for programs that look again and again."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from chassis.web import BearerCaller, KeyLookup, Refusal, Shown
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.reporting.api.asking import ROLES, UNCHANGED, not_there, refusal
from services.reporting.api.figures import Position
from services.reporting.domain.disclosure import step_for
from services.reporting.use_cases.boarding import BOARDS, Board, Boards, NoBoard


class Counted(Shown):
    """What is counted, in which unit, and how many of each code; a code nobody has is left out.

    by: a division is left out where, with all numbers rounded, it would tell of a few.
    """

    unit: str
    meaning: str
    whole: int
    by: dict[str, dict[str, int]]


class SilentOrganisation(Shown):
    """last_on: the day of its last word, null where none came; referrals: that wait for its answer."""

    organisation: str
    last_on: date | None
    referrals: int


class ShownBoard(Shown):
    """A board over days `from` ≤ day < `to`, of events recorded before `as_of`.

    rounded_down_to: each number is the last multiple of it; 1: none is rounded. silent: on the
    board of operations, those without a word for 60 days. Not for publication.
    """

    board: str
    start: date = Field(serialization_alias="from")
    end: date = Field(serialization_alias="to")
    as_of: datetime
    followed: list[Position]
    rounded_down_to: int
    counts: dict[str, Counted]
    silent: list[SilentOrganisation]


def router(boards: Boards, *, key_of: KeyLookup, mint: Mint) -> APIRouter:
    """The route; it needs a token of an organisation of the directory."""
    routes = APIRouter(tags=["figures"])
    caller = BearerCaller(audience="reporting", key_of=key_of, clock=mint.moment)

    @routes.get(
        "/figures/boards/{name}",
        response_model=ShownBoard,
        responses=UNCHANGED,
    )
    async def show_board(
        *,
        name: str,
        request: Request,
        response: Response,
        who: Annotated[Caller, Depends(caller)],
        year: Annotated[
            int | None, Query(description="Calendar year; this one by default.")
        ] = None,
    ) -> ShownBoard | Response:
        """committee, operations or quality. An analyst gets numbers rounded down to a multiple of 5."""
        who.require(*ROLES)
        try:
            newest = await boards.newest(name, boards.this_year() if year is None else year)
        except NoBoard as unknown:
            raise _refusal(unknown) from None
        board = newest.as_seen(step_for(who.role))
        tag = f'W/"{board.tag}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        response.headers["ETag"] = tag
        return _shown(board)

    return routes


def _refusal(unknown: NoBoard) -> Refusal:
    if unknown.field == "year":
        return refusal("year", "year_that_has_begun")
    return not_there("name", "unknown_board", "There is no such board", known=[*BOARDS])


def _shown(board: Board) -> ShownBoard:
    asked = BOARDS[board.name]
    return ShownBoard(
        board=board.name,
        start=board.window.start,
        end=board.window.end,
        as_of=board.window.as_of,
        followed=[Position(**asdict(one)) for one in board.followed],
        rounded_down_to=board.step,
        counts={
            name: Counted(
                unit=one.unit,
                meaning=asked[name].meaning,
                whole=one.whole,
                by={division: dict(parts) for division, parts in one.by.items()},
            )
            for name, one in board.counts.items()
        },
        silent=[
            SilentOrganisation(
                organisation=one.organisation, last_on=one.last_on, referrals=one.referrals
            )
            for one in board.silent
        ],
    )

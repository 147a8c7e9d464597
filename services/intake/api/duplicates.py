"""HTTP in: owners look at cases that may be of one person, say what they are, and undo a merge."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, StrictBool

from chassis.audit import Look
from chassis.web import BearerCaller, Refusal, Shown
from contracts.callers import Caller
from services.intake.api.access import Problems, on_record
from services.intake.api.consents import ConsentDesk
from services.intake.domain.duplicates import (
    AlreadyMerged,
    NotMerged,
    NotOwner,
    NotTheirsToUndo,
    OneIsClosed,
)
from services.intake.store import duplicates
from services.intake.use_cases.merging import (
    DECIDE,
    UNMERGE,
    Deciding,
    decide_pair,
    unmerge_pair,
)

State = Literal["open", "dismissed", "merged"]


class Candidate(Shown):
    """Two cases that may be of one person.

    numbers: those of the two that are ours; other: who owns the other, None when both are ours.
    kind, agreed: how sure it is, in codes. we_said, they_said: whether it is one person, once said.
    """

    pair_id: UUID
    numbers: list[str]
    other: str | None
    kind: str
    agreed: list[str]
    found_at: datetime
    state: State
    we_said: bool | None
    they_said: bool | None


class Candidates(Shown):
    """The newest 200, newest first."""

    duplicates: list[Candidate]


class SamePerson(BaseModel):
    """Whether both cases are of one person."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    same_person: StrictBool


class PairState(Shown):
    """Where the pair stands now; it is `merged` once both owners have said yes."""

    pair_id: UUID
    state: State


def duplicate_router(desk: ConsentDesk) -> APIRouter:
    """The routes; every one needs a token of an organisation that owns, or owned, one of the two."""
    routes = APIRouter(tags=["duplicates"])
    caller = desk.caller.having("officer", "case_owner", "focal_point")
    _add_list(routes, desk, caller)
    _add_decisions(routes, desk, caller)
    return routes


def _add_list(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.get("/duplicates")
    async def list_duplicates(
        who: Annotated[Caller, Depends(caller)], state: State = "open"
    ) -> Candidates:
        """Cases of ours that may be of one person with another, ours or not."""
        rows = await desk.parts.reads.audited_read(
            who,
            lambda connection: duplicates.listed(connection, state),
            lambda found: Look(action="duplicates", shown=len(found)),
        )
        shown = [_candidate(row, who.organisation) for row in rows]
        return Candidates.model_validate({"duplicates": shown})


def _add_decisions(routes: APIRouter, desk: ConsentDesk, caller: BearerCaller) -> None:
    @routes.put("/duplicates/{pair_id}/decision")
    async def decide(
        pair_id: UUID,
        request: Request,
        *,
        body: SamePerson,
        who: Annotated[Caller, Depends(caller)],
    ) -> PairState:
        """Say whether it is one person; the last word counts until the cases are merged."""
        deciding = _deciding(request, who, pair_id)
        async with (
            on_record(desk.parts, who, DECIDE, problems=PROBLEMS),
            desk.parts.work.begin() as connection,
        ):
            state = await decide_pair(
                connection, deciding, same_person=body.same_person, by=desk.discloser
            )
        return await _told(desk, pair_id, state)

    @routes.post("/duplicates/{pair_id}/unmerge")
    async def unmerge(
        pair_id: UUID, request: Request, who: Annotated[Caller, Depends(caller)]
    ) -> PairState:
        """Undo the merge that this pair has made; the pair is dismissed."""
        deciding = _deciding(request, who, pair_id)
        async with (
            on_record(desk.parts, who, UNMERGE, problems=PROBLEMS),
            desk.parts.work.begin() as connection,
        ):
            state = await unmerge_pair(connection, deciding, by=desk.discloser)
        return await _told(desk, pair_id, state)


def _deciding(request: Request, who: Caller, pair_id: UUID) -> Deciding:
    return Deciding(who=who, pair_id=pair_id, trace=request.scope.get("siraba.hop"))


async def _told(desk: ConsentDesk, pair_id: UUID, state: str | None) -> PairState:
    if state is None:
        raise Refusal(404, "not_found", "There is no such pair with a case of your organisation")
    await desk.parts.wake_relay()
    return PairState.model_validate({"pair_id": pair_id, "state": state})


def _candidate(row: Mapping[str, Any], organisation: str) -> dict[str, Any]:
    owners = {row["earlier_owner"], row["later_owner"]} - {organisation}
    other = min(owners, default=None)
    return {
        **row,
        "other": other,
        "we_said": row["said"].get(organisation),
        "they_said": row["said"].get(other),
    }


PROBLEMS: Problems = {
    NotOwner: lambda: Refusal(403, "not_owner", "Whoever owns the cases now decides"),
    AlreadyMerged: lambda: Refusal(409, "merged", "The cases are merged: undo the merge instead"),
    NotMerged: lambda: Refusal(409, "not_merged", "This pair has merged nothing"),
    OneIsClosed: lambda: Refusal(
        409, "case_closed", "One of the two cases is closed: reopen it, or close the other, first"
    ),
    NotTheirsToUndo: lambda: Refusal(
        403, "not_owner", "The surviving case's owner undoes it, or the merged case's first owner"
    ),
}

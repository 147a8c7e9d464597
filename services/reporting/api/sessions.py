"""HTTP in: organisations report sessions; data officers see which look alike, and tell them apart."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web import BearerCaller, KeyLookup, Refusal, Shown, Violation, rules_broken
from contracts.callers import Caller
from contracts.identifiers import Mint
from contracts.intake import Organisation
from contracts.reports import ReportSession
from services.reporting.api.asking import ROLE
from services.reporting.store import sessions
from services.reporting.use_cases.recording import Said, distinguish_session, record_sessions

#: Sessions that one answer lists.
ROOM = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDesk:
    """What it takes to publish. work: the working role's engine; wake: pokes the relay."""

    work: AsyncEngine
    key_of: KeyLookup
    mint: Mint
    wake: Callable[[], Awaitable[None]]


class SessionKept(Shown):
    """The session is recorded, under the id that its organisation gave it."""

    session_id: UUID


class SessionAlike(Shown):
    """A session that looks like another. organisation: who reported it; participants: in all."""

    organisation: str
    session_id: UUID
    organiser: str
    session_kind: str
    held_on: date
    region: str
    cercle: str | None
    participants: int


class SessionsAlike(Shown):
    """Those that look alike next to each other, the first that was said of them first: it counts."""

    sessions: list[SessionAlike]


def session_router(desk: SessionDesk) -> APIRouter:
    """The routes; any person of an organisation reports, data officers decide."""
    routes = APIRouter(prefix="/sessions", tags=["sessions"])
    caller = BearerCaller(audience="reporting", key_of=desk.key_of, clock=desk.mint.moment)
    _add_reporting(routes, desk, caller)
    _add_judging(routes, desk, caller.having(ROLE))
    return routes


def _add_reporting(routes: APIRouter, desk: SessionDesk, caller: BearerCaller) -> None:
    @routes.post("", status_code=202)
    async def report_session(
        request: Request, report: ReportSession, who: Annotated[Caller, Depends(caller)]
    ) -> SessionKept:
        """Say that a session was held; said again under its id, it takes the first word's place."""
        require_held(report, today=desk.mint.moment().date())
        said = Said(
            organisation=who.organisation,
            report=report,
            cause=None,
            trace=request.scope.get("siraba.hop"),
        )
        async with desk.work.begin() as connection:
            await record_sessions(connection, [said], mint=desk.mint)
        await desk.wake()
        return SessionKept(session_id=report.session_id)


def _add_judging(routes: APIRouter, desk: SessionDesk, officer: BearerCaller) -> None:
    @routes.get("/alike", dependencies=[Depends(officer)])
    async def list_alike() -> SessionsAlike:
        """Reports of one organiser, kind, day and place: of each group one counts."""
        async with desk.work.connect() as connection:
            found = await sessions.alike(connection, as_of=desk.mint.moment(), room=ROOM)
        return SessionsAlike(sessions=[SessionAlike(**asdict(one)) for one in found])

    @routes.put(
        "/{organisation}/{session_id}/distinction",
        status_code=204,
        dependencies=[Depends(officer)],
    )
    async def tell_apart(organisation: Organisation, session_id: UUID) -> None:
        """Say that it is no double report of another: it counts by itself from then on."""
        async with desk.work.begin() as connection:
            if not await distinguish_session(connection, organisation, session_id, mint=desk.mint):
                raise Refusal(404, "not_found", "There is no such session")
        await desk.wake()


def require_held(report: ReportSession, *, today: date) -> None:
    """Raises `Refusal`: who counts participants has held the session."""
    if not report.was_held(today):
        raise rules_broken(Violation(field="held_on", rule="in_future", place="body"))

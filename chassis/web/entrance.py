"""Lets people in by a link: it becomes a session, which every page asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from chassis.web.callers import Clock, KeyLookup, read_caller
from chassis.web.refusals import CALLER
from chassis.web.session import Sessions
from contracts.callers import Caller, TokenMissing


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The door of one service's pages.

    Args:
        key_of, clock: what links are checked with.
        roles: who may come in; asked again at each page.
    """

    sessions: Sessions
    key_of: KeyLookup
    clock: Clock
    roles: Sequence[str]

    def add_to(self, app: FastAPI) -> None:
        """Add `GET /enter?token=`, which swaps a short-lived token for a session, and `POST /leave`."""

        @app.get("/enter", include_in_schema=False)
        async def enter(request: Request, token: str = "") -> Response:
            caller = await read_caller(
                token, audience=self.sessions.service, now=self.clock(), key_of=self.key_of
            )
            caller.require(*self.roles)
            response = to_start(request)
            self.sessions.open(response, caller, now=self.clock())
            return response

        @app.post("/leave", include_in_schema=False)
        async def leave(request: Request) -> Response:
            response = to_start(request)
            self.sessions.close(response)
            return response

    async def visitor(self, request: Request) -> Caller:
        """The FastAPI dependency of a page. Raises TokenMissing, which people see as the door."""
        caller = self.sessions.caller(request, now=self.clock())
        if caller is None:
            raise TokenMissing
        request.scope[CALLER] = caller.organisation
        caller.require(*self.roles)
        return caller

    async def sender(self, request: Request) -> Caller:
        """The same for what a form sends, if the form is one of this session. Raises Refusal, too."""
        caller = await self.visitor(request)
        await self.sessions.check_form(request)
        return caller


def to_start(request: Request) -> RedirectResponse:
    """Go on at the app's first page, and read it anew."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/", status_code=303)

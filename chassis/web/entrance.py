"""Lets people in: by the pass that the front address brings for their session, or by a link."""

import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from chassis.web.again import MARK_FIELD, Again, Show, Typed
from chassis.web.callers import Clock, KeyLookup, read_caller
from chassis.web.pages import VISIT
from chassis.web.problems import Refusal
from chassis.web.refusals import CALLER
from chassis.web.session import FORM_FIELD, Sessions, check_form, check_origin
from contracts.callers import Caller, TokenMissing
from contracts.keyring import Keyring
from contracts.passes import HEADER, PassRefused, read_pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who looks at a page. form, mark: what its forms carry; signed_in: by an account, not by a link.

    mark: whose a form is, also when its session is over; empty where no form is shown again.
    """

    caller: Caller
    form: str
    mark: str
    signed_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The door of one service's pages.

    Args:
        key_of, clock: what links are checked with.
        ring: the platform's public keys, by which passes are checked; without them none is let in.
        roles: who may come in; asked again at each page.
        again: the forms that are shown again to whoever took too long over them, if any are.
    """

    sessions: Sessions
    key_of: KeyLookup
    clock: Clock
    roles: Sequence[str]
    ring: Callable[[], Keyring] = Keyring
    again: Again | None = None

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

    def add_again(self, app: FastAPI) -> None:
        """Add `POST /again`, where who signed in again finds a form as it was filled in."""
        if self.again is None:
            return
        again = self.again

        @app.post("/again", include_in_schema=False)
        async def go_on(request: Request) -> Response:
            try:
                who = await self.visitor(request)
            except TokenMissing:
                await again.keep_on(request)
                raise
            return await again.show(request, who)

    def shows(self, path: str, show: Show) -> None:
        """The form that goes to this path is shown again, to who may come in here; see `Again`."""

        async def show_to(request: Request, who: Caller, typed: Typed) -> Response:
            who.require(*self.roles)
            return await show(request, who, typed)

        if self.again is not None:
            self.again.shows(path, show_to)

    def digest_of(self, said: Iterable[tuple[str, object]]) -> bytes:
        """Of a form's answers, by which a second sending is known.

        Few answers are possible, so that a bare digest could be guessed: it is under a key of ours,
        where forms are shown again one that outlives a restart.
        """
        secret = self.again.keeper.secret if self.again else self.sessions.secret
        answers = sorted((n, v) for n, v in said if n not in (FORM_FIELD, MARK_FIELD))
        text = json.dumps(answers, default=str).encode()
        return hmac.digest(secret, b"a form sent:" + text, "sha256")

    async def visitor(self, request: Request) -> Caller:
        """The FastAPI dependency of a page. Raises TokenMissing, which people see as the door."""
        visit = self._by_pass(request) or self._by_link(request)
        if visit is None:
            raise TokenMissing
        request.scope[VISIT] = visit
        request.scope[CALLER] = visit.caller.organisation
        visit.caller.require(*self.roles)
        return visit.caller

    async def sender(self, request: Request) -> Caller:
        """The same for what a form sends, if the form is one of this session. Raises Refusal, too.

        Raises Late where the session of the form is over, and what was typed can be shown again.
        """
        try:
            caller = await self.visitor(request)
        except TokenMissing:
            await self._keep(request)
            raise
        visit: Visit = request.scope[VISIT]
        if visit.signed_in:
            check_origin(request)
        try:
            await check_form(request, visit.form)
        except Refusal:
            await self._keep(request, caller)
            raise
        return caller

    async def _keep(self, request: Request, who: Caller | None = None) -> None:
        if self.again is not None:
            await self.again.keep(request, who)

    def _visit(self, caller: Caller, *, form: str, signed_in: bool) -> Visit:
        mark = self.again.keeper.mark(caller) if self.again else ""
        return Visit(caller=caller, form=form, mark=mark, signed_in=signed_in)

    def _by_pass(self, request: Request) -> Visit | None:
        """Whoever signed in too long ago for this service does so again."""
        text = request.headers.get(HEADER)
        if text is None:
            return None
        now = self.clock()
        try:
            shown = read_pass(text, audience=self.sessions.service, now=now, keys=self.ring())
        except PassRefused:
            return None
        if now - shown.signed_in_at >= self.sessions.life:
            return None
        return self._visit(shown.caller, form=shown.form, signed_in=True)

    def _by_link(self, request: Request) -> Visit | None:
        caller = self.sessions.caller(request, now=self.clock())
        if caller is None:
            return None
        return self._visit(caller, form=self.sessions.form_token(request), signed_in=False)


def to_start(request: Request) -> RedirectResponse:
    """Go on at the app's first page, and read it anew."""
    return RedirectResponse(f"{request.scope.get('root_path', '')}/", status_code=303)

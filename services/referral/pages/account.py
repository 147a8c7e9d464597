"""Somebody's own account: where it is open, a new password, and codes of a new telephone."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.web import Refusal
from contracts.callers import Caller
from services.referral.domain.accounts import PASSWORD_LIMIT
from services.referral.pages.code_keys import entered_code, new_key, opened_key, shown_key
from services.referral.pages.door import PeoplesDoor, attempted
from services.referral.pages.fields import fields
from services.referral.store import accounts, recoveries
from services.referral.store.accounts import Account
from services.referral.use_cases.inviting import digest_of
from services.referral.use_cases.own_account import Proof, change_password, renew_codes

OTHERS = "others"


def add_account(app: FastAPI, door: PeoplesDoor) -> None:
    """`/account` and what its forms send; each change asks again for password and code."""
    routes = APIRouter(include_in_schema=False)
    _add_sessions(routes, door)
    _add_password(routes, door)
    _add_codes(routes, door)
    app.include_router(routes)


def _add_sessions(routes: APIRouter, door: PeoplesDoor) -> None:
    visitor = Annotated[Caller, Depends(door.entrance.visitor)]
    sender = Annotated[Caller, Depends(door.entrance.sender)]

    @routes.get("/account")
    async def show_account(request: Request, who: visitor, done: str = "") -> HTMLResponse:
        return await _shown(door, request, await account_of(door, who), done=done)

    @routes.post("/account/sessions")
    async def end_sessions(request: Request, who: sender) -> Response:
        account, here = await account_of(door, who), _session(door, request)
        ended = (await fields(request)).get("session", "")
        async with door.parts.work.begin() as connection:
            if ended == OTHERS:
                await accounts.end_others(connection, account.account_id, here)
            else:
                await accounts.end_own(connection, account.account_id, _digest(ended))
        return _back(request, done="sessions")


def _add_password(routes: APIRouter, door: PeoplesDoor) -> None:
    sender = Annotated[Caller, Depends(door.entrance.sender)]

    @routes.post("/account/password")
    async def take_password(request: Request, who: sender) -> Response:
        account, given = await account_of(door, who), await fields(request)
        proof = await _proof(door, request, given, account=account)
        async with door.parts.work.begin() as connection:
            fault = await change_password(
                connection,
                proof,
                password=given.get("new", "")[: PASSWORD_LIMIT + 1],
                again=given.get("again", "")[: PASSWORD_LIMIT + 1],
                now=door.parts.mint.moment(),
                credentials=door.credentials,
            )
        if fault is not None:
            return await _shown(door, request, account, fault=fault)
        return _back(request, done="password")


def _add_codes(routes: APIRouter, door: PeoplesDoor) -> None:
    visitor = Annotated[Caller, Depends(door.entrance.visitor)]
    sender = Annotated[Caller, Depends(door.entrance.sender)]

    @routes.get("/account/codes")
    async def show_codes(request: Request, who: visitor) -> HTMLResponse:
        account = await account_of(door, who)
        sealed = new_key(door.credentials, door.parts, account.account_id)
        return _codes(door, request, account, sealed=sealed)

    @routes.post("/account/codes")
    async def take_codes(request: Request, who: sender) -> Response:
        account, given = await account_of(door, who), await fields(request)
        sealed = given.get("sealed", "")
        key = opened_key(door.credentials, sealed, account.account_id)
        proof = await _proof(door, request, given, account=account)
        async with door.parts.work.begin() as connection:
            fault = await renew_codes(
                connection,
                proof,
                code_key=key,
                code=entered_code(given.get("new_code", "")),
                now=door.parts.mint.moment(),
                credentials=door.credentials,
            )
        if fault is not None:
            return _codes(door, request, account, sealed=sealed, fault=fault)
        return _back(request, done="codes")


async def account_of(door: PeoplesDoor, who: Caller) -> Account:
    """The account of whoever is signed in. Raises Refusal where it is gone by now."""
    async with door.parts.work.connect() as connection:
        # What signed them in is an account's pass: its person is the account.
        account = await accounts.by_id(connection, UUID(str(who.person)))
    if account is None:
        raise Refusal(404, "not_found", "There is no such account")
    return account


async def _proof(
    door: PeoplesDoor, request: Request, given: Mapping[str, str], *, account: Account
) -> Proof:
    attempt = await attempted(door, given, login=account.login)
    return Proof(attempt=attempt, session=_session(door, request))


def _session(door: PeoplesDoor, request: Request) -> bytes:
    return digest_of(request.cookies.get(door.cookie, ""))


def _digest(text: str) -> bytes:
    """What the page calls a session; whatever else comes is no session of anybody's."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


async def _shown(
    door: PeoplesDoor,
    request: Request,
    account: Account,
    *,
    done: str = "",
    fault: str | None = None,
) -> HTMLResponse:
    now, here = door.parts.mint.moment(), _session(door, request)
    async with door.parts.work.begin() as connection:
        found = await accounts.open_sessions(connection, account.account_id, now=now)
        news = await recoveries.news(connection, account.account_id)
        await recoveries.tell(connection, account.account_id, now=now)
    context: dict[str, Any] = {
        "account": account,
        "open": [(one.digest.hex(), one, one.digest == here) for one in found],
        "news": news,
        "done": done,
        "fault": fault,
    }
    return door.pages.render(request, "account.html", context, status=422 if fault else 200)


def _codes(
    door: PeoplesDoor,
    request: Request,
    account: Account,
    *,
    sealed: str,
    fault: str | None = None,
) -> HTMLResponse:
    context = {"account": account, "fault": fault}
    shown = shown_key(door.credentials, sealed, account)
    return door.pages.render(request, "codes.html", context | shown, status=422 if fault else 200)


def _back(request: Request, *, done: str) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/account?done={done}", status_code=303)

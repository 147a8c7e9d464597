"""The page of an invitation: a person chooses a password and sets up the codes of a telephone."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.assembly import Parts
from chassis.web import Pages, Refusal, check_origin
from services.referral.domain.accounts import PASSWORD_LIMIT
from services.referral.gateways.credentials import Credentials
from services.referral.pages.code_keys import entered_code, new_key, opened_key, shown_key
from services.referral.store import accounts
from services.referral.store.accounts import Account
from services.referral.use_cases.inviting import digest_of
from services.referral.use_cases.signing_in import Joining, join


def add_invitation(
    routes: APIRouter, *, parts: Parts, pages: Pages, credentials: Credentials
) -> None:
    """`/join`: looking changes nothing, so that a preview of the address does not use it up."""

    @routes.get("/join")
    async def look(request: Request, token: str = "") -> HTMLResponse:
        account = await _invited(parts, token)
        shown = new_key(credentials, parts, account.account_id)
        context = _context(credentials, account, shown, secret=token)
        return pages.render(request, "join.html", context, kept={"token": token})

    @routes.post("/join")
    async def take_up(request: Request) -> Response:
        check_origin(request)
        form = await request.form()
        given = {name: str(form.get(name, ""))[: PASSWORD_LIMIT + 1] for name in _FIELDS}
        account = await _invited(parts, given["token"])
        key = opened_key(credentials, given["sealed"], account.account_id)
        entered = Joining(
            secret=given["token"],
            password=given["password"],
            again=given["again"],
            code=entered_code(given["code"]),
            code_key=key,
        )
        now = parts.mint.moment()
        async with parts.work.begin() as connection:
            fault = await join(connection, entered, now=now, credentials=credentials)
        if fault is not None:
            context = _context(credentials, account, given["sealed"], secret=given["token"])
            kept = {"token": given["token"]}
            return pages.render(
                request, "join.html", context | {"fault": fault}, status=422, kept=kept
            )
        return RedirectResponse("/login?joined=1", status_code=303)


_FIELDS: Final = ("token", "sealed", "password", "again", "code")


def _context(
    credentials: Credentials, account: Account, sealed: str, *, secret: str
) -> dict[str, object]:
    """What the page shows."""
    shown = shown_key(credentials, sealed, account)
    return {"account": account, "invitation": secret, "fault": None, **shown}


async def _invited(parts: Parts, secret: str) -> Account:
    async with parts.work.begin() as connection:
        account = await accounts.invited(connection, digest_of(secret), now=parts.mint.moment())
    if account is None:
        raise Refusal(404, "not_found", "There is no such invitation")
    return account

"""The page of an invitation: a person chooses a password and sets up the codes of a telephone."""

import base64
from binascii import Error
from typing import Final
from urllib.parse import quote
from uuid import UUID

from cryptography.exceptions import InvalidTag
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from chassis.assembly import Parts
from chassis.web import Pages, Refusal, check_origin
from services.referral.domain.accounts import PASSWORD_LIMIT
from services.referral.gateways.credentials import Credentials
from services.referral.store import accounts
from services.referral.store.accounts import Account
from services.referral.use_cases.inviting import digest_of
from services.referral.use_cases.signing_in import Joining, join

#: RFC 4226 §4: at least 128 bits, better 160.
CODE_KEY_BYTES: Final = 20


def add_invitation(
    routes: APIRouter, *, parts: Parts, pages: Pages, credentials: Credentials
) -> None:
    """`/join`: looking changes nothing, so that a preview of the address does not use it up."""

    @routes.get("/join")
    async def look(request: Request, token: str = "") -> HTMLResponse:
        account = await _invited(parts, token)
        sealed = credentials.seal(parts.mint.entropy(CODE_KEY_BYTES), account.account_id)
        shown = base64.urlsafe_b64encode(sealed).decode()
        context = _context(credentials, account, shown, secret=token)
        return pages.render(request, "join.html", context, kept={"token": token})

    @routes.post("/join")
    async def take_up(request: Request) -> Response:
        check_origin(request)
        form = await request.form()
        given = {name: str(form.get(name, ""))[: PASSWORD_LIMIT + 1] for name in _FIELDS}
        account = await _invited(parts, given["token"])
        key = _opened(credentials, given["sealed"], account.account_id)
        entered = Joining(
            secret=given["token"],
            password=given["password"],
            again=given["again"],
            code=given["code"].replace(" ", "")[:6],
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
    """What the page shows; the key in groups of four, as authenticators take it by hand."""
    key = _text_of(credentials.open(_bytes_of(sealed), account.account_id))
    name = quote(f"Siraba:{account.login}")
    return {
        "account": account,
        "invitation": secret,
        "sealed": sealed,
        "key": " ".join(key[at : at + 4] for at in range(0, len(key), 4)),
        "address": f"otpauth://totp/{name}?secret={key}&issuer=Siraba",
        "fault": None,
    }


async def _invited(parts: Parts, secret: str) -> Account:
    async with parts.work.begin() as connection:
        account = await accounts.invited(connection, digest_of(secret), now=parts.mint.moment())
    if account is None:
        raise Refusal(404, "not_found", "There is no such invitation")
    return account


def _opened(credentials: Credentials, sealed: str, account_id: UUID) -> bytes:
    """What the page had shown; whatever else comes is no form of ours."""
    try:
        return credentials.open(_bytes_of(sealed), account_id)
    except (InvalidTag, ValueError, Error):
        raise Refusal(403, "foreign_form", "The form is not one of this page") from None


def _bytes_of(sealed: str) -> bytes:
    return base64.urlsafe_b64decode(sealed)


def _text_of(key: bytes) -> str:
    """As authenticators take it: base32 without padding."""
    return base64.b32encode(key).decode().rstrip("=")

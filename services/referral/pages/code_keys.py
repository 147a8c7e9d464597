"""The key of somebody's codes on its way to their telephone: sealed in the form, shown on the page."""

import base64
from binascii import Error
from typing import Final
from urllib.parse import quote
from uuid import UUID

from cryptography.exceptions import InvalidTag

from chassis.assembly import Parts
from chassis.web import Refusal
from services.referral.gateways.credentials import Credentials
from services.referral.store.accounts import Account

#: RFC 4226 §4: at least 128 bits, better 160.
CODE_KEY_BYTES: Final = 20
CODE_CHARACTERS: Final = 6


def new_key(credentials: Credentials, parts: Parts, account_id: UUID) -> str:
    """A new one, sealed for this account, as the form carries it."""
    sealed = credentials.seal(parts.mint.entropy(CODE_KEY_BYTES), account_id)
    return base64.urlsafe_b64encode(sealed).decode()


def shown_key(credentials: Credentials, sealed: str, account: Account) -> dict[str, str]:
    """What the page shows of it: in groups of four, as authenticators take it by hand."""
    key = base64.b32encode(opened_key(credentials, sealed, account.account_id))
    text = key.decode().rstrip("=")
    name = quote(f"Siraba:{account.login}")
    return {
        "sealed": sealed,
        "key": " ".join(text[at : at + 4] for at in range(0, len(text), 4)),
        "address": f"otpauth://totp/{name}?secret={text}&issuer=Siraba",
    }


def opened_key(credentials: Credentials, sealed: str, account_id: UUID) -> bytes:
    """What the page had shown. Raises Refusal for whatever else comes: it is no form of ours."""
    try:
        return credentials.open(base64.urlsafe_b64decode(sealed), account_id)
    except (InvalidTag, ValueError, Error):
        raise Refusal(422, "foreign_key", "The key is not one that this page showed") from None


def entered_code(text: str) -> str:
    """A code as a person enters it, with or without a space in the middle."""
    return text.replace(" ", "")[:CODE_CHARACTERS]

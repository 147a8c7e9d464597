"""What says for one request who sits at the browser: made by referral, which keeps the accounts.

A pass is `<payload in base64url>.<signature>`, signed as `contracts.signing` describes with a key of
referral's. The front address asks for one at each request of a session and hands it to the service
in HEADER; a service therefore never sees the session itself, and no pass outlives LIFETIME.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from contracts.callers import ORGANISATION, PERSON, ROLES, Caller
from contracts.keyring import Keyring, decode_base64url, encode_base64url
from contracts.signing import SignatureRefused, Signer, verify

HEADER: Final = "x-siraba-pass"
OWNER: Final = "referral"
LIFETIME: Final = timedelta(minutes=1)
CHARACTERS: Final = 2000


class PassRefused(Exception):
    """Nobody stands behind it, it is another service's, or its minute is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Who asks. signed_in_at: when they last proved it; form: what the session's forms carry."""

    caller: Caller
    signed_in_at: datetime
    form: str


def issue_pass(one: Pass, *, audience: str, now: datetime, signer: Signer) -> str:
    """The pass for one service, good from `now` for a minute."""
    said = {
        "org": one.caller.organisation,
        "role": one.caller.role,
        "sub": one.caller.person,
        "aud": audience,
        "iat": now.timestamp(),
        "auth": one.signed_in_at.timestamp(),
        "form": one.form,
    }
    payload = json.dumps(said, separators=(",", ":")).encode()
    return f"{encode_base64url(payload)}.{signer.sign(payload, kind='pass')}"


def read_pass(text: str, *, audience: str, now: datetime, keys: Keyring) -> Pass:
    """Who asks, as far as referral says so now and to this service. Raises PassRefused."""
    if len(text) > CHARACTERS:
        raise PassRefused
    encoded, _, signature = text.partition(".")
    try:
        payload = decode_base64url(encoded)
        verify(signature, payload, kind="pass", keys=keys, owner=OWNER, at=now)
        said = json.loads(payload)
    except (SignatureRefused, ValueError, RecursionError):
        raise PassRefused from None
    # What is signed came from `issue_pass`, so that only who it is for and its time are open.
    made_at = datetime.fromtimestamp(said["iat"], tz=UTC)
    if said["aud"] != audience or not -LIFETIME <= now - made_at < LIFETIME:
        raise PassRefused
    return Pass(
        caller=_caller(said),
        signed_in_at=datetime.fromtimestamp(said["auth"], tz=UTC),
        form=said["form"],
    )


def _caller(said: Mapping[str, str]) -> Caller:
    organisation, role, person = said["org"], said["role"], said["sub"]
    is_one = ORGANISATION.fullmatch(organisation) and PERSON.fullmatch(person)
    if not is_one or role not in ROLES:
        raise PassRefused
    return Caller(organisation, role, person)

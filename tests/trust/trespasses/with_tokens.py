"""Attempts to be let in with a token that is not one's own, not any more, or not a token at all."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OctKey

from contracts.callers import TOKEN_TYPE
from tests.trust.trespasses.visits import Visit


async def _is_let_in(here: Visit, token: str) -> bool:
    answers = [
        await here.asks("GET", path, token)
        for path in ("/intake/cases", "/referral/referrals", "/reporting/figures")
    ]
    return any(answer.is_success for answer in answers)


async def speaks_in_anothers_name(here: Visit) -> bool:
    return await _is_let_in(here, here.token(organisation=here.other))


async def speaks_as_nobody_known(here: Visit) -> bool:
    return await _is_let_in(here, here.token(organisation="NOBODY_AT_ALL"))


async def uses_a_token_for_another_service(here: Visit) -> bool:
    answers = [
        await here.asks("GET", "/intake/cases", here.token(audience="referral")),
        await here.asks("GET", "/referral/referrals", here.token(audience="intake")),
        await here.asks("GET", "/reporting/figures", here.token(audience="", role="analyst")),
    ]
    return any(answer.is_success for answer in answers)


async def uses_a_token_that_is_over(here: Visit) -> bool:
    return await _is_let_in(here, here.token(now=datetime.now(UTC) - timedelta(hours=1)))


async def uses_a_token_of_tomorrow(here: Visit) -> bool:
    return await _is_let_in(here, here.token(now=datetime.now(UTC) + timedelta(days=1)))


async def uses_a_token_that_lives_for_a_year(here: Visit) -> bool:
    now = int(datetime.now(UTC).timestamp())
    return await _is_let_in(here, _signed(here.key, _claims(here) | {"exp": now + 31_536_000}))


async def uses_a_token_without_a_signature(here: Visit) -> bool:
    header = {"alg": "none", "typ": TOKEN_TYPE}
    claims = _claims(here) | {"iss": here.other}
    return await _is_let_in(here, f"{part(header)}.{part(claims)}.")


async def signs_with_the_public_key_as_a_secret(here: Visit) -> bool:
    """The other's public key is known to everybody (the confusion of JWT's early years)."""
    public = here.road.keys[here.other].signing.public_key().public_bytes_raw()
    header = {"alg": "HS256", "typ": TOKEN_TYPE}
    payload = json.dumps(_claims(here) | {"iss": here.other})
    secret = OctKey.import_key(public)
    return await _is_let_in(here, jws.serialize_compact(header, payload, secret, ["HS256"]))


async def brings_its_own_key(here: Visit) -> bool:
    """In the token itself (CVE-2026-27962)."""
    public = here.key.public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(public)}
    claims = _claims(here) | {"iss": here.other}
    return await _is_let_in(here, _signed(here.key, claims, jwk=jwk))


async def demands_that_a_header_be_understood(here: Visit) -> bool:
    claims = _claims(here) | {"iss": here.other}
    return await _is_let_in(here, _signed(here.key, claims, crit=["exp"], exp=1))


async def takes_a_role_that_does_not_exist(here: Visit) -> bool:
    return await _is_let_in(here, _signed(here.key, _claims(here) | {"role": "administrator"}))


async def does_what_its_role_may_not(here: Visit) -> bool:
    number, analyst = here.number, here.token(role="analyst")
    answers = [
        await here.asks("GET", "/intake/cases", analyst),
        await here.asks("GET", f"/intake/cases/{number}/dossier", analyst),
        await here.asks("POST", f"/intake/cases/{number}/erasure", json={}),
        await here.asks("GET", "/intake/exceptions", analyst),
        await here.asks("GET", "/reporting/figures", here.token(audience="reporting")),
    ]
    return any(answer.is_success for answer in answers)


def _claims(here: Visit) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    said = {"iss": here.me, "aud": "intake", "role": "officer"}
    return {**said, "iat": now, "nbf": now, "exp": now + 60}


def _signed(key: Ed25519PrivateKey, claims: dict[str, Any], **header: Any) -> str:
    head = part({"alg": "Ed25519", "typ": TOKEN_TYPE, **header})
    said = f"{head}.{part(claims)}"
    return f"{said}.{base64url(key.sign(said.encode()))}"


def part(document: dict[str, Any]) -> str:
    """A header or the claims, as they stand in a token."""
    return base64url(json.dumps(document).encode())


def base64url(raw: bytes) -> str:
    """Without the padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

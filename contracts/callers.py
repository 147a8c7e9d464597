"""Says who calls: short-lived EdDSA tokens that name an organisation and a role.

A token is a JWT signed with the organisation's Ed25519 key. Header: `alg` (`Ed25519`, or its older
name `EdDSA`), `typ` `siraba-caller+jwt`, optionally `kid`, nothing else. Claims: `iss` the
organisation's code, `aud` the service, `role`, and `iat`, `nbf`, `exp` in whole seconds, at most
five minutes apart; optionally `sub`, an opaque id of the person, by which two can be told apart. The key comes from our directory, never from the token (RFC 8725 §3).

    TokenRefused
      TokenMissing       nobody presented one
      TokenMalformed     not a token of this kind, or a signature that does not fit
      TokenExpired       its time is over
      TokenNotYetValid   its time has not come
      TokenForOther      made for another service
      UnknownIssuer      no key is known for the organisation
    RoleForbidden        a good token, whose role does not exist or may not do this
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import CompactSignature, JWSRegistry

# The last is an organisation's program, which no person's session is.
ROLES = ("officer", "case_owner", "focal_point", "analyst", "data_officer", "operator", "system")
TOKEN_TYPE = "siraba-caller+jwt"  # noqa: S105 -- the name of a kind of token, not a secret
LIFETIME = timedelta(minutes=5)
LEEWAY = timedelta(seconds=30)
ALGORITHMS = ("Ed25519", "EdDSA")
HEADERS = {"alg", "typ", "kid"}
TOKEN_CHARACTERS = 4096
ORGANISATION = re.compile(r"[A-Z0-9_]{2,64}")
PERSON = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: What an answer says of each refusal, by its code.
CAUSES = {
    "token_missing": "No token was presented",
    "token_malformed": "The token is not one of ours, or its signature does not fit",
    "token_expired": "The token has expired",
    "token_not_yet_valid": "The token is not valid yet",
    "token_for_other": "The token was made for another service",
    "unknown_issuer": "No key is known for the organisation that the token names",
}

KeyOf = Callable[[str], Ed25519PublicKey | None]


class TokenRefused(Exception):
    """No caller could be made of what was presented; the class is the whole message."""

    @property
    def code(self) -> str:
        """As an answer names it: `token_expired` is of `TokenExpired`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()


class TokenMissing(TokenRefused): ...


class TokenMalformed(TokenRefused): ...


class TokenExpired(TokenRefused): ...


class TokenNotYetValid(TokenRefused): ...


class TokenForOther(TokenRefused): ...


class UnknownIssuer(TokenRefused): ...


class RoleForbidden(Exception):
    """The caller is known, and its role does not exist or is none of `allowed`."""

    def __init__(self, *allowed: str) -> None:
        super().__init__()
        self.allowed = allowed


@dataclass(frozen=True)
class Caller:
    """Who calls: an organisation's code, one of ROLES, and its own opaque id of the person."""

    organisation: str
    role: str
    person: str | None = None

    def require(self, *roles: str) -> None:
        """Let only these roles pass.

        Raises:
            RoleForbidden: the caller's role is none of them.
        """
        if self.role not in roles:
            raise RoleForbidden(*roles)


class _Ed25519Only(JWSRegistry):
    """Both names of one algorithm, and no other algorithm at all."""

    def get_alg(self, name: str) -> Any:  # joserfc does not export the type
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms["Ed25519"]


def issue_token(
    private_key: Ed25519PrivateKey,
    *,
    organisation: str,
    role: str,
    audience: str,
    now: datetime,
    lifetime: timedelta = LIFETIME,
    person: str | None = None,
) -> str:
    """Sign a token for one service, valid from `now` (aware) for at most five minutes.

    Raises:
        ValueError: the lifetime is longer, or the role is none of ROLES.
    """
    if not timedelta(0) < lifetime <= LIFETIME:
        raise ValueError("a token lives for at most five minutes")
    if role not in ROLES:
        raise ValueError("not a role")
    start = int(now.timestamp())
    claims: dict[str, str | int] = {
        "iss": organisation,
        "aud": audience,
        "role": role,
        "iat": start,
        "nbf": start,
        "exp": start + int(lifetime.total_seconds()),
    }
    if person is not None:
        claims["sub"] = person
    header = {"alg": "Ed25519", "typ": TOKEN_TYPE}
    return jws.serialize_compact(
        header, json.dumps(claims), _private(private_key), registry=_Ed25519Only()
    )


def public_key(encoded: str | None) -> Ed25519PublicKey | None:
    """The key of the directory's base64url form (raw 32 bytes); None where there is none."""
    if encoded is None:
        return None
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(encoded + "=="))


def claimed_issuer(token: str | None) -> str:
    """Read which organisation a token claims to come from, to look its key up. Proves nothing.

    Raises:
        TokenMissing, TokenMalformed
    """
    return _issuer(_claims(_opened(token)))


def claimed_end(token: str) -> datetime:
    """When a verified token ends; leeway counts only for tokens that were not seen before."""
    return datetime.fromtimestamp(_seconds(_claims(_opened(token)), "exp"), tz=UTC)


def verify_token(token: str | None, *, audience: str, now: datetime, key_of: KeyOf) -> Caller:
    """Make a caller of a token for `audience`, with the key that `key_of` knows for its issuer.

    Raises:
        TokenRefused: one of its kinds; see the module.
        RoleForbidden: the role is none of ROLES.
    """
    opened = _opened(token)
    claims = _claims(opened)
    issuer = _issuer(claims)
    key = key_of(issuer)
    if key is None:
        raise UnknownIssuer
    _check_signature(opened, key)
    _check_time(claims, now)
    if claims.get("aud") != audience:
        raise TokenForOther
    if claims.get("role") not in ROLES:
        raise RoleForbidden(*ROLES)
    return Caller(issuer, str(claims["role"]), _person(claims))


def _opened(token: str | None) -> CompactSignature:
    """Take a token apart; only the plain header of this kind is let through."""
    if not token:
        raise TokenMissing
    if len(token) > TOKEN_CHARACTERS:
        raise TokenMalformed
    try:
        opened = jws.extract_compact(token.encode())
    except (JoseError, ValueError) as error:
        raise TokenMalformed from error
    header = opened.headers()
    if not set(header) <= HEADERS or header.get("typ") != TOKEN_TYPE:
        raise TokenMalformed
    if header.get("alg") not in ALGORITHMS:
        raise TokenMalformed
    return opened


def _claims(opened: CompactSignature) -> Mapping[str, object]:
    try:
        claims = json.loads(opened.payload)
    except (ValueError, RecursionError) as error:
        raise TokenMalformed from error
    if not isinstance(claims, dict):
        raise TokenMalformed
    return claims


def _issuer(claims: Mapping[str, object]) -> str:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or ORGANISATION.fullmatch(issuer) is None:
        raise TokenMalformed
    return issuer


def _person(claims: Mapping[str, object]) -> str | None:
    person = claims.get("sub")
    if person is None:
        return None
    if not isinstance(person, str) or PERSON.fullmatch(person) is None:
        raise TokenMalformed
    return person


def _check_signature(opened: CompactSignature, key: Ed25519PublicKey) -> None:
    try:
        is_good = jws.validate_compact(opened, _public(key), registry=_Ed25519Only())
    except (JoseError, ValueError) as error:
        raise TokenMalformed from error
    if not is_good:
        raise TokenMalformed


def _check_time(claims: Mapping[str, object], now: datetime) -> None:
    issued, start, end = (_seconds(claims, name) for name in ("iat", "nbf", "exp"))
    present, leeway = now.timestamp(), LEEWAY.total_seconds()
    if end - min(issued, start) > LIFETIME.total_seconds():
        raise TokenMalformed
    if present - leeway >= end:
        raise TokenExpired
    if max(issued, start) > present + leeway:
        raise TokenNotYetValid


def _seconds(claims: Mapping[str, object], name: str) -> int:
    value = claims.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TokenMalformed
    return value


def _private(key: Ed25519PrivateKey) -> OKPKey:
    return OKPKey.import_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _public(key: Ed25519PublicKey) -> OKPKey:
    return OKPKey.import_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

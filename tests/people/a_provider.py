"""A provider of sign-ins that can be told to lie: every forged ID token that there is to try."""

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import RSAKey

from contracts.keyring import encode_base64url
from services.referral.gateways.provider import Client, Question

ISSUER: Final = "https://idp.example"
CLIENT: Final = Client(
    issuer=ISSUER,
    client_id="siraba",
    secret="a-secret-of-the-provider",
    organisation_claim="siraba_organisation",
    role_claim="siraba_role",
)
QUESTION: Final = Question(
    state="s" * 64, nonce="n" * 64, verifier="v" * 64,
    redirect_uri="https://siraba.example/login/provider/back",
)  # fmt: skip
NOW: Final = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
STAMP: Final = int(NOW.timestamp())


@cache
def rsa_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name})


def claims(**changes: Any) -> dict[str, Any]:
    """What a right token says; None takes a claim away."""
    right = {
        "iss": ISSUER, "aud": "siraba", "sub": "p-17", "nonce": QUESTION.nonce, "iat": STAMP,
        "exp": STAMP + 300, "siraba_organisation": "SHELTER_B", "siraba_role": "officer",
    }  # fmt: skip
    return {name: value for name, value in (right | changes).items() if value is not None}


def signed(said: Mapping[str, Any], header: Mapping[str, Any] | None = None) -> str:
    return jwt.encode(
        {"alg": "RS256", "kid": "one"} | dict(header or {}), dict(said), rsa_key("one"), ["RS256"]
    )


@dataclass(slots=True)
class ALiar(httpx.AsyncBaseTransport):
    """Answers as a provider does, with this ID token. about: what it says of itself differently."""

    token: str = field(default_factory=lambda: signed(claims()))
    about: Mapping[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(
        default_factory=lambda: [rsa_key("one").as_dict(private=False)]
    )
    seen: list[httpx.Request] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    answer: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """What comes back over the wire."""
        self.seen.append(request)
        if self.answer is not None and request.url.path == "/token":
            return self.answer
        if request.url.path == "/token":
            self.forms.append(parse_qs((await request.aread()).decode()))
        bodies: dict[str, Any] = {
            "/.well-known/openid-configuration": {
                "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize",
                "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/keys",
            } | dict(self.about),
            "/keys": {"keys": self.keys},
            "/token": {"id_token": self.token, "access_token": "x", "token_type": "Bearer"},
        }  # fmt: skip
        body = bodies.get(request.url.path)
        return httpx.Response(200, json=body) if body is not None else httpx.Response(404, json={})


def forged() -> Iterator[tuple[str, str]]:
    """Name and text of each ID token that must open nothing."""
    for name, said in _WRONG.items():
        yield name, signed(claims(**said))
    for name, header in _ELSEWHERE.items():
        yield name, by_hand(header, rsa_key("two"))
    for name, header in _KINDS.items():
        yield name, by_hand(header, rsa_key("one"))
    yield from _wrongly_signed()
    right = signed(claims())
    head, body, signature = right.split(".")
    yield "no signature", f"{head}.{body}."
    yield "two parts", f"{head}.{body}"
    yield "four parts", f"{right}.x"
    yield "another's signature", f"{head}.{body}.{signed(claims(sub='x')).split('.')[2]}"
    yield "changed body", f"{head}.{_part(claims(siraba_role='focal_point'))}.{signature}"
    yield from (("nothing", ""), ("no token", "x"), ("dots", ".."), ("null", "null"))


def _wrongly_signed() -> Iterator[tuple[str, str]]:
    """No signature, or one that anybody can make who knows what is public or shared."""
    body = _part(claims())
    for alg in ("none", "None", "NONE", ""):
        yield f"alg {alg!r}", f"{_part({'alg': alg, 'kid': 'one'})}.{body}."
    secrets = {
        "its public key as a secret": rsa_key("one").as_pem(private=False),
        "our own secret": (CLIENT.secret or "").encode(),
        "an empty secret": b"",
    }
    for name, secret in secrets.items():
        text = f"{_part({'alg': 'HS256', 'kid': 'one'})}.{body}"
        digest = hmac.digest(secret, text.encode(), "sha256")
        yield name, f"{text}.{encode_base64url(digest)}"
    yield (
        "another key of the same name",
        jwt.encode({"alg": "RS256", "kid": "one"}, claims(), rsa_key("two"), ["RS256"]),
    )
    yield (
        "a key nobody knows",
        jwt.encode({"alg": "RS256", "kid": "two"}, claims(), rsa_key("two"), ["RS256"]),
    )
    yield "a key without a name", jwt.encode({"alg": "RS256"}, claims(), rsa_key("two"), ["RS256"])


def by_hand(header: Mapping[str, Any], key: RSAKey) -> str:
    """Signed as no library would: whatever stands in the header."""
    text = f"{_part({'alg': 'RS256', 'kid': 'one'} | dict(header))}.{_part(claims())}"
    private = key.private_key
    assert private is not None
    signature = private.sign(text.encode(), PKCS1v15(), SHA256())
    return f"{text}.{encode_base64url(signature)}"


def _part(said: Mapping[str, Any]) -> str:
    return encode_base64url(json.dumps(said).encode())


_WRONG: Final[Mapping[str, Mapping[str, Any]]] = {
    "another issuer": {"iss": "https://evil.example"}, "no issuer": {"iss": None},
    "issuer and a slash": {"iss": f"{ISSUER}/"}, "issuers": {"iss": [ISSUER]},
    "for another": {"aud": "another"}, "for nobody": {"aud": None}, "for none": {"aud": []},
    "for two": {"aud": ["siraba", "another"]}, "by another's hand": {"azp": "another"},
    "another browser's": {"nonce": "m" * 64}, "no browser's": {"nonce": None},
    "an empty nonce": {"nonce": ""}, "nonces": {"nonce": [QUESTION.nonce]},
    "over": {"exp": STAMP - 61}, "endless": {"exp": None}, "its end is a word": {"exp": "2099"},
    "its end is true": {"exp": True}, "not begun": {"nbf": STAMP + 3600},
    "old": {"iat": STAMP - 601}, "of tomorrow": {"iat": STAMP + 86400},
    "without a time": {"iat": None}, "its time is a word": {"iat": "now"},
    "its time is true": {"iat": True}, "of nobody": {"sub": None}, "of an empty name": {"sub": ""},
    "of a number": {"sub": 17}, "of a long name": {"sub": "x" * 256},
    "of no organisation": {"siraba_organisation": None},
    "of organisations": {"siraba_organisation": ["SHELTER_B"]},
    "of an empty organisation": {"siraba_organisation": ""},
    "without a role": {"siraba_role": None}, "with roles": {"siraba_role": ["officer"]},
    "with a role that is a number": {"siraba_role": 1},
}  # fmt: skip
_ELSEWHERE: Final[Mapping[str, Mapping[str, Any]]] = {
    "its own key": {"jwk": rsa_key("two").as_dict(private=False)},
    "a key elsewhere": {"jku": "https://evil.example/keys"},
    "a certificate elsewhere": {"x5u": "https://evil.example/cert"},
    "a certificate": {"x5c": ["MIIB"]},
}  # fmt: skip
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {
    "something critical": {"crit": ["exp"], "exp": 1},
    "another kind": {"typ": "at+jwt"}, "a logout": {"typ": "logout+jwt"},
}  # fmt: skip

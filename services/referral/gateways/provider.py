"""Asks an institution's own sign-in (OpenID Connect) who somebody is, and believes what it signed for us."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import httpx
from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]  # it brings no types
    create_s256_code_challenge,
)
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # it brings no types
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from chassis.line import is_loopback

#: Signatures with a public key; a shared secret, or none, signs nothing here (RFC 8725 §3.1).
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
KEY_TYPES: Final = ("RSA", "EC", "OKP")
KNOWN_FOR: Final = timedelta(hours=1)
#: A key that is not known yet is asked for, but not by whoever likes as often as they like.
ASKED_EVERY: Final = timedelta(minutes=1)
LEEWAY: Final = timedelta(minutes=1)
#: An ID token comes straight from the provider; one that is older comes from elsewhere.
FRESH: Final = timedelta(minutes=10)
_BYTES: Final = 256 * 1024
_LONGEST: Final = 255


class ProviderRefused(Exception):
    """The provider vouches for nobody here: what came is no answer to our question."""


class ProviderAway(Exception):
    """The provider does not answer, or not as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who we are to the provider. secret: none for a public client. claims: where it says what we need."""

    issuer: str
    client_id: str
    secret: str | None = field(repr=False)
    organisation_claim: str
    role_claim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What belongs to one browser's way there and back: its answer fits no other."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Whom the provider vouches for. subject: its own opaque name for the person."""

    issuer: str
    subject: str = field(repr=False)
    organisation: str
    role: str


@dataclass(slots=True)
class Provider:
    """One provider, asked over `transport`; what it says of itself is kept for an hour."""

    client: Client
    transport: httpx.AsyncBaseTransport | None = None
    _about: tuple[dict[str, Any], datetime] | None = None
    _keys: tuple[KeySet, datetime] | None = None

    async def address(self, question: Question, *, now: datetime) -> str:
        """Where the browser goes to sign in. Raises ProviderAway."""
        about = await self._metadata(now)
        asked = {
            "response_type": "code",
            "client_id": self.client.client_id,
            "redirect_uri": question.redirect_uri,
            "scope": "openid",
            "state": question.state,
            "nonce": question.nonce,
            "code_challenge": create_s256_code_challenge(question.verifier),
            "code_challenge_method": "S256",
        }
        return _with(self._endpoint(about, "authorization_endpoint"), asked)

    async def leaving(self, *, back_to: str, now: datetime) -> str | None:
        """Where the browser signs out there, too; None where the provider has no such page."""
        about = await self._metadata(now)
        if "end_session_endpoint" not in about:
            return None
        asked = {"client_id": self.client.client_id, "post_logout_redirect_uri": back_to}
        return _with(self._endpoint(about, "end_session_endpoint"), asked)

    async def answer(self, question: Question, code: str, *, now: datetime) -> Vouched:
        """Whom this code stands for. Raises ProviderRefused, ProviderAway."""
        about = await self._metadata(now)
        token = await self._token(about, question, code)
        claims = await self._claims(about, token, nonce=question.nonce, now=now)
        return Vouched(
            issuer=self.client.issuer,
            subject=_text(claims.get("sub")),
            organisation=_text(claims.get(self.client.organisation_claim)),
            role=_text(claims.get(self.client.role_claim)),
        )

    async def _token(self, about: Mapping[str, Any], question: Question, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": question.redirect_uri,
            "code_verifier": question.verifier,
            "client_id": self.client.client_id,
        }
        # RFC 6749 §2.3.1: both parts are written as in a form first.
        auth = self.client.secret and httpx.BasicAuth(
            quote(self.client.client_id, safe=""), quote(self.client.secret, safe="")
        )
        url = self._endpoint(about, "token_endpoint")
        request = httpx.Request("POST", url, data=form, headers={"accept": "application/json"})
        status, body = await self._fetch(request, auth=auth or None)
        token = body.get("id_token")
        if status != httpx.codes.OK or not isinstance(token, str):
            raise ProviderRefused
        return token

    async def _claims(
        self, about: Mapping[str, Any], token: str, *, nonce: str, now: datetime
    ) -> Mapping[str, Any]:
        """What the token says, once all is checked that OpenID Connect Core §3.1.3.7 asks for."""
        try:
            decoded = jwt.decode(token, await self._keys_for(about, token, now), [*ALGORITHMS])
            options = {
                "iss": {"essential": True, "value": self.client.issuer},
                "aud": {"essential": True, "value": self.client.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
                "iat": {"essential": True},
                "nonce": {"essential": True, "value": nonce},
            }
            params = {"nonce": nonce, "client_id": self.client.client_id}
            claims = CodeIDToken(decoded.claims, decoded.header, options, params)
            leeway = int(LEEWAY.total_seconds())
            claims.validate(now=int(now.timestamp()), leeway=leeway)
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderRefused from None
        if not _is_for_us_now(decoded.claims, decoded.header, now=now):
            raise ProviderRefused
        return decoded.claims

    async def _keys_for(self, about: Mapping[str, Any], token: str, now: datetime) -> KeySet:
        """The provider's keys; read anew where the token names one that we do not know."""
        named = _header(token).get("kid")
        if self._keys is not None:
            held, since = self._keys
            is_known = any(one.kid == named for one in held.keys)
            if now - since < (KNOWN_FOR if is_known else ASKED_EVERY):
                return held
        url = self._endpoint(about, "jwks_uri")
        _, body = await self._fetch(httpx.Request("GET", url))
        read = _key_set(body)
        self._keys = (read, now)
        return read

    async def _metadata(self, now: datetime) -> dict[str, Any]:
        if self._about is None or now - self._about[1] >= KNOWN_FOR:
            url = f"{self.client.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, body = await self._fetch(httpx.Request("GET", url))
            if status != httpx.codes.OK or body.get("issuer") != self.client.issuer:
                raise ProviderAway
            self._about = (body, now)
        return self._about[0]

    def _endpoint(self, about: Mapping[str, Any], name: str) -> str:
        """An address that the provider names, if it may be asked: encrypted, or here as it is itself."""
        url = about.get(name)
        if not isinstance(url, str) or not may_be_asked(url, by=self.client.issuer):
            raise ProviderAway
        return url

    async def _fetch(
        self, request: httpx.Request, *, auth: httpx.Auth | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and JSON; nothing leads elsewhere, and nothing is longer than it can be."""
        try:
            async with httpx.AsyncClient(
                transport=self.transport, timeout=10, follow_redirects=False, trust_env=False
            ) as http:
                answer = await http.send(request, auth=auth, stream=True)
                raw = bytearray()
                async for part in answer.aiter_bytes():
                    raw += part
                    if len(raw) > _BYTES:
                        raise ProviderAway
                await answer.aclose()
            body = json.loads(raw)
        except (httpx.HTTPError, ValueError, RecursionError):
            raise ProviderAway from None
        if not isinstance(body, dict):
            raise ProviderAway
        return answer.status_code, body


def may_be_asked(url: str, *, by: str) -> bool:
    """Over https; without it only on loopback, and only where the issuer is there itself."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(url) and is_loopback(by)


def _is_for_us_now(claims: Mapping[str, Any], header: Mapping[str, Any], *, now: datetime) -> bool:
    """What the library leaves open: the kind of token, whom else it is for, and its age."""
    audience, issued = claims.get("aud"), claims.get("iat")
    if str(header.get("typ", "JWT")).upper() != "JWT" or isinstance(issued, bool):
        return False
    if not isinstance(issued, int | float) or not isinstance(claims.get("exp"), int | float):
        return False
    is_ours_alone = isinstance(audience, str) or (isinstance(audience, list) and len(audience) == 1)
    return is_ours_alone and abs(now.timestamp() - issued) <= FRESH.total_seconds()


def _text(value: object) -> str:
    """A claim that must be one text. Raises ProviderRefused."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise ProviderRefused
    return value


def _header(token: str) -> Mapping[str, Any]:
    """What it says of itself, which is believed of nothing but which key to look for."""
    return extract_compact(token.encode()).headers()


def _key_set(body: Mapping[str, Any]) -> KeySet:
    """Its public keys for signatures; a shared secret among them is none. Raises ProviderAway."""
    found = body.get("keys")
    if not isinstance(found, list):
        raise ProviderAway
    kept = [
        one
        for one in found
        if isinstance(one, dict) and one.get("kty") in KEY_TYPES and one.get("use") != "enc"
    ]
    try:
        return KeySet.import_key_set({"keys": kept})
    except (JoseError, ValueError, KeyError, TypeError):
        raise ProviderAway from None


def _with(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"

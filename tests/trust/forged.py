"""Tokens, cookies and keys that say anything at all, signed where a forger could not have."""

import base64
import hmac
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Request
from fastapi.responses import Response
from hypothesis import strategies as st

from chassis.web.pages import language_of
from chassis.web.session import SESSION_TYPE, Sessions
from contracts.callers import TOKEN_TYPE, Caller, claimed_end, issue_token, verify_token
from partners.kit.keys import PLATFORM, init, load, load_platform
from tests.builders import NOON
from tests.trust.garbling import garbled, garbled_document, garbled_json, garbled_text

CODE = "POLICE_A"
SIGNING = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
SESSIONS = Sessions(b"c" * 32, service="reporting")
CLAIMS = {
    "iss": CODE, "aud": "intake", "role": "officer", "sub": "p1",
    "iat": int(NOON.timestamp()), "nbf": int(NOON.timestamp()), "exp": int(NOON.timestamp()) + 60,
}  # fmt: skip


@st.composite
def tokens(draw: st.DrawFn) -> str:
    """A caller's token, signed over whatever they say; or a good one that was changed afterwards."""
    good = issue_token(SIGNING, organisation=CODE, role="officer", audience="intake", now=NOON)
    if draw(st.booleans()):
        return draw(garbled_text(good))
    head = {"alg": "Ed25519", "typ": TOKEN_TYPE}
    header = draw(st.just(head) | garbled_document(head))
    parts = [_base64url(json.dumps(header).encode()), _base64url(draw(garbled_json(CLAIMS)))]
    signature = SIGNING.sign(".".join(parts).encode())
    return ".".join([*parts, _base64url(signature)])


def verified(token: str) -> object:
    """Whose token it is, and until when."""
    caller = verify_token(
        token, audience="intake", now=NOON, key_of={CODE: SIGNING.public_key()}.get
    )
    return caller, claimed_end(token)


@st.composite
def cookies(draw: st.DrawFn) -> str:
    """The same for a session."""
    response = Response()
    SESSIONS.open(response, Caller(CODE, "analyst"), now=NOON)
    good = response.headers["set-cookie"].partition(";")[0]
    if draw(st.booleans()):
        return draw(garbled_text(good))
    head = {"alg": "HS256", "typ": SESSION_TYPE}
    said = {"org": CODE, "role": "analyst", "aud": "reporting", "exp": int(NOON.timestamp()) + 60}
    header = draw(st.just(head) | garbled_document(head))
    parts = [_base64url(json.dumps(header).encode()), _base64url(draw(garbled_json(said)))]
    signature = hmac.digest(SESSIONS.secret, ".".join(parts).encode(), "sha256")
    return f"{SESSIONS.cookie}={'.'.join([*parts, _base64url(signature)])}"


def person(cookie: str) -> object:
    """Who a request's cookie says it is, and the language it is answered in."""
    header = cookie.encode("utf-8", "surrogatepass")
    request = Request(
        {
            "type": "http",
            "headers": [(b"cookie", header), (b"accept-language", header)],
            "query_string": header,
        }
    )
    caller = SESSIONS.caller(request, now=NOON)
    assert caller is None or caller.organisation
    return language_of(request)


@cache
def _key_files() -> dict[str, bytes]:
    with TemporaryDirectory() as made:
        init(Path(made) / "keys", code=CODE)
        return {path.name: path.read_bytes() for path in (Path(made) / "keys").iterdir()}


@st.composite
def folders(draw: st.DrawFn) -> dict[str, bytes]:
    """A partner's folder of keys, one of whose files is garbled."""
    files = _key_files()
    victim = draw(st.sampled_from(sorted(files)))
    return files | {victim: draw(garbled(files[victim]))}


def loaded(files: Mapping[str, bytes]) -> object:
    """Whose keys a folder with these files holds."""
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.write_bytes(content)
            path.chmod(0o600)
        return load(Path(folder)).code


def loaded_platform(content: bytes) -> object:
    """The platform's public keys, as a partner has them in a file."""
    with TemporaryDirectory() as folder:
        (Path(folder) / PLATFORM).write_bytes(content)
        return load_platform(Path(folder))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

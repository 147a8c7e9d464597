import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from contracts.callers import (
    ROLES,
    TOKEN_TYPE,
    Caller,
    RoleForbidden,
    TokenExpired,
    TokenForOther,
    TokenMalformed,
    TokenMissing,
    TokenNotYetValid,
    TokenRefused,
    UnknownIssuer,
    claimed_issuer,
    issue_token,
    verify_token,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECONDS = int(NOON.timestamp())
SHELTER = Ed25519PrivateKey.from_private_bytes(b"\1" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\2" * 32)
KEYS = {"SHELTER_BKO": SHELTER.public_key()}


def verify(token: str | None, *, now: datetime = NOON) -> Caller:
    return verify_token(token, audience="intake", now=now, key_of=KEYS.get)


def part(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(message: bytes) -> bytes:
    return SHELTER.sign(message)


def forge(
    *,
    header: dict[str, Any] | None = None,
    claims: dict[str, Any] | None = None,
    without: str | None = None,
    signer: Callable[[bytes], bytes] = sign,
) -> str:
    """A good token of the shelter, changed in one place and signed again."""
    whole_header = {"alg": "Ed25519", "typ": TOKEN_TYPE, **(header or {})}
    whole_claims = {
        "iss": "SHELTER_BKO", "aud": "intake", "role": "officer",
        "iat": SECONDS, "nbf": SECONDS, "exp": SECONDS + 300, **(claims or {}),
    }  # fmt: skip
    whole_claims.pop(without or "", None)
    message = f"{part(whole_header)}.{part(whole_claims)}"
    return f"{message}.{part(signer(message.encode()))}"


def issue(
    *,
    key: Ed25519PrivateKey = SHELTER,
    organisation: str = "SHELTER_BKO",
    audience: str = "intake",
    lifetime: timedelta = timedelta(minutes=5),
) -> str:
    return issue_token(
        key,
        organisation=organisation,
        role="officer",
        audience=audience,
        now=NOON,
        lifetime=lifetime,
    )


def test_a_token_names_its_organisation_and_role() -> None:
    assert verify(issue()) == Caller("SHELTER_BKO", "officer")


def test_the_forger_of_these_tests_makes_good_tokens_when_it_changes_nothing() -> None:
    assert verify(forge()) == Caller("SHELTER_BKO", "officer")


def test_the_older_name_of_the_algorithm_is_taken_too() -> None:
    assert verify(forge(header={"alg": "EdDSA"})) == Caller("SHELTER_BKO", "officer")


def test_every_role_passes_and_is_held_to_what_it_may() -> None:
    for role in ROLES:
        caller = verify(forge(claims={"role": role}))

        caller.require(role)
        with pytest.raises(RoleForbidden):
            caller.require(*(other for other in ROLES if other != role))


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_missing(token: str | None) -> None:
    with pytest.raises(TokenMissing):
        verify(token)


HMAC_KEY = SHELTER.public_key().public_bytes_raw()
STRANGERS_JWK = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": part(STRANGER.public_key().public_bytes_raw()),
}


@pytest.mark.parametrize(
    "token",
    [
        forge(header={"alg": "none"}, signer=lambda _: b""),
        forge(header={"alg": "None"}, signer=lambda _: b""),
        forge(header={"alg": "HS256"}, signer=lambda m: hmac.digest(HMAC_KEY, m, hashlib.sha256)),
        forge(header={"alg": "Ed448"}),
        forge(header={"jwk": STRANGERS_JWK}, signer=STRANGER.sign),
        forge(header={"jku": "https://example.org/keys"}),
        forge(header={"x5c": ["MAo="]}),
        forge(header={"crit": ["exp"], "exp": 1}),
        forge(header={"crit": []}),
        forge(header={"b64": False, "crit": ["b64"]}),
        forge(header={"typ": "JWT"}),
        forge(header={"alg": ["Ed25519"]}),
        forge(signer=STRANGER.sign),
        forge(signer=lambda _: b""),
        forge(signer=lambda _: b"\0" * 64),
        forge(claims={"exp": SECONDS + 301}),
        forge(claims={"nbf": SECONDS - 600, "exp": SECONDS + 10}),
        forge(claims={"exp": 10**300}),
        forge(claims={"exp": float(SECONDS + 300)}),
        forge(claims={"exp": str(SECONDS + 300)}),
        forge(claims={"iat": True}),
        forge(claims={"iss": "shelter'; --"}),
        forge(claims={"iss": ["SHELTER_BKO"]}),
        forge(without="exp"),
        forge(without="iat"),
        forge(without="nbf"),
        forge(without="iss"),
        "a.b.c",
        "not a token",
        "é" * 20,
        f"{part({'alg': 'Ed25519', 'typ': TOKEN_TYPE})}.{part(['SHELTER_BKO'])}.AAAA",
        f"{part({'alg': 'Ed25519', 'typ': TOKEN_TYPE})}.{part(b'[' * 2000)}.AAAA",
        f"{part(['Ed25519'])}.{part({})}.AAAA",
        forge(claims={"note": "x" * 5000}),
    ],
)
def test_a_forged_token_is_malformed(token: str) -> None:
    with pytest.raises(TokenMalformed):
        verify(token)


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = issue().split(".")
    _, claims, _ = forge(claims={"role": "operator"}).split(".")

    with pytest.raises(TokenMalformed):
        verify(f"{header}.{claims}.{signature}")


def test_time_runs_out_after_the_leeway() -> None:
    token = issue(lifetime=timedelta(minutes=1))

    assert verify(token, now=NOON + timedelta(seconds=89)).role == "officer"
    with pytest.raises(TokenExpired):
        verify(token, now=NOON + timedelta(seconds=90))


def test_a_token_from_the_future_waits_for_the_leeway() -> None:
    token = issue()

    assert verify(token, now=NOON - timedelta(seconds=30)).role == "officer"
    with pytest.raises(TokenNotYetValid):
        verify(token, now=NOON - timedelta(seconds=31))


def test_issued_later_than_now_is_not_yet_valid_even_when_nbf_is_past() -> None:
    with pytest.raises(TokenNotYetValid):
        verify(forge(claims={"iat": SECONDS + 60, "exp": SECONDS + 200}))


@pytest.mark.parametrize("audience", ["referral", "", ["intake"], None, 7])
def test_a_token_for_another_service_is_for_other(audience: object) -> None:
    with pytest.raises(TokenForOther):
        verify(forge(claims={"aud": audience}))


def test_a_foreign_organisation_has_no_key() -> None:
    with pytest.raises(UnknownIssuer):
        verify(issue(key=STRANGER, organisation="STRANGER"))


@pytest.mark.parametrize("role", ["admin", "", None, ["officer"], {"officer": 1}])
def test_a_role_nobody_defined_is_forbidden(role: object) -> None:
    with pytest.raises(RoleForbidden):
        verify(forge(claims={"role": role}))


def test_the_claimed_issuer_can_be_read_before_its_key() -> None:
    assert claimed_issuer(forge(signer=STRANGER.sign)) == "SHELTER_BKO"
    with pytest.raises(TokenMissing):
        claimed_issuer(None)


def test_a_refusal_says_nothing_of_the_token() -> None:
    with pytest.raises(TokenMalformed) as refused:
        verify(forge(claims={"iss": "Aminata of Kita"}))

    assert str(refused.value) == ""


@pytest.mark.parametrize("minutes", [0, -1, 6])
def test_a_token_is_not_issued_for_longer_than_five_minutes(minutes: int) -> None:
    with pytest.raises(ValueError, match="five minutes"):
        issue(lifetime=timedelta(minutes=minutes))


def test_a_token_is_not_issued_for_a_role_nobody_defined() -> None:
    with pytest.raises(ValueError, match="not a role"):
        issue_token(SHELTER, organisation="A1", role="admin", audience="intake", now=NOON)


@given(st.text(max_size=200))
def test_any_text_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(TokenRefused):
        verify(text)


@given(st.data())
def test_any_changed_character_is_refused_or_changes_nothing(data: st.DataObject) -> None:
    token = issue()
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(
        st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
    )
    changed = token[:at] + letter + token[at + 1 :]

    try:
        caller = verify(changed)
    except (TokenRefused, RoleForbidden):
        return
    assert caller == Caller("SHELTER_BKO", "officer")


def test_a_token_may_name_its_person_by_an_opaque_id_and_never_by_name() -> None:
    assert verify(forge(claims={"sub": "p-17"})) == Caller("SHELTER_BKO", "officer", "p-17")
    for person in ("Aminata Traoré", "a@b.ml", "", 17, ["p"], "x" * 65):
        with pytest.raises(TokenMalformed):
            verify(forge(claims={"sub": person}))

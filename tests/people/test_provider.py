"""Nothing that an institution's sign-in did not sign for this browser, now and for us, lets anybody in."""

from base64 import b64encode
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import (  # type: ignore[import-untyped]  # it brings no types
    create_s256_code_challenge,
)
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # it brings no types
from pydantic import ValidationError

from services.referral.gateways import provider as gateway
from services.referral.gateways.provider import (
    Provider,
    ProviderAway,
    ProviderRefused,
    Vouched,
    may_be_asked,
)
from services.referral.settings import ReferralSettings
from tests.people.a_provider import (
    CLIENT,
    ISSUER,
    NOW,
    QUESTION,
    ALiar,
    claims,
    forged,
    rsa_key,
    signed,
)

pytestmark = pytest.mark.share("people")


async def opens(provider: Provider) -> bool:
    return (await provider.answer(QUESTION, "code", now=NOW)).subject == "p-17"


async def believed() -> list[str]:
    """The forged tokens that are taken for somebody."""
    through = []
    for name, text in forged():
        try:
            await Provider(CLIENT, ALiar(text)).answer(QUESTION, "code", now=NOW)
        except ProviderRefused:
            continue
        through.append(name)
    return through


async def test_whom_the_provider_vouches_for_is_believed_and_our_question_goes_with_the_code() -> (
    None
):
    liar = ALiar()
    provider = Provider(CLIENT, liar)
    address = parse_qs(urlsplit(await provider.address(QUESTION, now=NOW)).query)
    answer = await provider.answer(QUESTION, "the-code", now=NOW)

    assert answer == Vouched(
        issuer=ISSUER, subject="p-17", organisation="SHELTER_B", role="officer"
    )
    assert address["code_challenge_method"] == ["S256"]
    assert address["code_challenge"] == [create_s256_code_challenge(QUESTION.verifier)]
    assert (address["state"], address["nonce"]) == ([QUESTION.state], [QUESTION.nonce])
    assert QUESTION.verifier not in str(address)
    (form,) = liar.forms
    assert (form["code_verifier"], form["code"]) == ([QUESTION.verifier], ["the-code"])
    (asked,) = [one for one in liar.seen if one.url.path == "/token"]
    secret = b64encode(f"siraba:{CLIENT.secret}".encode()).decode()
    assert asked.headers["authorization"] == f"Basic {secret}"
    assert str(CLIENT.secret) not in repr(provider)


async def test_fifty_forged_id_tokens_are_believed_by_nobody() -> None:
    assert len(list(forged())) >= 50
    assert await believed() == []


async def test_the_forgeries_are_only_refused_by_what_is_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: what is not asked any more comes through."""
    monkeypatch.setattr(CodeIDToken, "validate", lambda *_, **__: None)
    through = await believed()
    assert {"another issuer", "for another", "another browser's", "over"} <= set(through)
    monkeypatch.setattr(gateway, "_is_for_us_now", lambda *_, **__: True)
    assert {"old", "for two"} <= set(await believed())


async def test_a_shared_secret_among_the_keys_signs_nothing() -> None:
    secret = {"kty": "oct", "kid": "oct", "k": "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtZm9yLWl0"}
    liar = ALiar(keys=[secret, rsa_key("one").as_dict(private=False)])
    assert await opens(Provider(CLIENT, liar))
    with pytest.raises(ProviderAway):
        await Provider(CLIENT, ALiar(keys=[secret])).answer(QUESTION, "code", now=NOW)


async def test_a_new_key_is_asked_for_once_a_minute_at_most() -> None:
    liar = ALiar()
    provider = Provider(CLIENT, liar)
    await provider.answer(QUESTION, "code", now=NOW)
    liar.token = next(text for name, text in forged() if name == "a key nobody knows")
    liar.keys = [rsa_key("two").as_dict(private=False)]
    for _ in range(5):
        with pytest.raises(ProviderRefused):
            await provider.answer(QUESTION, "code", now=NOW)
    assert len([one for one in liar.seen if one.url.path == "/keys"]) == 1
    later = NOW + timedelta(minutes=1)
    assert (await provider.answer(QUESTION, "code", now=later)).subject == "p-17"


ELSEWHERE = (
    "http://idp.example/token", "http://127.0.0.1:1/token", "ftp://idp.example/", "file:///etc/passwd",
    "//idp.example/token", "", None, 7, "https://", "http://[::ffff:10.0.0.1]/",
)  # fmt: skip


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_nobody_is_asked_who_may_not_be(url: object) -> None:
    for name in ("token_endpoint", "jwks_uri"):
        liar = ALiar(about={name: url})
        with pytest.raises(ProviderAway):
            await Provider(CLIENT, liar).answer(QUESTION, "code", now=NOW)
        assert {one.url.host for one in liar.seen} == {"idp.example"}
        assert {one.url.scheme for one in liar.seen} == {"https"}


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (httpx.Response(302, headers={"location": "http://10.0.0.1/"}), ProviderAway),
        (httpx.Response(400, json={"error": "invalid_grant"}), ProviderRefused),
        (httpx.Response(200, json={"access_token": "x"}), ProviderRefused),
        (httpx.Response(200, json=["x"]), ProviderAway),
        (httpx.Response(200, content=b"{" * 300_000), ProviderAway),
        (httpx.Response(200, content=b"[" * 200_000), ProviderAway),
        (httpx.Response(500, content=b""), ProviderAway),
    ],
)
async def test_what_is_no_answer_is_none(answer: httpx.Response, refused: type[Exception]) -> None:
    liar = ALiar(answer=answer)
    with pytest.raises(refused):
        await Provider(CLIENT, liar).answer(QUESTION, "code", now=NOW)
    assert {one.url.host for one in liar.seen} == {"idp.example"}


async def test_a_provider_that_calls_itself_otherwise_is_none() -> None:
    for issuer in ("https://evil.example", f"{ISSUER}/", None):
        with pytest.raises(ProviderAway):
            await Provider(CLIENT, ALiar(about={"issuer": issuer})).address(QUESTION, now=NOW)


def test_an_issuer_in_the_clear_is_refused_before_anything_starts() -> None:
    assert may_be_asked("http://localhost:9400/x", by="http://localhost:9400")
    with pytest.raises(ValidationError, match="oidc_issuer"):
        ReferralSettings.model_validate(
            {
                "nats_seed_file": "x",
                "database_url_web": "x",
                "database_url_work": "x",
                "secrets_dir": "x",
                "oidc_issuer": "http://idp.example",
            }
        )


async def test_a_token_without_a_kind_or_with_several_claims_more_is_taken() -> None:
    token = signed(claims(aud=["siraba"], azp="siraba", email="p@example.org"), {"typ": "JWT"})
    assert await opens(Provider(CLIENT, ALiar(token)))

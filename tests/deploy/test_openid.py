"""`siraba openid` pretends to be an institution on this machine, which the platform's own questions find right."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from deploy.cli import app
from deploy.embedded.processes import free_port
from services.referral.gateways.provider import Client, Provider, Question
from services.referral.settings import ReferralSettings
from tests.parts import until

pytestmark = pytest.mark.share("operators")
QUESTION = Question(
    state="s" * 64, nonce="n" * 64, verifier="v" * 64,
    redirect_uri="http://127.0.0.1:8400/login/provider/back",
)  # fmt: skip


async def vouched(issuer: str, http: httpx.AsyncClient, sub: str) -> tuple[str, str]:
    """Organisation and role of whoever signs in there by this name, as referral hears them."""
    client = Client(
        issuer=issuer, client_id="siraba", secret="any",
        organisation_claim="siraba_organisation", role_claim="siraba_role",
    )  # fmt: skip
    provider, now = Provider(client), datetime.now(UTC)
    answer = await http.post(await provider.address(QUESTION, now=now), data={"sub": sub})
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    found = await provider.answer(QUESTION, code, now=now)
    return found.organisation, found.role


async def test_whoever_it_names_signs_in_with_that_organisation_and_role() -> None:
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "openid", "HOPITAL_KAYES:focal_point", f"--port={port}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = [await process.stdout.readline() for _ in range(2)]
        async with httpx.AsyncClient(trust_env=False) as http:

            async def answers() -> bool:
                try:
                    return (await http.get(f"{issuer}/jwks")).is_success
                except httpx.TransportError:
                    return False

            await until(answers, seconds=30)
            told = await vouched(issuer, http, "focal_point@HOPITAL_KAYES")
    finally:
        process.terminate()
        await process.communicate()

    assert told == ("HOPITAL_KAYES", "focal_point")
    assert said[0] == b"focal_point@HOPITAL_KAYES is focal_point of HOPITAL_KAYES\n"
    assert said[1] == (
        f"To try it: SIRABA_OIDC_ISSUER={issuer} SIRABA_OIDC_CLIENT_SECRET=any siraba up\n".encode()
    )


@pytest.mark.parametrize("person", ["HOPITAL_KAYES", "HOPITAL_KAYES:operator", "<b>:officer"])
def test_who_is_nobody_here_is_refused_before_anything_listens(person: str) -> None:
    result = CliRunner().invoke(app, ["openid", person])
    assert (result.exit_code, "must be CODE:role" in result.output) == (1, True)


def test_the_clients_secret_may_lie_in_a_file_and_an_empty_one_is_none(tmp_path: Path) -> None:
    file = tmp_path / "oidc.secret"
    given = {
        "nats_seed_file": file, "secrets_dir": tmp_path, "database_url_web": "x",
        "database_url_work": "x", "oidc_issuer": "https://idp.example",
        "oidc_client_secret_file": file,
    }  # fmt: skip
    with pytest.raises(ValidationError, match="oidc_client_secret_file: cannot be read"):
        ReferralSettings.model_validate(given)
    for text, secret in (("s-1\n", "s-1"), ("\n", None)):
        file.write_text(text)
        provider = ReferralSettings.model_validate(given).provider()
        assert provider is not None
        assert provider.client.secret == secret

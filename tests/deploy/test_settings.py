"""Whoever is reached from elsewhere is told at its start to stand behind TLS."""

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from deploy.cli import app
from deploy.settings import PlatformSettings, RunSettings

pytestmark = pytest.mark.share("people")
BEYOND = ("0.0.0.0", "::", "192.0.2.7", "siraba.example")  # noqa: S104 - what must be refused
HERE = ("127.0.0.1", "127.3.2.1", "::1", "localhost")


@pytest.mark.parametrize("address", BEYOND)
def test_nothing_listens_beyond_loopback_without_cookies_that_need_tls(address: str) -> None:
    with pytest.raises(ValidationError, match="SIRABA_SECURE_COOKIES=true"):
        PlatformSettings(front_bind=address)
    with pytest.raises(ValidationError, match="SIRABA_SECURE_COOKIES=true"):
        RunSettings(bind=address)
    assert PlatformSettings(front_bind=address, secure_cookies=True).secure_cookies
    assert RunSettings(bind=address, secure_cookies=True).secure_cookies


@pytest.mark.parametrize("address", HERE)
def test_loopback_is_served_as_it_is(address: str) -> None:
    assert not PlatformSettings(front_bind=address).secure_cookies
    assert not RunSettings(bind=address).secure_cookies


@pytest.mark.parametrize(
    ("command", "variable"),
    [(("up",), "SIRABA_FRONT_BIND"), (("run", "referral"), "SIRABA_BIND")],
)
def test_an_operator_reads_what_to_set(
    command: tuple[str, ...], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "0.0.0.0")  # noqa: S104 - what must be refused
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "settings: secure_cookies: who listens beyond loopback" in result.output

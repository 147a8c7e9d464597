import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chassis.broker import Wire, open_wire
from chassis.line import Server
from deploy.cli import app
from deploy.commands import run
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.processes import ServerError, free_port
from deploy.jetstream import asked, connected
from deploy.keys import OPERATIONS, own_public_keys, seed_file
from deploy.nats_config import Accounts, Listener, Storage, server_config
from deploy.state import State
from tests.certificates import certify
from tests.servers import open_folder

pytestmark = pytest.mark.share("operators")


@dataclass(frozen=True)
class Hub:
    """A server, its port, and the authority behind its certificate."""

    state: State
    port: int
    authority: Path


@contextmanager
def hub(*, is_encrypted: bool) -> Iterator[Hub]:
    with open_folder() as folder:
        state = State(folder)
        state.prepare()
        certificate, key = certify(folder)
        port, monitor = free_port(), free_port()
        text = server_config(
            Listener(port, certificate=certificate, key=key) if is_encrypted else Listener(port),
            Storage(state.nats / "store"),
            Accounts(own_public_keys(state), ()),
            monitor_port=monitor,
            log=state.run / "nats.log",
        )
        config = state.nats / "nats.conf"
        config.write_text(text)
        server = EmbeddedNats(config, port=port, monitor_port=monitor, log=state.run / "nats.out")
        server.start()
        try:
            yield Hub(state, port, certificate)
        finally:
            server.stop()


@asynccontextmanager
async def service(at: Hub, *, authority: Path | None, scheme: str = "tls") -> AsyncIterator[Wire]:
    """Intake's wire, given two seconds to come up."""
    wire = open_wire(
        "intake",
        Server(f"{scheme}://127.0.0.1:{at.port}", authority),
        seed_file=seed_file(at.state, "intake"),
        on_lost=lambda: None,
    )
    starting = asyncio.create_task(wire.start())
    await asyncio.wait([starting], timeout=2)
    try:
        yield wire
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await wire.stop()


async def test_a_service_comes_in_over_tls_with_the_authority_it_is_told() -> None:
    with hub(is_encrypted=True) as at:
        async with service(at, authority=at.authority) as wire:
            assert wire.is_connected


async def test_a_service_believes_no_certificate_that_nobody_vouches_for() -> None:
    with hub(is_encrypted=True) as at:
        async with service(at, authority=None) as wire:
            assert not wire.is_connected


@pytest.mark.parametrize(("scheme", "comes_in"), [("tls", False), ("nats", True)])
async def test_a_service_signs_in_to_no_server_that_offers_no_encryption(
    scheme: str, comes_in: bool
) -> None:
    with hub(is_encrypted=False) as at:
        async with service(at, authority=None, scheme=scheme) as wire:
            assert wire.is_connected is comes_in


async def test_the_commands_come_in_by_the_same_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(is_encrypted=True) as at:
        url, seed = f"tls://127.0.0.1:{at.port}", seed_file(at.state, OPERATIONS)
        with pytest.raises(ServerError, match="SSLCertVerificationError"):
            async with connected(url, OPERATIONS, seed):
                pass
        monkeypatch.setenv("SIRABA_NATS_CA_FILE", str(at.authority))
        async with connected(url, OPERATIONS, seed) as client:
            assert "streams" in await asked(client, "INFO")
    with hub(is_encrypted=False) as at:
        monkeypatch.delenv("SIRABA_NATS_CA_FILE")
        with pytest.raises(ServerError, match="NoEncryptionError"):
            async with connected(
                f"tls://127.0.0.1:{at.port}", OPERATIONS, seed_file(at.state, OPERATIONS)
            ):
                pass


@pytest.mark.parametrize(
    ("url", "needed"),
    [
        ("nats://127.0.0.1:4222", False),
        ("127.0.0.1:4222", False),
        ("tls://localhost:4222", True),
        ("nats://127.0.0.1:4222, tls://nats-2.example:4222", True),
    ],
)
def test_a_line_is_encrypted_where_one_of_its_addresses_says_so(url: str, needed: bool) -> None:
    assert (Server(url).tls is not None) is needed


@pytest.mark.parametrize(
    "url",
    [
        "nats://nats.example:4222",
        "nats.example:4222",
        "nats://10.0.0.7:4222",
        "nats://[::]:4222",
        "nats://127.0.0.1:4222,nats://nats-2.example:4222",
        "nats://127.0.0.1@nats.example:4222",
        "",
    ],
)
def test_a_line_in_the_clear_ends_at_this_machine(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="nats_url: beyond loopback must be tls://"):
        Server(url)
    for name in ("NATS_SEED_FILE", "DATABASE_URL_WEB", "DATABASE_URL_WORK", "SECRETS_DIR"):
        monkeypatch.setenv(f"SIRABA_{name}", "told")
    monkeypatch.setenv("SIRABA_NATS_URL", url)
    # A command that is tried in this process must not leave it logging to a stream that is gone.
    monkeypatch.setattr(run, "set_up_logging", lambda _: None)
    for command in (["doctor"], ["provision", "--check"], ["run", "intake"]):
        refused = CliRunner().invoke(app, command)
        assert refused.exit_code == 1
        assert "nats_url: beyond loopback must be tls://" in refused.output


@pytest.mark.parametrize("url", ["nats://localhost:4222", "nats://[::1]:4222", "127.0.0.2:4222"])
def test_a_line_within_this_machine_may_be_in_the_clear(url: str) -> None:
    assert Server(url).tls is None


def test_an_authority_alone_says_that_the_line_is_encrypted(tmp_path: Path) -> None:
    authority, _ = certify(tmp_path)

    assert Server("nats://127.0.0.1:4222", authority).tls is not None

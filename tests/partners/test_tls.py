from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from partners.kit import Unreachable, load
from partners.kit.link import Address, Link
from tests.certificates import certify
from tests.partners.platform import Platform

pytestmark = pytest.mark.share("partners")


@pytest.fixture
async def encrypted(tmp_path: Path, shelter: Path) -> AsyncIterator[tuple[Platform, Path]]:
    """A server that asks for TLS, and the authority behind its certificate."""
    public, private = certify(tmp_path)
    server = Platform(tmp_path)
    server.configure(
        {"SHELTER_A": load(shelter).public()["nkey"]},
        tls=f'tls {{ cert_file: "{public}", key_file: "{private}" }}',
    )
    await server.start()
    yield server, public
    server.kill()


async def test_the_named_authority_makes_the_connection(
    encrypted: tuple[Platform, Path], shelter: Path
) -> None:
    server, authority = encrypted
    link = await Link.open(load(shelter), Address(url=server.url, ca=authority), patience=5)

    assert link.watch.up.is_set()
    await link.close()


async def test_a_certificate_nobody_vouches_for_is_refused_by_name(
    encrypted: tuple[Platform, Path], shelter: Path
) -> None:
    server, _ = encrypted

    with pytest.raises(Unreachable, match="SSLCertVerificationError"):
        await Link.open(load(shelter), Address(url=server.url), patience=1)


async def test_a_server_that_offers_no_tls_gets_no_signature(
    platform: Platform, shelter: Path, tmp_path: Path
) -> None:
    public, _ = certify(tmp_path)
    stripped = platform.url.replace("nats://", "tls://")

    for address in (Address(url=stripped), Address(url=platform.url, ca=public)):
        with pytest.raises(Unreachable, match="offers no encryption"):
            await Link.open(load(shelter), address, patience=5)


@pytest.mark.parametrize(
    ("url", "needed"),
    [
        ("nats://127.0.0.1:8422", False),
        ("nats://localhost:8422", False),
        ("tls://127.0.0.1:8422", True),
        ("nats://siraba.example:8422", True),
        ("tls://siraba.example", True),
    ],
)
def test_off_this_machine_the_line_is_always_encrypted(url: str, needed: bool) -> None:
    assert Address(url=url).needs_tls is needed

"""Signing keys for tests: of services and organisations, the same in every run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.trust import PLATFORM_KEYS, Trust, signing_file
from contracts.countersigning import OFFICER, OFFICERS_FILE, countersign
from contracts.envelope import SIGNATURE
from contracts.keyring import (
    Keyring,
    PublicKey,
    encode_base64url,
    generate_signing_key,
    owner_of,
    write_private_key,
)
from contracts.signing import Kind, Signer, signed_payload
from contracts.topology import SERVICES

SINCE = datetime(2020, 1, 1, tzinfo=UTC)


@cache
def private_key(owner: str) -> Ed25519PrivateKey:
    """The owner's key in every test."""
    return generate_signing_key(sha256(owner.encode()).digest())


@cache
def signer_of(owner: str) -> Signer:
    """What signs with it."""
    return Signer(private_key(owner))


@cache
def public_key(owner: str) -> PublicKey:
    """Its public half, good since long ago."""
    raw = private_key(owner).public_key().public_bytes_raw()
    return PublicKey(owner=owner, use="signing", key=encode_base64url(raw), valid_from=SINCE)


def signed(
    headers: Mapping[str, str],
    body: bytes,
    *,
    subject: str,
    kind: Kind = "event",
    by: str | None = None,
) -> dict[str, str]:
    """The headers with a signature of their source, or of `by`, over what is given."""
    unsigned = {name: value for name, value in headers.items() if name != SIGNATURE}
    owner = by or owner_of(headers.get("ce-source", "")) or "stranger"
    payload = signed_payload(unsigned, body, subject=subject)
    return unsigned | {SIGNATURE: signer_of(owner).sign(payload, kind=kind)}


def write_platform_keys(folder: Path) -> None:
    """The services' keys as files, as `deploy` makes them."""
    keys = Keyring(public_key(name) for name in SERVICES)
    (folder / PLATFORM_KEYS).write_text(keys.write())
    (folder / OFFICERS_FILE).write_text(Keyring([public_key(OFFICER)]).write())
    for name in SERVICES:
        path = folder / signing_file(public_key(name).id)
        path.write_bytes(write_private_key(private_key(name)))
        path.chmod(0o600)


def vouched(*keys: PublicKey, by: str = OFFICER) -> dict[str, str]:
    """The directory officer's word for each of these keys, or somebody else's."""
    return {key.id: countersign(signer_of(by), key) for key in keys}


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """Keys without news."""

    ring: Keyring

    async def refresh(self, named: Collection[str]) -> None:
        """Nothing is new."""


def trust(*owners: str, kind: Kind = "event") -> Trust:
    """Belief in these owners, by default in our services."""
    return Trust(kind, FixedKeys(Keyring(public_key(owner) for owner in owners or SERVICES)))

"""Whose word counts: the platform's own keys from their file, the organisations' from a table."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.directory_keys import load_keys
from chassis.inbox.received import Raw
from chassis.secrets import SecretUnusable, read_private
from contracts.envelope import SIGNATURE, Rejected
from contracts.keyring import Keyring, PublicKey, read_signing_key
from contracts.signing import Kind, SignatureRefused, Signer, named_key, verify_message

#: Beside the secrets, though it is none: every public key that our services ever signed with.
PLATFORM_KEYS: Final = "platform-keys.json"
REFRESH_SECONDS = 1.0


def signing_file(key_id: str) -> str:
    """The name of the private half among the secrets."""
    return f"signing-{key_id}.key"


class Keys(Protocol):
    """Public keys that may get news while we run."""

    @property
    def ring(self) -> Keyring:
        """All that is known so far."""

    async def refresh(self, named: Collection[str]) -> None:
        """Learn what is new, and these ids if they are not known yet; cheap when nothing is."""


@dataclass(slots=True)
class PlatformKeys:
    """Keys in a file, by default those of our services; it is read again when it was replaced.

    Raises what `Keyring.read` raises: a service without a readable file does not start.
    """

    folder: Path
    name: str = PLATFORM_KEYS
    ring: Keyring = field(default_factory=Keyring)
    _seen: tuple[int, int] | None = None

    async def refresh(self, named: Collection[str]) -> None:
        """Look at the file's time and number, which a replaced one does not share."""
        self.look()

    def look(self) -> Keyring:
        """The same without waiting; what is known now, another ring only when there was news."""
        path = self.folder / self.name
        found = path.stat()
        seen = (found.st_mtime_ns, found.st_ino)
        if seen != self._seen:
            self.ring, self._seen = Keyring.read(path.read_bytes()), seen
        return self.ring


@dataclass(slots=True)
class DirectoryKeys:
    """The organisations' keys as this service's own tables hold them.

    An end is known within a second; a new key at once, since whoever uses it was told it counts.
    """

    engine: AsyncEngine
    ring: Keyring = field(default_factory=Keyring)
    _looked: float = -REFRESH_SECONDS

    async def refresh(self, named: Collection[str]) -> None:
        """Ask the database when the last answer is old, or without one of these ids."""
        is_old = monotonic() - self._looked >= REFRESH_SECONDS
        if is_old or any(self.ring.get(id, use="signing") is None for id in named):
            async with self.engine.connect() as connection:
                self.ring = Keyring(await load_keys(connection, use="signing"))
            self._looked = monotonic()


@dataclass(slots=True)
class SigningKey:
    """What this service signs with: the newest of its keys whose private half lies here.

    A key that was only announced has none here yet, and one whose end is set signs nothing new.
    """

    keys: PlatformKeys
    owner: str
    _signer: Signer | None = None
    _of: Keyring | None = None

    def signer(self) -> Signer:
        """Asked for at each batch, so that a rotation needs no restart. Raises SecretUnusable.

        Consumers look at the same keys and may have seen the news first.
        """
        ring = self.keys.look()
        if ring is not self._of or self._signer is None:
            pem = read_private(self.keys.folder, signing_file(self._newest(ring).id))
            self._signer, self._of = Signer(read_signing_key(pem)), ring
        return self._signer

    def _newest(self, ring: Keyring) -> PublicKey:
        held = [
            key
            for key in ring.owned(self.owner, use="signing")
            if key.valid_until is None
            and key.suspect_from is None
            and (self.keys.folder / signing_file(key.id)).exists()
        ]
        if not held:
            raise SecretUnusable(f"{PLATFORM_KEYS}: no key here that {self.owner} may sign with")
        return max(held, key=lambda key: key.valid_from)


@dataclass(frozen=True, slots=True)
class Trust:
    """Lets a message through that its source has signed, with a key that was good at its time."""

    kind: Kind
    keys: Keys

    async def refresh(self, batch: Sequence[Raw] = ()) -> None:
        """Before a batch."""
        await self.keys.refresh({named_key(raw.headers) for raw in batch} - {""})

    def check(self, raw: Raw) -> None:
        """Raises `Rejected` with the reason of `SignatureRefused`."""
        try:
            verify_message(
                raw.headers,
                raw.body,
                subject=raw.subject,
                kind=self.kind,
                keys=self.keys.ring,
                at=raw.recorded_at,
            )
        except SignatureRefused as refused:
            raise Rejected(refused.reason, field=SIGNATURE) from None

"""The state folder: where everything lies, and secrets that are made once and stay."""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.secrets import replace_secret
from deploy.embedded.processes import ServerError


@dataclass(frozen=True, slots=True)
class State:
    """Paths below one state folder (`.siraba` by default)."""

    root: Path

    @property
    def secrets(self) -> Path:
        """Seeds and passwords, one file each, readable by their owner only."""
        return self.root / "secrets"

    @property
    def vault(self) -> Path:
        """The vault's keys, which only intake needs and no backup holds."""
        return self.root / "vault"

    @property
    def run(self) -> Path:
        """Logs of the children, the lock, and `platform.json`."""
        return self.root / "run"

    @property
    def postgres(self) -> Path:
        """The embedded cluster."""
        return self.root / "postgres"

    @property
    def nats(self) -> Path:
        """The embedded server's configuration and its streams."""
        return self.root / "nats"

    @property
    def partners(self) -> Path:
        """The organisations' public keys, as `<CODE>.json` or `<folder>/public.json`."""
        return self.root / "partners"

    @property
    def waiting(self) -> Path:
        """Public keys of organisations that have not shown yet that their program conforms."""
        return self.root / "waiting"

    @property
    def officer(self) -> Path:
        """The directory officer's private key, until it is taken elsewhere."""
        return self.root / "officer"

    @property
    def status_file(self) -> Path:
        """What a running platform says about itself: addresses, ports, process ids."""
        return self.run / "platform.json"

    @property
    def doors_file(self) -> Path:
        """Who is let in at NATS, see `deploy.doors`."""
        return self.root / "doors.json"

    def prepare(self) -> None:
        """Make the folders. The root may be entered by PostgreSQL's user, the rest may not."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711)
        for folder in (self.secrets, self.vault, self.run, self.nats, self.partners):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)

    def secret(self, name: str, make: Callable[[], str] | None = None) -> str:
        """The secret `name`, made on first use (a random password by default)."""
        path = self.secrets / name
        if not path.exists():
            write_secret(path, (make or _password)())
        return path.read_text(encoding="ascii").strip()

    def password(self, role: str) -> str:
        """The password of a PostgreSQL role."""
        return self.secret(f"postgres-{role}.password")

    def status(self) -> dict[str, Any]:
        """What the platform on this state wrote last; empty when it never ran or stopped."""
        if not self.status_file.exists():
            return {}
        loaded: dict[str, Any] = json.loads(self.status_file.read_text(encoding="utf-8"))
        return loaded

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until nobody else changes what the servers are configured with, and keep others out.

        Whoever had looked before and wrote after would let in again who was cut off in between.
        """
        descriptor = os.open(self.root / "configuring.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the state alone; ServerError when a platform already runs on it.

        The kernel drops the lock with its holder, so that nothing stale can ever be found.
        """
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise ServerError(f"a platform already runs on {self.root}: stop it first") from None
        try:
            yield
        finally:
            os.close(descriptor)


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    replace_secret(path, text.encode())


def _password() -> str:
    # URL-safe symbols only: the password travels inside a database URL.
    return secrets.token_urlsafe(32)

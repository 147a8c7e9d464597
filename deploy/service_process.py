"""One service, or what counts beside them, as a child process of the platform."""

import json
import signal
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.embedded.processes import Child, ChildSpec, end_leftover, spawn, wait_until
from deploy.keys import seed_file
from deploy.settings import inherited_environment
from deploy.state import State

_ROOT: Final = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Addresses:
    """What a service must reach: NATS and its two database roles."""

    nats_url: str
    database_url_web: str = field(repr=False)
    database_url_work: str = field(repr=False)


class OwnProcess:
    """`python -m deploy.cli ...` on a port of its own, healthy while its `/healthz` is."""

    def __init__(self, name: str, *, port: int, state: State) -> None:
        self.name = name
        self.port = port
        self.child: Child | None = None
        self._state = state
        self._pid_file = state.run / f"{name}.pid"

    @property
    def url(self) -> str:
        """Where it listens; a service does so behind the front."""
        return f"http://127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """End what an earlier run left."""
        with suppress(OSError, ValueError):
            marker = f"SIRABA_STATE_DIR={self._state.root}\0"
            end_leftover(int(self._pid_file.read_text()), marker, signal.SIGTERM)

    def spawn(self) -> None:
        """Start the process."""
        self.child = spawn(
            ChildSpec(
                self.name,
                command=self.command(),
                log=self._state.run / f"{self.name}.log",
                environment=self.environment(),
                folder=_ROOT,
            )
        )
        self._pid_file.write_text(str(self.child.pid))

    def wait_ready(self) -> None:
        """Block until `/healthz` answers 200."""
        wait_until(self._healthy, self.child, timeout=60)

    def stop(self) -> None:
        """Orderly end; the grace is longer than the service's own for running handlers."""
        if self.child is not None:
            self.child.stop(grace=25)
            self.child = None
            self._pid_file.unlink(missing_ok=True)

    def command(self) -> Sequence[str]:
        """What is run."""
        return [sys.executable, "-m", "deploy.cli", self.name]

    def environment(self) -> Mapping[str, str]:
        """Everything it is told."""
        return {**inherited_environment(), "SIRABA_STATE_DIR": str(self._state.root)}

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310 - loopback, fixed scheme
                return bool(answer.status == 200)
        except OSError:
            return False


class ServiceProcess(OwnProcess):
    """One service."""

    def __init__(
        self,
        name: str,
        *,
        port: int,
        state: State,
        addresses: Addresses,
        witnesses: Sequence[str] = (),
    ) -> None:
        super().__init__(name, port=port, state=state)
        self._addresses = addresses
        self._witnesses = witnesses

    def command(self) -> Sequence[str]:
        """What is run."""
        return [sys.executable, "-m", "deploy.cli", "run", self.name]

    def environment(self) -> Mapping[str, str]:
        """Everything the service is told."""
        return {
            **super().environment(),
            "SIRABA_SERVICE": self.name,
            "SIRABA_BIND": "127.0.0.1",
            "SIRABA_PORT": str(self.port),
            "SIRABA_NATS_URL": self._addresses.nats_url,
            "SIRABA_NATS_SEED_FILE": str(seed_file(self._state, self.name)),
            "SIRABA_DATABASE_URL_WEB": self._addresses.database_url_web,
            "SIRABA_DATABASE_URL_WORK": self._addresses.database_url_work,
            "SIRABA_WITNESSES": json.dumps(self._witnesses),
            "SIRABA_SECRETS_DIR": str(self._state.secrets),
            "SIRABA_VAULT_DIR": str(self._state.vault),
        }


class MetricsProcess(OwnProcess):
    """What Prometheus asks (`siraba metrics`)."""

    def __init__(self, *, port: int, state: State) -> None:
        super().__init__("metrics", port=port, state=state)

    def environment(self) -> Mapping[str, str]:
        """It finds the rest in the state folder, each time it is asked."""
        return {**super().environment(), "SIRABA_METRICS_PORT": str(self.port)}

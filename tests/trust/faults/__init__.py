"""The fault box: each fault starts and stops, is made again by its seed, and leaves nothing behind."""

import fcntl
import subprocess
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

_INSTALLER = Path(__file__).parents[3] / "deploy" / "system-packages"


class Fault:
    """Something bad that lasts from `start` to `stop`; `with` does both."""

    def start(self) -> None:
        """Begin; what it needs is in its constructor."""

    def stop(self) -> None:
        """End, and undo what can be undone. Harmless when it never began."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


@cache
def need(*packages: str) -> None:
    """Install Debian packages that a fault stands on; fails with the line to run when it cannot."""
    with _INSTALLER.open() as installer:
        # Campaigns run beside each other, and apt serves one at a time.
        fcntl.flock(installer, fcntl.LOCK_EX)
        subprocess.run([str(_INSTALLER), *packages], check=True)


def ran(*command: str) -> str:
    """Run a short command to its end; its output. Fails with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout

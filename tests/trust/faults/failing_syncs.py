"""A disk that refuses to sync: every fsync of some processes fails, as strace injects it."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.trust.faults import Fault, need
from tests.trust.faults.frozen import with_children

_CALLS = "fsync,fdatasync"


class FailingSyncs(Fault):
    """From start to stop each fsync and fdatasync of `pids` and of what they fork fails."""

    def __init__(self, pids: Sequence[int], *, error: str = "EIO") -> None:
        self._pids = pids
        self._error = error
        self._tracer: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Attach; returns when every process is traced."""
        need("strace")
        inject = f"inject={_CALLS}:error={self._error}"
        command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={_CALLS}", "-e", inject]
        for pid in self._pids:
            command += ["-p", str(pid)]
        self._tracer = subprocess.Popen(command)
        end = time.monotonic() + 10
        while not all(map(_is_traced, self._pids)):
            assert self._tracer.poll() is None, "strace ended at start"
            assert time.monotonic() < end, "strace does not attach"
            time.sleep(0.01)

    def stop(self) -> None:
        """Detach; the processes go on."""
        if self._tracer is not None:
            self._tracer.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._tracer.wait(2)
            # It may be waiting for a process that is itself waiting to be reaped.
            self._tracer.kill()
            self._tracer.wait()
            self._tracer = None
        # A tracer that ends while a process is stopped for it can leave it stopped.
        for pid in {child for parent in self._pids for child in with_children(parent)}:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _is_traced(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True  # it has ended: nothing of it can sync
    return "TracerPid:\t0\n" not in status

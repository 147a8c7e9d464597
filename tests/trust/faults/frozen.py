"""Processes that stand still without dying: a paused machine, a swapped-out worker, a long stall."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.trust.faults import Fault


class Frozen(Fault):
    """SIGSTOP from start to stop; a process that died meanwhile stays dead."""

    def __init__(self, *pids: int) -> None:
        self._pids = pids

    def start(self) -> None:
        """Stop them."""
        self._send(signal.SIGSTOP)

    def stop(self) -> None:
        """Let them go on."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def with_children(pid: int) -> Sequence[int]:
    """A process and all below it, parents first."""
    found = [pid]
    for one in found:
        with suppress(OSError):
            text = Path(f"/proc/{one}/task/{one}/children").read_text()
            found += map(int, text.split())
    return found

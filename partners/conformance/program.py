"""The program under test: started, stopped, and never looked into."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from partners.conformance.sandbox import SandboxFailed

END_SECONDS = 10.0


class Program:
    """`command` with SIRABA_DIR and SIRABA_URL in its environment; what it says goes to `log`."""

    def __init__(self, command: Sequence[str], *, folder: Path, url: str, log: Path):
        self._command = command
        self._places = (f"SIRABA_DIR={folder}", f"SIRABA_URL={url}")
        self._log = log
        self._process: Process | None = None

    @property
    def ended(self) -> int | None:
        """The exit code of a program that has ended by itself; None while it runs."""
        return None if self._process is None else self._process.returncode

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, in a process group of its own; raises `SandboxFailed` where nothing can be started."""
        with self._log.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    "env",
                    *self._places,
                    *self._command,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise SandboxFailed(f"cannot start it ({type(error).__name__})") from None

    async def stop(self) -> None:
        """Ask it to end, then insist."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), END_SECONDS)
        # Also what it has started and left behind.
        self._signal(signal.SIGKILL)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

"""The Node example as a process: started, killed and started again on one folder; what it showed."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).parents[2] / "partners" / "examples" / "node"
PROGRAM = EXAMPLE / "answering.js"
#: What it needs in its environment besides its folder and the address.
KNOWS = {"SIRABA_SCHEMAS": str(Path(__file__).parents[2] / "contracts" / "schemas" / "feed")}
_STARTED: list[asyncio.subprocess.Process] = []


@dataclass(slots=True)
class NodeProgram:
    """One organisation's program in JavaScript; `shown` goes on over restarts."""

    folder: Path
    url: str
    options: tuple[str, ...] = ()
    shown: list[dict[str, Any]] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        assert (EXAMPLE / "node_modules").is_dir(), "run `make test`: it installs what Node needs"
        places = {"SIRABA_DIR": str(self.folder), "SIRABA_URL": self.url} | KNOWS
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(PROGRAM),
            *self.options,
            env=os.environ | places,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read(self._process))
        _STARTED.append(self._process)

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; all it had shown has been read by then."""
        assert self._process is not None
        assert self._reading is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        code = await asyncio.wait_for(self._process.wait(), 20)
        await self._reading
        return code

    async def until(self, is_so: Callable[[], bool], *, seconds: float = 60) -> None:
        """Wait until it has shown enough; fails when it ends before."""
        assert self._reading is not None
        async with asyncio.timeout(seconds):
            while not is_so():
                assert not self._reading.done(), self.shown[-3:]
                await asyncio.sleep(0.05)

    def did(self, what: str, name: str | None = None) -> list[dict[str, Any]]:
        """What it showed of one kind."""
        return [
            line for line in self.shown if line["did"] == what and name in (None, line.get("name"))
        ]

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.shown.append(json.loads(line))


async def end_all() -> None:
    """What a test that failed has left running; outside its platform it would try for ever."""
    for process in _STARTED:
        if process.returncode is None:
            process.kill()
            await process.wait()
    _STARTED.clear()


async def while_running(
    program: NodeProgram, work: Callable[[], Awaitable[None]], *, expected: int = 0
) -> None:
    """Start it, do the work, end it in order."""
    await program.start()
    try:
        await work()
    finally:
        code = await program.end()
    assert code == expected

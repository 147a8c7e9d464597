"""Who plays in the demonstration, and the programs that play the partners."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from partners.kit import keys
from partners.kit.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One partner of the demonstration and how it answers (see partners.kit.answers)."""

    code: str
    policy: str
    complete: bool = False


# Four kinds; the health centre is full at first, so that "next in rank" is seen.
PARTNERS = (
    Part(code="POLICE_KAYES", policy="accept", complete=True),
    Part(code="PARQUET_KAYES", policy="accept"),
    Part(code="CSREF_KAYES", policy="decline:capacity:3", complete=True),
    Part(code="SHELTER_BENKADI_KAYES", policy="accept", complete=True),
)
# Fills in HTCDS workbooks today, and so owns the imported cases.
OWNER = "INTL_MIGRATION"
COMMITTEE = "CNLTPPA"


def make_keys(folder: Path) -> dict[str, Keys]:
    """Play the partners' side: keys of all who take part, each in a folder of its own."""
    codes = (*(part.code for part in PARTNERS), OWNER, COMMITTEE)
    return {code: keys.init(folder / code, code=code) for code in codes}


@dataclass(slots=True)
class Program:
    """A partner's program as a process of its own; `lines` is what it said, one JSON each."""

    part: Part
    folder: Path
    url: str
    lines: list[dict[str, Any]] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None
    _reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it and wait until it is connected."""
        command = [
            *(sys.executable, "-m", "partners.examples.answering"),
            *("--dir", str(self.folder), "--url", self.url, "--code", self.part.code),
            *("--policy", self.part.policy),
            *(("--complete",) if self.part.complete else ()),
        ]
        self.process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        await self._read_line()
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """End it and wait."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            await self.process.wait()
        if self._reading is not None:
            await self._reading

    def received(self) -> Counter[str]:
        """How many of each message it got."""
        return Counter(line["name"] for line in self.lines if line["did"] == "received")

    def sent(self) -> Counter[str]:
        """How many of each request it sent."""
        return Counter(line["name"] for line in self.lines if line["did"] == "sent")

    async def _read(self) -> None:
        while await self._read_line():
            pass

    async def _read_line(self) -> bool:
        if self.process is None or self.process.stdout is None:
            return False
        line = await self.process.stdout.readline()
        if line:
            self.lines.append(json.loads(line))
        return bool(line)


async def quiet(programs: Sequence[Program], *, seconds: float, limit: float) -> None:
    """Return when nobody has said anything for so long, at the latest after `limit` seconds."""
    loop = asyncio.get_running_loop()
    end, count, since = loop.time() + limit, -1, loop.time()
    while loop.time() < end:
        now = sum(len(program.lines) for program in programs)
        if now != count:
            count, since = now, loop.time()
        if loop.time() - since >= seconds:
            return
        await asyncio.sleep(0.1)

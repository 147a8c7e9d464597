"""Where a service's processor time goes while cases run through it: `--profile`, by py-spy."""

import asyncio
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.bench.cast import members
from tests.bench.program import Protection
from tests.bench.siraba import running_siraba
from tests.bench.versus import told
from tests.servers import open_folder

OURS = ("chassis/", "services/", "contracts/", "tests/")
PER_SECOND = 200
_IDLE = re.compile(r"\bwait \(threading\.py|^$")


async def profile(service: str, cases: int, *, protection: Protection) -> str:
    """Two tables as text: own time by function, and the time below each function of ours."""
    async with running_siraba(members(10), name=protection, protection=protection) as chain:
        await chain.run(300)
        with open_folder() as folder:
            raw = folder / "raw"
            recorder = await _recording(chain.trees[service], raw)
            run = await chain.run(cases)
            recorder.send_signal(signal.SIGINT)  # it writes what it has, then ends
            await recorder.wait()
            lines = raw.read_text(errors="replace").splitlines()
    return f"{told(chain.name, run)}\n{tables(lines)}"


async def _recording(pid: int, raw: Path) -> asyncio.subprocess.Process:
    command = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid)]
    command += ["--rate", str(PER_SECOND), "--format", "raw"]
    process = await asyncio.create_subprocess_exec(
        *command, "--duration", "600", "--output", str(raw), stdout=asyncio.subprocess.DEVNULL
    )
    await asyncio.sleep(1)  # until it is attached
    return process


def tables(lines: Iterable[str]) -> str:
    """From py-spy's `frame;frame;… count` lines."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
        if _IDLE.search(frames[-1]):
            continue
        own[frames[-1]] += int(count)
        for frame in set(frames):
            below[frame] += int(count)
    ours = {frame: n for frame, n in below.items() if any(part in frame for part in OURS)}
    total = own.total()
    return "\n".join(
        (
            f"own time, of {total / PER_SECOND:.1f} s on a processor:",
            *_top(own, total, 25),
            "below our own functions:",
            *_top(Counter(ours), total, 40),
        )
    )


def _top(found: Counter[str], total: int, room: int) -> list[str]:
    return [f"  {n / total:6.1%}  {frame}" for frame, n in found.most_common(room)]

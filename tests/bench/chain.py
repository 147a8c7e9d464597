"""What all chains have in common for whoever measures them, and the measuring of one run."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, groupby
from operator import attrgetter
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from nats.aio.client import Client

from contracts.callers import issue_token
from contracts.topology import OUT, Durable, all_durables
from deploy.embedded.processes import Child, ChildSpec, spawn
from deploy.jetstream import asked, consumers_of
from partners.kit import Keys
from tests.bench.callers import lines, post_all
from tests.bench.cast import Member, posts
from tests.bench.program import Protection
from tests.bench.usage import held, spent, used

LINES = 32
ROOT = Path(__file__).parents[2]
#: What one case adds to each stream: registered and released; offered and accepted; an offer, the
#: news that it is accepted to both, and the dossier.
STREAMS = {"INTAKE": 2, "REFERRAL": 2, OUT.name: 4}
#: All that one case has stored: these, and the partner's request in its own stream and the inbox.
MESSAGES = sum(STREAMS.values()) + 2
COUNTED = "select count(*) from reporting.facts_referral_steps where at >= $1"
STANDSTILL_SECONDS = 30.0
#: What a durable has still to do, by the server's name for it.
LEFT = {"waiting": "num_pending", "not acknowledged": "num_ack_pending"}
_RUNS = count(1)


@dataclass(slots=True, kw_only=True)
class Chain:
    """A running chain. `trees`: name → pid of what is counted, the partners' program included.

    crossing: SQL that gives (case number, referral id) of the cases registered since `$1`.
    """

    name: str
    cast: list[Member]
    keys: Mapping[str, Keys]
    intake_url: str
    operations: Client
    admin_url: str
    receipts: Path
    trees: dict[str, int]
    crossing: str
    durables: tuple[Durable, ...] = field(default=())

    def __post_init__(self) -> None:
        self.durables = self.durables or all_durables([one.code for one in self.cast])

    def tokens(self) -> dict[str, str]:
        """What each owner presents for the next minutes."""
        now = datetime.now(UTC)
        return {
            code: issue_token(
                keys.signing, organisation=code, role="officer", audience="intake", now=now
            )
            for code, keys in self.keys.items()
        }

    async def run(self, cases: int, *, per_second: float | None = None) -> "Run":
        """Send cases and wait until the last effect of the last one is counted everywhere."""
        load = list(posts(self.cast, cases, run=f"{self.name}-{next(_RUNS)}"))
        tokens, began = self.tokens(), datetime.now(UTC)
        self.receipts.write_text("")
        expected = await self._sizes()
        expected = {name: size + STREAMS[name] * cases for name, size in expected.items()}
        async with lines(self.intake_url, LINES) as open_lines:
            before, start = used(self.trees), monotonic()
            answers = await post_all(open_lines, load, tokens=tokens, per_second=per_second)
            posted = monotonic() - start
            await self._drained(expected)
            seconds, after = monotonic() - start, used(self.trees)
        latencies = await self._latencies(answers.sent_at, began)
        return Run(
            cases=cases,
            seconds=seconds,
            posted=posted,
            cpu=spent(before, after),
            memory=held(self.trees),
            latencies=latencies,
        )

    async def _drained(self, expected: Mapping[str, int]) -> None:
        await reached(expected, self._sizes)
        by_stream = attrgetter("stream")
        for stream, durables in groupby(sorted(self.durables, key=by_stream), by_stream):
            await self._idle(stream, frozenset(durable.name for durable in durables))

    async def _sizes(self) -> dict[str, int]:
        infos = {name: await asked(self.operations, f"STREAM.INFO.{name}") for name in STREAMS}
        return {name: int(info["state"]["messages"]) for name, info in infos.items()}

    async def _idle(self, stream: str, durables: frozenset[str]) -> None:
        """Wait until everything in the stream has been acknowledged.

        One question for hundreds of consumers: one for each would be most of what is measured.
        """

        async def left() -> dict[str, int]:
            found = await consumers_of(self.operations, stream)
            return {
                f"{stream}.{name} {what}": found[name][number]
                for name in durables & found.keys()
                for what, number in LEFT.items()
            }

        await reached({f"{stream}.{name} {what}": 0 for name in durables for what in LEFT}, left)

    async def _latencies(self, sent_at: Mapping[str, float], began: datetime) -> list[float]:
        """Seconds from each POST to the offer in the partner's hands."""
        lines = (line.split() for line in self.receipts.read_text().splitlines())
        received = {referral: float(at) for referral, at in lines}
        connection = await asyncpg.connect(self.admin_url)
        try:
            rows = await connection.fetch(self.crossing, began)
            counted = await connection.fetchval(COUNTED, began)
        finally:
            await connection.close()
        assert counted == len(sent_at), f"reporting counted {counted} answers"
        crossing = {row[0]: str(row[1]) for row in rows}
        assert crossing.keys() >= sent_at.keys(), "some cases led to no referral"
        return [received[crossing[number]] - at for number, at in sent_at.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run. By process tree, cpu: seconds, memory: MiB at its end; latencies: POST to partner, s."""

    cases: int
    seconds: float
    posted: float
    cpu: Mapping[str, float]
    memory: Mapping[str, float]
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Complete cases a second, from the first POST to the last counted status."""
        return self.cases / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time a case, everything but the callers."""
        return sum(self.cpu.values()) / self.cases * 1000

    @property
    def cpu_us_per_message(self) -> float:
        """Microseconds of processor time a message that a stream has stored."""
        return self.cpu_ms * 1000 / MESSAGES

    def cpu_us(self) -> dict[str, float]:
        """Microseconds a case, by process tree."""
        return {name: seconds / self.cases * 1e6 for name, seconds in self.cpu.items()}

    def latency_ms(self, share: float) -> float:
        """The latency that this share of the cases stays below, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


async def reached(
    expected: Mapping[str, int],
    look: Callable[[], Awaitable[Mapping[str, int]]],
    *,
    standstill: float = STANDSTILL_SECONDS,
) -> None:
    """Wait until `look` finds what is expected.

    Raises AssertionError with every number that differs once nothing has moved for so many seconds.
    """
    found: Mapping[str, int] = {}
    moved = monotonic()
    while (now := await look()) != expected:
        if now != found:
            found, moved = now, monotonic()
        elif monotonic() - moved > standstill:
            raise AssertionError(f"nothing moves any more: {differing(expected, found)}")
        await asyncio.sleep(0.02)


def differing(expected: Mapping[str, int], found: Mapping[str, int]) -> str:
    """What is not as expected, by name."""
    wrong = (name for name in expected if found.get(name) != expected[name])
    return ", ".join(f"{name}: {found.get(name)}, expected {expected[name]}" for name in wrong)


@asynccontextmanager
async def partner_programs(
    url: str, folder: Path, receipts: Path, *, protection: Protection, cast: list[Member]
) -> AsyncIterator[Child]:
    """The organisations' programs as one child process."""
    command = [sys.executable, "-m", "tests.bench.program", url, str(folder), str(receipts)]
    child = spawn(
        ChildSpec(
            "partners",
            command=[*command, protection, *(one.code for one in cast)],
            log=folder / "programs.log",
            folder=ROOT,
        )
    )
    try:
        yield child
    finally:
        child.stop()


def numbers(found: Mapping[str, Any]) -> str:
    """`name number` of each, for one line of output."""
    return "  ".join(f"{name} {value:.0f}" for name, value in found.items())

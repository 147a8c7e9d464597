"""What the bench measures, each in one call that both the tests and `make bench` make."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import median

from tests.bench.cast import members
from tests.bench.chain import Chain
from tests.bench.plain.running import running_plain
from tests.bench.relays import Carrier, consumed_per_second, nats_with, our_relay, peer_relay
from tests.bench.siraba import running_siraba, traces_kept
from tests.bench.stored import store_cases
from tests.bench.versus import Report, Runs, Versus, in_turns
from tests.controls.untraced import Untraced
from tests.servers import open_folder, running_postgres

PARTNERS = 10
PER_SECOND = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything. cases: of each Siraba and of the plain chain in one run."""

    rounds: int
    cases: tuple[int, int]
    paced: int
    relay_rows: int
    stored: int
    partners: int


SHORT = Size(rounds=2, cases=(400, 40), paced=60, relay_rows=3000, stored=10_000, partners=50)
LONG = Size(
    rounds=5, cases=(2000, 300), paced=500, relay_rows=20_000, stored=1_000_000, partners=500
)


@dataclass(frozen=True, slots=True)
class Speeds:
    """Rows a second of each relay, and events a second that a consumer takes."""

    always: float
    default: float
    peer: float
    consumed: float


async def against_plain(size: Size, report: Report = print) -> tuple[Runs, Runs]:
    """`siraba`, `road` and `plain`: as fast as each can, then all at 50 cases a second.

    The road neither signs nor seals, and no more does the plain chain: these two carry the same.
    """
    cast, (many, few) = members(PARTNERS), size.cases
    async with (
        running_siraba(cast) as whole,
        running_siraba(cast, name="road", protection="none") as road,
        running_plain(cast) as plain,
    ):
        await _warm(whole, road, plain)
        fast = await in_turns(
            (whole, many), (road, many), (plain, few), rounds=size.rounds, report=report
        )
        paced = await in_turns(
            *((chain, size.paced) for chain in (whole, road, plain)),
            rounds=max(1, size.rounds // 2),
            per_second=PER_SECOND,
            report=report,
        )
    return fast, paced


async def protection_costs(size: Size, report: Report = print) -> Runs:
    """`siraba`, `signed` (but not sealed) and `road` (neither), as fast as each can."""
    cast = members(PARTNERS)
    async with (
        running_siraba(cast) as whole,
        running_siraba(cast, name="signed", protection="signed") as signed,
        running_siraba(cast, name="road", protection="none") as road,
    ):
        await _warm(whole, signed, road)
        return await in_turns(
            *((chain, size.cases[0]) for chain in (whole, signed, road)),
            rounds=size.rounds,
            report=report,
        )


async def growth_by_cases(size: Size, report: Report = print) -> Versus:
    """An empty platform, and one with a past; `cpu_ratio` says how much more a case costs there."""
    cast = members(PARTNERS)
    async with (
        running_siraba(cast, name="empty") as empty,
        running_siraba(cast, name="full") as full,
    ):
        await store_cases(full, size.stored, like=1000)
        report(f"{size.stored} cases stored")
        await _warm(empty, full)
        cases = size.cases[0]
        runs = await in_turns((empty, cases), (full, cases), rounds=size.rounds, report=report)
    return Versus(ours=runs["empty"], theirs=runs["full"])


async def growth_by_partners(
    size: Size, report: Report = print, *, partners: int | None = None
) -> Versus:
    """Ten organisations, and many (as `size` says, where it is not said here), at one pace.

    As fast as each can, ten would have batches where five hundred have single messages: that
    compares batches. At one pace every feed gets its messages one by one on both sides.
    """
    few, many = members(PARTNERS), members(partners or size.partners)
    async with (
        running_siraba(few, name="few") as small,
        running_siraba(many, name="many") as large,
    ):
        await _warm(small, large)
        runs = await in_turns(
            (small, size.paced),
            (large, size.paced),
            rounds=size.rounds,
            per_second=PER_SECOND,
            report=report,
        )
    return Versus(ours=runs["few"], theirs=runs["many"])


async def telemetry_costs(size: Size, report: Report = print) -> tuple[Versus, list[int]]:
    """One that begins no trace, and ours, at one pace; how many traces each has kept.

    As fast as each can, the rush would leave fewer traces to pay for than usual.
    """
    cast = members(PARTNERS)
    async with (
        running_siraba(cast, name="untraced", process=Untraced) as bare,
        running_siraba(cast) as whole,
    ):
        await _warm(bare, whole)
        runs = await in_turns(
            (bare, size.paced),
            (whole, size.paced),
            rounds=size.rounds,
            per_second=PER_SECOND,
            report=report,
        )
        kept = [await traces_kept(chain) for chain in (bare, whole)]
    return Versus(ours=runs["untraced"], theirs=runs["siraba"]), kept


async def relay_speeds(size: Size, report: Report = print) -> Speeds:
    """Three relays in turns; then reporting takes what the first has sent."""
    member = members(1)[0]
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        folder = stack.enter_context(open_folder())
        safe, fast = (stack.enter_context(nats_with(always=always)) for always in (True, False))
        places = [postgres.new_database() for _ in range(3)]
        enter = stack.enter_async_context
        carriers: list[Carrier] = [
            await enter(our_relay(safe, places[0], folder / "always", member=member)),
            await enter(our_relay(fast, places[1], folder / "default", member=member)),
            await enter(peer_relay(safe, places[2], member=member)),
        ]
        always, default, peer = await _in_turns(carriers, size, report)
        taken = await consumed_per_second(safe, places[0], folder / "reporting")
    report(f"reporting takes {taken:.0f} events/s")
    return Speeds(always, default, peer, taken)


async def _in_turns(carriers: Sequence[Carrier], size: Size, report: Report) -> list[float]:
    rows = (size.relay_rows, size.relay_rows, size.relay_rows // 5)
    rates: list[list[float]] = [[] for _ in carriers]
    for nth in range(size.rounds + 1):
        found = [
            await carrier.rows_per_second(count if nth else 500)  # the first warms up
            for carrier, count in zip(carriers, rows, strict=True)
        ]
        if nth:
            report(
                "rows/s: always {:.0f}, default sync {:.0f}, faststream-outbox {:.0f}".format(
                    *found
                )
            )
            for rate, one in zip(rates, found, strict=True):
                rate.append(one)
    return [median(rate) for rate in rates]


async def _warm(*chains: Chain) -> None:
    for chain in chains:
        await chain.run(100)

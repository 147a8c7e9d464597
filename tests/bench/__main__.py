"""`make bench`: Siraba against the plain chain, its relay, what protecting and telemetry cost, growth; or a profile.

python -m tests.bench [--short] [--only chain protection relay cases partners telemetry]
python -m tests.bench --profile intake|referral|reporting [--protection sealed|signed|none]
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import get_args

from contracts.topology import SERVICES
from tests.bench import measures
from tests.bench.measures import LONG, SHORT, Size
from tests.bench.profiling import profile
from tests.bench.program import Protection
from tests.bench.versus import Versus


async def chain(size: Size) -> None:
    """The whole way of a case."""
    fast, paced = await measures.against_plain(size)
    for name, title in (
        ("road", "the road (nobody signs or seals)"),
        ("siraba", "the whole product (signed and sealed)"),
    ):
        quick, even = (Versus(runs[name], runs["plain"]) for runs in (fast, paced))
        print(f"{title} beside the plain chain:")
        print(f"  processor time a case: {quick.cpu_ratio:.1f} times less")
        print(f"  complete cases a second: {quick.rate_ratio:.1f} times more")
        print(
            f"  POST to partner at {measures.PER_SECOND:.0f}/s: p50 {even.latency_ratio(0.5):.1f} "
            f"times, p99 {even.latency_ratio(0.99):.1f} times sooner"
        )


async def protection(size: Size) -> None:
    """What signing and sealing cost."""
    runs = await measures.protection_costs(size)
    whole, signed, road = runs["siraba"], runs["signed"], runs["road"]
    print(f"complete cases a second: {Versus(whole, road).rate_ratio:.2f} of the road's")
    print(f"signing and checking: {Versus(road, signed).saved_us:.0f} us of processor time a case")
    print(f"sealing and opening: {Versus(signed, whole).saved_us:.0f} us of processor time a case")


async def relay(size: Size) -> None:
    """From the outbox to the stream."""
    speeds = await measures.relay_speeds(size)
    print(f"sync always by default sync: {speeds.always / speeds.default:.2f}")
    print(f"by faststream-outbox: {speeds.always / speeds.peer:.1f} times")


async def cases(size: Size) -> None:
    """With a past."""
    grown = await measures.growth_by_cases(size)
    print(f"with {size.stored} stored cases one case costs {grown.cpu_ratio:.2f} times as much")


async def partners(size: Size) -> None:
    """With many partners."""
    grown = await measures.growth_by_partners(size)
    print(f"with {size.partners} partners one case costs {grown.cpu_ratio:.2f} times as much")


async def telemetry(size: Size) -> None:
    """What keeping traces costs."""
    costs, (_, kept) = await measures.telemetry_costs(size)
    print(f"with {kept} traces kept one case costs {costs.cpu_ratio:.2f} times as much")


PARTS: dict[str, Callable[[Size], Awaitable[None]]] = {
    "chain": chain,
    "protection": protection,
    "relay": relay,
    "cases": cases,
    "partners": partners,
    "telemetry": telemetry,
}


async def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="as large as in every CI run")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--profile", choices=SERVICES, help="instead: where its time goes")
    parser.add_argument("--cases", type=int, default=3000, help="of the profile")
    parser.add_argument("--protection", choices=get_args(Protection), default="sealed")
    given = parser.parse_args()
    if given.profile:
        print(await profile(given.profile, given.cases, protection=given.protection))
        return
    for name in given.only:
        print(f"--- {name}: {PARTS[name].__doc__}")
        await PARTS[name](SHORT if given.short else LONG)


if __name__ == "__main__":
    asyncio.run(main())

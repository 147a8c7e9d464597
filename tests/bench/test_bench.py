"""The figures of the bench; `python -m tests.bench` prints the same at leisure."""

from functools import partial
from statistics import median

import pytest

from tests.bench.chain import Run
from tests.bench.measures import (
    LONG,
    SHORT,
    Size,
    against_plain,
    growth_by_cases,
    growth_by_partners,
    protection_costs,
    relay_speeds,
    telemetry_costs,
)
from tests.bench.versus import Versus
from tests.ledger import Figure, Form

PUBLISHED = "published"
# Ratios of short runs are noise; `make figures ISSUE=fire` runs the long ones.
pytestmark = [pytest.mark.share("fire"), pytest.mark.long, pytest.mark.timeout(1200)]


@pytest.fixture
def size(form: Form) -> Size:
    return form.pick(short=SHORT, long=LONG)


async def test_a_case_costs_a_fraction_of_what_the_plain_chain_needs(
    size: Size, figure: Figure
) -> None:
    fast, paced = await against_plain(size)
    for prefix, name in (("", "siraba"), ("road_", "road"), ("plain_", "plain")):
        absolute(figure, prefix, fast[name], paced[name])
    whole, slow = (Versus(runs["siraba"], runs["plain"]) for runs in (fast, paced))
    write = partial(figure, unit="times", bound=PUBLISHED, holds=True)
    write("fire.bench.sealed_cpu_ratio", whole.cpu_ratio)
    write("fire.bench.sealed_rate_ratio", whole.rate_ratio)
    write("fire.bench.sealed_latency_p99_ratio", slow.latency_ratio(0.99))
    # Neither the road nor the plain chain signs or seals: these carry the same events.
    road, slow = (Versus(runs["road"], runs["plain"]) for runs in (fast, paced))
    figure("fire.bench.rate_ratio", road.rate_ratio)
    figure("fire.bench.latency_p99_ratio", slow.latency_ratio(0.99))
    # Last, since the test ends where a bound does not hold.
    figure("fire.bench.cpu_ratio", road.cpu_ratio)


@pytest.mark.share("sealed")
async def test_protecting_leaves_at_least_half_of_the_roads_rate(
    size: Size, figure: Figure
) -> None:
    runs = await protection_costs(size)
    whole, signed, road = runs["siraba"], runs["signed"], runs["road"]
    write = partial(figure, unit="us", bound=PUBLISHED, holds=True)
    write("sealed.cost.signing_us", Versus(road, signed).saved_us)
    write("sealed.cost.sealing_us", Versus(signed, whole).saved_us)
    figure("sealed.cost.ratio", Versus(whole, road).rate_ratio)


def absolute(figure: Figure, of: str, fast: list[Run], paced: list[Run]) -> None:
    """Speeds of this machine in this hour: published, never gated."""
    write = partial(figure, bound=PUBLISHED, holds=True)
    prefix = f"fire.bench.{of}"
    write(f"{prefix}cases_per_second", median(r.rate for r in fast), unit="cases/s")
    write(f"{prefix}cpu_per_case", median(r.cpu_ms for r in fast), unit="ms")
    for share in (0.5, 0.99):
        latency = median(run.latency_ms(share) for run in paced)
        write(f"{prefix}latency_p{share * 100:.0f}", latency, unit="ms")


async def test_the_relay_keeps_its_speed_when_nothing_may_be_lost(
    size: Size, figure: Figure
) -> None:
    speeds = await relay_speeds(size)
    write = partial(figure, bound=PUBLISHED, holds=True)
    write("fire.bench.relay_rows_per_second", speeds.always, unit="rows/s")
    write("fire.bench.consumed_per_second", speeds.consumed, unit="events/s")
    figure("fire.bench.relay_always_ratio", speeds.always / speeds.default)
    figure("fire.bench.relay_vs_faststream_outbox", speeds.always / speeds.peer)


async def test_a_long_past_does_not_make_a_case_dear(size: Size, figure: Figure) -> None:
    figure("fire.bench.growth_cases_ratio", (await growth_by_cases(size)).cpu_ratio)


async def test_many_partners_do_not_make_a_case_dear(size: Size, figure: Figure) -> None:
    figure("fire.bench.growth_partners_ratio", (await growth_by_partners(size)).cpu_ratio)


@pytest.mark.share("partners")
async def test_a_thousand_partners_cost_a_message_little_more_than_ten(
    size: Size, figure: Figure
) -> None:
    grown = await growth_by_partners(size, partners=1000)
    write = partial(figure, bound=PUBLISHED, holds=True)
    for count, runs in ((10, grown.ours), (1000, grown.theirs)):
        prefix = f"partners.growth1000.with_{count}"
        cpu = median(run.cpu_us_per_message for run in runs)
        write(f"{prefix}_cpu_per_message", cpu, unit="us")
        write(f"{prefix}_memory", sum(runs[-1].memory.values()), unit="MiB")
    figure("partners.growth1000.cost_ratio", grown.cpu_ratio)


@pytest.mark.share("operators")
async def test_telemetry_costs_a_case_little(size: Size, figure: Figure) -> None:
    costs, (without, kept) = await telemetry_costs(size)
    assert without == 0 < kept
    figure("operators.telemetry.cpu_ratio", costs.cpu_ratio)

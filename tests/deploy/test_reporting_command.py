"""What an operator does when a table of figures is doubted: all of it again, from the events."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli import app
from services.reporting.store.facts import TABLES
from tests.journeys.cases import some_cases
from tests.journeys.road import PARTNERS, Road, running_road
from tests.ledger import Figure
from tests.trust.evidence import Asking
from tests.trust.load import come_to_rest
from tests.trust.reporting_anew import counted

pytestmark = [pytest.mark.connected, pytest.mark.share("figures"), pytest.mark.timeout(180)]
SEED = 20261128
CASES = 12


async def newest_and_oldest(road: Road) -> tuple[int, int]:
    """The last and the first transaction that wrote a case which is there."""
    ask = Asking(road, "reporting")
    ((newest, oldest),) = await ask("""
        select max(xmin::text::bigint), min(xmin::text::bigint) from reporting.facts_cases
    """)
    return int(newest), int(oldest)


async def test_rebuilt_facts_are_the_facts_of_before(figure: Figure) -> None:
    async with running_road() as road:
        for case in some_cases(CASES, owners=PARTNERS[:1], seed=SEED):
            await road.submit_until_accepted(case)
        await come_to_rest(road, within=60)
        before = await counted(road)
        assert set(before) == {*TABLES}
        assert len(before["facts_cases"]) == CASES
        written, _ = await newest_and_oldest(road)

        for _ in range(2):
            call = ["reporting", "rebuild", "--state-dir", str(road.platform.state.root)]
            result = await asyncio.to_thread(CliRunner().invoke, app, call)
            assert result.exit_code == 0, result.output
        await come_to_rest(road, within=60)

        _, written_again = await newest_and_oldest(road)
        assert written_again > written
        figure("figures.rebuild.identical", int(await counted(road) == before), seed=SEED)


def test_without_a_platform_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["reporting", "rebuild", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "start `siraba up`" in result.output

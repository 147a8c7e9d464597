"""The code of before the newest migrations does its work on today's tables, alone and beside today's."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest

from deploy.service_process import ServiceProcess
from tests.journeys.cases import Case
from tests.journeys.road import SERVICES, Road, answering, running_road
from tests.journeys.test_trace import CASE, OWNER, SHELTER, SOCIAL
from tests.operators.test_side_by_side import other_door
from tests.trust.telling import say

pytestmark = [
    pytest.mark.long,
    pytest.mark.connected,
    pytest.mark.share("operators"),
    pytest.mark.timeout(900),
]
ROOT = Path(__file__).parents[2]
#: Whatever makes tables.
MIGRATIONS = (*(f"services/{name}/migrations" for name in SERVICES), "chassis/mechanisms.sql")
CASES = 5
#: One of each case. That one was received may go unsaid: two processes may take an acceptance first.
PARTNERS = (SHELTER, SOCIAL)
COUNTED = "count(*) from reporting.facts_referral_steps where step = 'delivered'"
#: What stands in the same place today must not be taken for it.
RUN = """
import sys
import deploy
assert deploy.__file__.startswith(sys.argv[1]), deploy.__file__
from deploy.cli import app
app(sys.argv[2:])
"""


def git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A tree of the commit before the newest migrations."""
    try:
        newest = git("log", "-1", "--format=%H", "--", *MIGRATIONS)
        before = git("rev-parse", "--verify", f"{newest}^")
    except subprocess.CalledProcessError as failed:
        said = failed.stderr.decode().strip()
        pytest.skip(f"no commit before the newest migrations can be had from git here: {said}")
    packed = tmp_path / "older.tar"
    git("archive", f"--output={packed}", before)
    folder = tmp_path / "older"
    folder.mkdir()
    subprocess.run(["tar", "-xf", str(packed), "-C", str(folder)], check=True)
    say(f"the code of {before[:10]}, before {newest[:10]}")
    return folder


def of(folder: Path) -> type[ServiceProcess]:
    """How its services are run."""

    class Older(ServiceProcess):
        def command(self) -> Sequence[str]:
            return [sys.executable, "-P", "-c", RUN, str(folder), "run", self.name]

        def environment(self) -> Mapping[str, str]:
            return {**super().environment(), "PYTHONPATH": str(folder)}

    return Older


async def travel(doors: Sequence[Road], name: str, *, before: int) -> int:
    """Cases, in turn by each door, from their registration until they are counted; how many there are now."""
    road = doors[0]
    cases = [Case(OWNER, f"{name}-case-{nth}", CASE) for nth in range(CASES)]
    numbers = [
        await doors[nth % len(doors)].submit_until_accepted(case) for nth, case in enumerate(cases)
    ]
    async with asyncio.timeout(180):
        for number in numbers:
            for door in doors:
                while await delivered(door, number) != sorted(PARTNERS):
                    await asyncio.sleep(0.3)
        while await rows(road, "reporting", COUNTED) != [len(PARTNERS) * (before + CASES)]:
            await asyncio.sleep(0.3)
    for service in SERVICES:
        for table in ("dead_letters", "parked"):
            assert await rows(road, service, f"count(*) from {service}.{table}") == [0]
    return before + CASES


async def delivered(door: Road, number: str) -> list[str]:
    """By whom, as the owner is shown it."""
    steps = (await door.seen_by_owner(OWNER, number))["steps"]
    return sorted(one["organisation"] for one in steps if one["step"] == "delivered")


async def rows(road: Road, service: str, what: str) -> list[int]:
    url = road.platform.database_url(f"{service}_work").replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        return [one[0] for one in await connection.fetch(f"select {what}")]
    finally:
        await connection.close()


async def test_code_of_before_the_newest_migrations_does_its_work_alone_and_beside_todays(
    older: Path,
) -> None:
    codes = (OWNER, *PARTNERS)
    async with (
        running_road(codes, process=of(older)) as road,
        answering(road, lambda *_, **__: "complete"),
    ):
        counted = await travel([road], "alone", before=0)
        async with other_door(road) as today:
            counted = await travel([road, today], "beside", before=counted)
    assert counted == 2 * CASES

"""The first disk is gone: what was answered is there again, and whoever was erased is not."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest

from deploy.checks import check_postgres
from deploy.measures.tables import measure_tables
from deploy.migrate import OPERATIONS
from tests.journeys.cases import Case, some_cases
from tests.journeys.road import Road
from tests.ledger import Figure, Form
from tests.operators.destroyed import (
    OWNER,
    Drill,
    backed_up,
    brought_back,
    disk_away,
    kept_twice,
    running_again,
    there,
)
from tests.servers import open_folder
from tests.trust.telling import say

pytestmark = [pytest.mark.share("operators"), pytest.mark.timeout(3600)]
SEED = 20261209
ERASED = 2
#: Submitted while the disk goes.
UNDER_LOAD = 21
#: More than PostgreSQL and those who use it take.
RESTARTED_SECONDS = 8


@pytest.fixture
def place() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


async def test_what_was_answered_is_there_again_and_who_was_erased_is_not(
    place: Path, form: Form, figure: Figure, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = form.pick(short=20, long=100_000)
    cases = some_cases(count + UNDER_LOAD, owners=(OWNER,), seed=SEED)
    async with kept_twice(place, monkeypatch) as (drill, road):
        await filled(drill, road, cases[:count])
        assert await received(road) == (True, 1)
        with disk_away(drill, road):
            await nobody_is_answered(drill, road, cases[-1])
        await drill.submit(road, cases[-1:])
        await backed_up(drill, road)
        for number in drill.before[:ERASED]:
            await drill.erase(road, number)
        found = await gone_under_load(drill, road, cases[count:-1])
        keys = road
    acked = [one for one in drill.acked.values() if one not in drill.erased]
    shutil.rmtree(drill.first)

    began = monotonic()
    restored = await brought_back(drill, found, "again")
    async with running_again(drill, "again", keys) as road:
        minutes = (monotonic() - began) / 60
        say(f"{restored}; {minutes:.2f} min")
        looked = acked if len(acked) < 1000 else acked[:: len(acked) // 1000]
        assert await there(road, looked) == looked
        back = len(await there(road, drill.erased))
    figure("operators.restore.minutes", minutes, seed=SEED)

    lost, control, back_from_base = await from_the_backup_alone(drill, found, keys)
    say(f"the backup alone: {lost} of {len(acked)} lost, all from after it")
    figure("operators.restore.erased_back", back + back_from_base, seed=SEED, control=control)
    if form.is_long:
        await to_a_moment(drill, found, keys)


async def filled(drill: Drill, road: Road, cases: list[Case]) -> None:
    """All of them answered: the most in incidents of a thousand persons, the others one by one."""
    alone = len(cases) % 1000 or 1000
    for start in range(0, len(cases) - alone, 1000):
        began = monotonic()
        await drill.gather(road, cases[start : start + 1000])
        say(f"{start + 1000} cases, {1000 / (monotonic() - began):.0f} a second")
    await drill.submit(road, cases[-alone:])


async def received(road: Road) -> tuple[bool, float]:
    """Whether the doctor and the measures say that commits reach the second disk."""
    url = road.platform.database_url(OPERATIONS)
    (said,) = [one.holds for one in await check_postgres(url) if "second disk" in one.name]
    measured = {one.name: one.value for one in await measure_tables(url, ())}
    return said, measured["siraba_backup_receiving"]


async def nobody_is_answered(drill: Drill, road: Road, case: Case) -> None:
    """While the second disk receives nothing, which is told; nor by a restart that shows what waits."""
    async with asyncio.timeout(30):
        while await received(road) != (False, 0):
            await asyncio.sleep(0.1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(drill.submit(road, [case]), 1)
    road.platform.kill("postgres")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(drill.submit(road, [case]), RESTARTED_SECONDS)
    assert case.key not in drill.acked


async def gone_under_load(drill: Drill, road: Road, cases: list[Case]) -> Path:
    """What lies on the second disk at a moment at which callers submit; the first of them had ended."""
    some, cases = cases[: UNDER_LOAD // 4], cases[UNDER_LOAD // 4 :]
    await drill.submit(road, some)
    drill.by_then, drill.then = list(drill.acked.values()), datetime.now(UTC)
    submitting = asyncio.create_task(drill.submit(road, cases))
    while len(drill.acked) < len(drill.by_then) + len(cases) // 2:
        await asyncio.sleep(0.01)
    answered = dict(drill.acked)
    found = await asyncio.to_thread(drill.copied)
    await submitting
    shutil.copytree(drill.first / "vault", drill.place / "vault-elsewhere")
    # What was answered after the copy began is nobody's promise.
    drill.acked = answered
    return found


async def from_the_backup_alone(drill: Drill, found: Path, keys: Road) -> tuple[int, int, int]:
    """Without what came after: answered cases that are lost, and erased persons who are back.

    Those first without the note of who was erased, which is the control, then with it.
    """
    await brought_back(drill, found, "base", wal=False)
    note = drill.place / "base" / "vault" / "erased.jsonl"
    note.rename(drill.place / "note")
    async with running_again(drill, "base", keys, services=("intake",)) as road:
        unnoted = await there(road, drill.erased)
        assert unnoted == drill.erased
        (drill.place / "note").rename(note)
        road.platform.kill("intake")
        noted = await still_there(road, drill.erased)
        kept = [one for one in drill.before if one not in drill.erased]
        assert await there(road, kept[:1000]) == kept[:1000]
        after = sorted(set(drill.acked.values()) - set(drill.before))[:1000]
        return len(after) - len(await there(road, after)), len(unnoted), len(noted)


async def to_a_moment(drill: Drill, found: Path, keys: Road) -> None:
    """What was answered by then is there, what came after is not, and nobody erased is back."""
    await brought_back(drill, found, "then", until=drill.then)
    async with running_again(drill, "then", keys, services=("intake",)) as road:
        assert await still_there(road, drill.erased) == []
        by_then = [one for one in drill.by_then if one not in drill.erased][-1000:]
        assert await there(road, by_then) == by_then
        after = set(drill.acked.values()) - set(drill.by_then)
        assert after
        assert await there(road, sorted(after)) == []


async def still_there(road: Road, numbers: list[str]) -> list[str]:
    """Who can be looked up once intake has started and had some seconds; none, if all is well."""
    async with asyncio.timeout(120):
        while not (await road.readiness())["intake"]["ready"]:
            await asyncio.sleep(0.2)
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while await there(road, numbers):
                await asyncio.sleep(0.2)
    return await there(road, numbers)

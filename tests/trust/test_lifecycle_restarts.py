"""Processes that keep time are killed while they do: each timer acts once, and each acts."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from tests.builders import an_organisation
from tests.ledger import Figure, Form
from tests.parts import until
from tests.referral.days import Days, a_post, days_of
from tests.servers import Database
from tests.trust.faults.clock import shifted
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
SEED = 20261129
AT_ONCE = 30
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12")),
)
#: The clocks of the processes: yesterday's, today's, tomorrow's.
DAYS_OFF = (-1, 0, 1)
DUE = "select count(*) from timers where due_at <= pg_catalog.clock_timestamp()"
UNSENT = "select count(*) from notices where state = 'waiting'"


async def started(database: Database, folder: Path, *, days_off: int) -> tuple[Process, datetime]:
    """A process that has begun to look, and what its own clock says."""
    clock: Mapping[str, str] = shifted(days_off) if days_off else {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.trust.keeping_time", database.url("referral_work"),
        str(folder), env={**os.environ, **clock}, stdout=PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), timeout=60)
    return process, datetime.fromisoformat(line.decode().strip())


def end(process: Process) -> None:
    """As nobody can handle it."""
    with suppress(ProcessLookupError):
        process.kill()


@asynccontextmanager
async def pair(database: Database, folder: Path) -> AsyncIterator[list[Process]]:
    """Two of them, one a day behind and one a day ahead."""
    processes = []
    for days_off in (-1, 1):
        process, at = await started(database, folder, days_off=days_off)
        assert abs(at - datetime.now(UTC) - timedelta(days=days_off)) < timedelta(minutes=5)
        processes.append(process)
    try:
        yield processes
    finally:
        for process in processes:
            end(process)
            await process.wait()


async def everything_is_due(days: Days, nth: int) -> None:
    """Of the next thirty referrals: half of them their reminder, half the end of their time."""
    await days.clock.run(
        """
        update referral.timers set due_at = pg_catalog.clock_timestamp(),
            step = case nth % 2 when 0 then 'remind' else 'expire' end
        from (select referral_id, row_number() over (order by referral_id) as nth
              from referral.referrals where organisation = 'SHELTER_B') as one
        where matter_id = referral_id and nth > $1 and nth <= $2
        """,
        nth * AT_ONCE,
        (nth + 1) * AT_ONCE,
    )


async def all_act(days: Days) -> None:
    """Wait until nothing is due; a notice that was under way is somebody else's after two minutes."""

    async def nothing_is_due() -> bool:
        return [await days.office.rows(q) for q in (DUE, UNSENT)] == [[(0,)], [(0,)]]

    await days.clock.run(
        "update referral.notices set next_at = pg_catalog.clock_timestamp() where state = 'waiting'"
    )
    await until(nothing_is_due, seconds=60)


@pytest.mark.timeout(900)
async def test_whoever_is_killed_while_timers_are_due_leaves_each_to_act_once(
    fresh_database: Database, form: Form, figure: Figure, tmp_path: Path
) -> None:
    kills, random = form.pick(short=4, long=100), Random(SEED)
    interrupted = 0
    async with days_of(fresh_database, DIRECTORY) as days, pair(fresh_database, tmp_path) as alive:
        for code in ("SHELTER_B", "SHELTER_C", "POLICE_A"):
            await days.set_contacts(code, a_post("unit", "+22370000000"))
        await days.office.offer(*[{"age_band": "25-34"}] * (kills * AT_ONCE))
        for nth in range(kills):
            await everything_is_due(days, nth)
            await asyncio.sleep(random.uniform(0, 1.2))
            victim = alive.pop(0)
            end(victim)
            interrupted += await days.office.rows(DUE) != [(0,)]
            replaced = started(fresh_database, tmp_path, days_off=random.choice(DAYS_OFF))
            alive.append((await replaced)[0])
            await victim.wait()
        await all_act(days)
        said = Counter(
            (name, body.get("notice_id") or body.get("referral_id"))
            for name, body in await days.office.said()
        )
        offers = Counter(await days.office.rows("select organisation from referrals"))
        waiting = await days.office.rows("select count(*) from notices where state <> 'sent'")

    acted = Counter(name for name, _ in said)
    say(f"seed {SEED}: {kills} kills, {interrupted} while something was due, {dict(acted)}")
    assert interrupted
    half = kills * AT_ONCE // 2
    assert acted["referral.reminded"] == acted["referral.overdue"] == half
    assert acted["notice.sent"] == 2 * half
    assert waiting == [(0,)]
    assert offers == {("SHELTER_B",): 2 * half, ("SHELTER_C",): half}
    figure("lifecycle.timer.double_fires", said.total() - len(said), seed=SEED)

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.journeys.programs import Program
from tests.journeys.road import PARTNERS, Road, answering, running_road
from tests.ledger import Figure, Form
from tests.trust.canaries import STRAY, Hit, hits
from tests.trust.evidence import Asking
from tests.trust.faults.outage import outage
from tests.trust.load import stand_up
from tests.trust.mishaps import (
    SERVICES,
    TABLES,
    Mishaps,
    bad_messages,
    bad_requests,
    bad_statements,
    bad_upload,
    broken_table,
    through,
)
from tests.trust.people import People, people
from tests.trust.sinks import files, sinks
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]
SEED = 20261124
AT_ONCE = 8
#: Where a partner's own words lie as they came, for as long as `docs/trust.md` says.
AS_IT_CAME = "nats/store/jetstream"


@pytest.mark.timeout(1500)
async def test_no_sink_holds_a_word_about_a_person_whatever_fails(
    form: Form, figure: Figure, tmp_path: Path
) -> None:
    count, failures = form.pick(short=60, long=2_000), form.pick(short=20, long=200)
    crowd = people(count + failures, owners=PARTNERS, seed=SEED)
    async with (
        running_road() as road,
        answering(road, lambda *_, **__: "complete") as programs,
    ):
        mishaps = Mishaps(road)
        await submitted(road, crowd, range(count // 2))
        told = await everything_fails(mishaps, crowd, failures, folder=tmp_path)
        await stand_up(road, within=90)
        await submitted(road, crowd, range(count // 2, count))
        await read_dossiers(programs, at_least=count // 4)

        found, as_it_came = await searched(road, [*mishaps.answers, told])
        await keys_stay_where_they_are(road)
        dead = [n for s in SERVICES for ((n,),) in [await Asking(road, s)(DEAD.format(s))]]
        read = [one.dossier for p in programs.values() for one in p.handled if one.dossier]

    say(f"{mishaps.total} failures: {mishaps.other}, {len(mishaps.answers)} refusals; dead: {dead}")
    assert mishaps.total >= failures
    assert sum(map(int, dead)) > 0
    assert any(hits("a recipient's own system", json.dumps(read).encode())), "no canary flowed"
    assert as_it_came, "the search does not see what lies in the streams"
    assert not found[:10]
    figure("sealed.canary.hits", len(found), seed=SEED)


DEAD = "select count(*) from {}.dead_letters"


async def submitted(road: Road, crowd: People, which: Sequence[int]) -> None:
    """A few at once, each until it is taken."""
    waiting = iter(which)

    async def write() -> None:
        for nth in waiting:
            await road.submit_until_accepted(crowd.cases[nth])

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(write())


async def everything_fails(
    mishaps: Mishaps, crowd: People, failures: int, *, folder: Path
) -> tuple[str, bytes]:
    """At the door, in statements, in tables and handlers, in the servers; what a command said."""
    share = max(2, failures // 8)
    spare = [one.body for one in crowd.cases[-failures:]]
    await bad_requests(mishaps, max(50, 5 * share))
    await bad_statements(mishaps, share)
    await bad_messages(mishaps, share)
    for nth, table in enumerate(TABLES):
        async with broken_table(mishaps.road, table):
            await through(mishaps, spare[nth::6])
            await asyncio.sleep(1)
    for nth, server in enumerate(("postgres", "nats", "referral")):
        async with outage(mishaps.road.platform, server):
            await through(mishaps, spare[nth + 3 :: 6])
        mishaps.note("outage")
    return await bad_upload(mishaps, folder, share)


async def read_dossiers(programs: dict[str, Program], *, at_least: int) -> None:
    """Wait until recipients have opened so many."""
    async with asyncio.timeout(120):
        while (
            sum(one.dossier is not None for p in programs.values() for one in p.handled) < at_least
        ):
            await asyncio.sleep(0.5)
    await asyncio.sleep(2)


async def searched(road: Road, said: Sequence[tuple[str, bytes]]) -> tuple[list[Hit], list[Hit]]:
    """Every canary with every stray word outside the streams of its own sender; those inside."""
    found: list[Hit] = []
    as_it_came: list[Hit] = []
    size = 0
    async for place, content in sinks(road):
        size += len(content)
        found += hits(place, content)
        strays = as_it_came if place.startswith(AS_IT_CAME) else found
        strays += hits(place, content, mark=STRAY)
    for place, content in said:
        found += [*hits(place, content), *hits(place, content, mark=STRAY)]
    say(f"{size / 1e6:.0f} MB searched")
    return found, as_it_came


async def keys_stay_where_they_are(road: Road) -> None:
    """Private to their owner, and in no log and no command line."""
    state = road.platform.state
    secrets = [path for path in files(state.secrets) if path.suffix != ".json"]
    keys = [path for path in state.partners.rglob("*") if path.suffix in (".key", ".seed")]
    assert [path for path in [*secrets, *keys] if path.stat().st_mode & 0o077] == []

    told = b"".join(path.read_bytes() for path in state.run.glob("*.log"))
    for pid in road.platform.pids().values():
        told += Path(f"/proc/{pid}/cmdline").read_bytes()
    lines = [line for p in [*secrets, *keys] for line in p.read_bytes().splitlines()]
    assert [
        line for line in lines if len(line) > 20 and b"-----" not in line and line in told
    ] == []

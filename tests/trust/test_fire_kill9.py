from time import monotonic

import pytest

from tests.journeys.road import SERVICES
from tests.ledger import Figure, Form
from tests.trust.campaign import campaign
from tests.trust.killer import Killer
from tests.trust.load import stand_up
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261202
EVENTS_PER_SECOND = 100


@pytest.mark.timeout(1200)
async def test_at_a_hundred_events_a_second_kills_lose_double_and_misorder_nothing(
    form: Form, figure: Figure
) -> None:
    kills = form.pick(short=6, long=200)
    async with campaign(seed=SEED) as fire:
        victims = ("postgres", "nats", *SERVICES)
        pause = (2.0, form.pick(short=3.0, long=4.0))
        killer = Killer(
            fire.road.platform,
            victims,
            SEED,
            pause=pause,
            breath=lambda: stand_up(fire.road, within=60),
        )
        began = monotonic()
        async with fire.under_load(per_second=30, writers=48):
            await killer.run(kills)
        seconds = monotonic() - began
        evidence = await fire.evidence(within=120)
        found = await fire.judged()

    events = sum(map(len, evidence.outbox.values()))
    say(f"{dict(killer.killed)}; {events / seconds:.0f} events/s")
    assert found.count("unexpected") == 0, found
    figure("fire.kill9.lost", found.count("lost"), seed=SEED)
    figure("fire.kill9.doubled", found.count("doubled"), seed=SEED)
    figure("fire.order.violations", found.count("disordered"), seed=SEED)
    if form.is_long:
        figure("fire.kill9.kills", killer.killed.total(), seed=SEED)
        assert events / seconds >= EVENTS_PER_SECOND

import gc
import logging

import pytest

from deploy.settings import PlatformSettings
from tests.journeys.cases import some_cases
from tests.journeys.oracle import Oracle, by_digest
from tests.journeys.road import PARTNERS, SERVICES, answering, running_road
from tests.ledger import Figure, Form
from tests.trust.evidence import gather
from tests.trust.killer import Killer
from tests.trust.load import come_to_rest, stand_up, under_load
from tests.trust.questions import audit

SEED = 20261124
CHOICES = ("complete", "accept", "decline", "receive")
WRITERS = 4
PATIENCE = 120.0
CONTROL = "a consumer without inbox and transaction loses or doubles (tests/controls)"
told = logging.getLogger("siraba.tests")


@pytest.mark.timeout(1200)
# The client library drops the sockets of connections that were killed while they began.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_killed_again_and_again_the_road_loses_and_doubles_nothing(
    form: Form, figure: Figure
) -> None:
    kills = form.pick(short=20, long=200)
    decide = by_digest(PARTNERS, CHOICES)
    oracle = Oracle(PlatformSettings().directory_file, decide)
    cases = some_cases(kills * 100, owners=PARTNERS, seed=SEED)
    async with (
        running_road(services=SERVICES) as road,
        answering(road, decide, by_http=PARTNERS[-1:]),
    ):
        # The relay is in its service: whoever kills the one kills the other.
        victims = ("postgres", "nats", *SERVICES)
        killer = Killer(
            road.platform, victims, SEED, breath=lambda: stand_up(road, within=PATIENCE)
        )
        async with under_load(road, cases, writers=WRITERS, per_second=8) as log:
            await killer.run(kills)
        told.info("seed %d: %s; %d cases answered", SEED, dict(killer.killed), len(log.acked))
        await come_to_rest(road, within=PATIENCE)
        readiness = await road.readiness()
        evidence = await gather(road, oracle, attempted=log.attempted, acked=log.acked)

    gc.collect()
    found = audit(evidence)
    told.info("%s", found)
    assert all(report["ready"] for report in readiness.values()), readiness
    assert len(log.acked) > kills, "too few cases to say anything"
    figure("road.kill9.lost", found.count("lost"), seed=SEED, control=CONTROL)
    figure("road.kill9.doubled", found.count("doubled"), seed=SEED, control=CONTROL)
    assert found.is_clean, [one for one in found.findings if not one.is_clean]

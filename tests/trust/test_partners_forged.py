from random import Random

import pytest

from tests.journeys.cases import some_cases
from tests.journeys.road import PARTNERS, Road, answering, running_road
from tests.ledger import Figure, Form
from tests.trust.auditor import Audit
from tests.trust.forged_facts import AS_US, TO_PARTNERS
from tests.trust.forgery import TO_US, some_forged
from tests.trust.forging import at_rest, effects, ends, known, plunder, send
from tests.trust.load import come_to_rest
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]
SEED = 20261129
CASES = 40


def some_answer(code: str, *, service: str, **_: str) -> str:
    """Much stays open, so that a forged answer would find something to move."""
    return {"POLICE_KAYES": "receive", "PARQUET_KAYES": "complete"}.get(
        code, "accept" if service == "shelter" else "silent"
    )


@pytest.mark.timeout(900)
async def test_nothing_that_was_forged_is_believed_and_each_attempt_has_an_end(
    form: Form, figure: Figure
) -> None:
    random = Random(SEED)
    async with running_road() as road, answering(road, some_answer):
        await honest_work(road)
        loot, before = await plunder(road, random), await known(road)
        forged = [
            *some_forged(loot, form.pick(short=600, long=6_000), ways=TO_US),
            *some_forged(loot, form.pick(short=200, long=2_000), ways=AS_US),
            *some_forged(loot, form.pick(short=200, long=2_000), ways=TO_PARTNERS),
        ]
        random.shuffle(forged)
        sent = await send(road, forged)
        await at_rest(road, within=300)
        changed = await effects(road, sent, before=before)
        found = Audit(await ends(road, sent))
        assert all(report["ready"] for report in (await road.readiness()).values())

    say(f"{len(forged)} forged: {dict(sent.ways)}")
    say(found)
    assert not changed, changed[:10]
    assert found.is_clean, found
    figure("partners.forged.accepted", len(changed), seed=SEED)


async def honest_work(road: Road) -> None:
    """Cases, answers and feeds to steal from."""
    for case in some_cases(CASES, owners=PARTNERS, seed=SEED):
        await road.submit_until_accepted(case)
    await come_to_rest(road, within=60)

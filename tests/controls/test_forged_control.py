from random import Random

import pytest

from tests.controls.believing import Believing
from tests.journeys.road import answering, running_road
from tests.trust.forged_facts import AS_US
from tests.trust.forgery import TO_US, some_forged
from tests.trust.forging import at_rest, effects, known, plunder, send
from tests.trust.telling import say
from tests.trust.test_partners_forged import SEED, honest_work, some_answer

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]


@pytest.mark.timeout(300)
async def test_services_that_check_no_signature_believe_much_of_what_is_forged() -> None:
    """The control: a forger who could not be believed by anybody would prove nothing."""
    random = Random(SEED)
    async with (
        running_road(services=("intake", "referral"), process=Believing) as road,
        answering(road, some_answer),
    ):
        await honest_work(road)
        loot, before = await plunder(road, random), await known(road)
        forged = [*some_forged(loot, 130, ways=TO_US), *some_forged(loot, 80, ways=AS_US)]
        sent = await send(road, forged)
        await at_rest(road, within=120)
        changed = await effects(road, sent, before=before)

    say(f"{len(changed)} effects of {len(forged)} forged")
    assert len(changed) >= 50
    assert "row of referral.referrals" in changed, "a forged answer moves a referral"
    # No signature protects these, but the directory officer's word, which intake still asks for.
    assert "row of intake.organisation_keys" not in changed
    assert "row of referral.cases" in changed, "an invented case is followed"
    assert "dossier.released in INTAKE" in changed, "a dossier leaves without anybody's acceptance"

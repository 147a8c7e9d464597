"""Where nobody asks the policy, a clinic that was only asked hears where a threat comes from."""

import pytest

from services.referral.use_cases.permitting import THREAT, Permit
from tests.referral.offices import open_office
from tests.referral.test_following_threats import a_case_of_four, a_threat, told
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")


async def test_without_the_policy_everybody_hears_where_a_threat_comes_from(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Permit, "threat", lambda *_, **__: THREAT)
    async with open_office(fresh_database) as office:
        await a_case_of_four(office)
        shelter = await office.open_offer("SHELTER_B")
        await office.warn("SHELTER_B", a_threat(referral_id=shelter))
        heard = await told(office)

    assert heard["CLINIC_H"]["threat_source"] == "family"

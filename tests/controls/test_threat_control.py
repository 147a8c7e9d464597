"""What goes wrong with threats where nobody asks the policy, holds the case or knows of merges."""

from typing import Any

import pytest

from services.referral.store import threats
from services.referral.use_cases import following_threats
from services.referral.use_cases.permitting import THREAT, Permit
from tests.referral.offices import open_office
from tests.referral.threatened import (
    NEEDS,
    a_case_of_four,
    a_threat,
    declined_while_warned,
    known,
    merged,
    told,
    warned,
)
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")


async def test_without_the_policy_everybody_hears_where_a_threat_comes_from(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Permit, "threat", lambda *_, **__: THREAT)
    async with open_office(fresh_database) as office:
        await a_case_of_four(office)
        shelter = await office.open_offer("SHELTER_B")
        await warned(office, "SHELTER_B", a_threat(referral_id=shelter))
        heard = await told(office)

    assert heard["CLINIC_H"]["threat_source"] == "family"


async def test_without_the_hold_the_next_is_asked_behind_the_back_of_a_threatened_person_s_owner(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_threats, "hold_all", _nothing)
    async with open_office(fresh_database) as office:
        await (await declined_while_warned(office))
        asked = [row[0] for row in await office.referrals()]

    assert asked == ["SHELTER_B", "SHELTER_C"]


async def test_without_word_of_merges_her_other_case_is_not_at_high_risk(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threats, "link", _nothing)
    async with open_office(fresh_database) as office:
        threatened = await a_case_of_four(office)
        (other,) = await office.offer(NEEDS)
        await merged(office, {threatened: other})
        shelter = await office.open_offer("SHELTER_B")
        await warned(office, "SHELTER_B", a_threat(referral_id=shelter))
        risks = {(await known(office, one))["risk"] for one in (threatened, other)}

    assert len(risks) == 2


async def _nothing(*_: Any, **__: Any) -> None:
    """Neither holds nor remembers."""

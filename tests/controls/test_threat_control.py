"""What goes wrong with threats where nobody asks the policy, holds the case or knows of merges."""

from typing import Any

import pytest

from contracts.feed_cases import ThreatReported
from services.referral.store import threats
from services.referral.store.threats import Earlier
from services.referral.use_cases import following_threats, joining
from services.referral.use_cases.permitting import THREAT, Permit
from services.referral.use_cases.threat_ears import Ear
from tests.referral.offices import open_office
from tests.referral.test_following_threats import (
    test_at_a_merge_holders_of_the_other_case_hear_of_earlier_threats_and_no_more as hear_of_earlier,
)
from tests.referral.threatened import (
    NEEDS,
    a_case_of_four,
    a_threat,
    declined_while_warned,
    known,
    merged,
    merged_after_a_threat,
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


async def test_without_memory_of_threats_nobody_hears_of_them_at_a_merge(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threats, "remember", _nothing)
    async with open_office(fresh_database) as office:
        await merged_after_a_threat(office)
        heard = await told(office)

    assert "CLINIC_H" in heard
    assert "SHELTER_C" not in heard


async def test_whoever_is_told_all_of_it_is_told_of_the_family_as_well(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_of_it(ear: Ear, one: Earlier) -> ThreatReported:
        shown = real(ear, one)
        return shown.model_copy(update={"threat": "reprisal", "threat_source": "family"})

    real = joining._shown
    monkeypatch.setattr(joining, "_shown", all_of_it)
    async with open_office(fresh_database) as office:
        with pytest.raises(AssertionError):
            await hear_of_earlier(office)


async def _nothing(*_: Any, **__: Any) -> None:
    """Neither holds nor remembers."""

"""A threat against a person: at high risk at once, and whoever has her case hears, and nobody else."""

from uuid import UUID, uuid4

import pytest

from chassis.pseudonyms import FeedKey
from contracts.intake import Consent
from tests.asked import SEALED
from tests.builders import an_organisation
from tests.referral.offices import KEY, Office, an_answer
from tests.referral.test_withdrawing import said
from tests.referral.threatened import (
    DIRECTORY,
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

pytestmark = pytest.mark.share("lifecycle")
#: The risk that a case has here unless somebody is threatened.
CALM = "medium"


async def test_owner_and_open_referrals_hear_at_once_as_much_as_each_may_know(
    office: Office,
) -> None:
    await a_case_of_four(office)
    shelter = await office.open_offer("SHELTER_B")

    assert await warned(office, "SHELTER_B", a_threat(referral_id=shelter)) == []

    heard = await told(office)
    assert sorted(heard) == ["CLINIC_H", "COURT_J", "POLICE_A"]
    assert heard["POLICE_A"]["referral_id"] is None
    assert {(one["urgency"], *one["safety"]) for one in heard.values()} == {
        ("vital_1h", "do_not_call")
    }
    sources = {code: (one["threat"], one["threat_source"]) for code, one in heard.items()}
    assert sources == {
        "POLICE_A": ("reprisal", "family"),
        "COURT_J": ("reprisal", "family"),
        "CLINIC_H": ("reprisal", None),
    }
    (inside,) = [body for name, body in await office.said() if name == "threat.reported"]
    assert (inside["organisation"], inside["organisation_kind"]) == ("SHELTER_B", "shelter")


async def test_the_case_is_at_high_risk_and_nobody_is_asked_in_another_s_place(
    office: Office,
) -> None:
    case_id = await a_case_of_four(office)
    own = FeedKey.of(KEY, "POLICE_A").subject(case_id)
    assert await warned(office, "POLICE_A", a_threat(referral_id=None, case=own)) == []

    facts = await known(office, case_id)
    assert (facts["risk"], facts["safety"]) == ("high", ["do_not_call", "do_not_visit"])
    before = await office.referrals()
    await office.publish(*DIRECTORY, an_organisation("CLINIC_K", "health", "health"))
    await office.answer(an_answer("CLINIC_H", await office.open_offer("CLINIC_H"), "decline"))
    assert len(await office.referrals()) == len(before)
    assert await office.unplaced() == [("health", "high_risk")]


async def test_whom_nothing_allows_to_be_told_any_more_hears_nothing(office: Office) -> None:
    case_id = await a_case_of_four(office)
    no_clinic = Consent(recipient_kind="health", state="refused", by="person")
    await said(office, case_id, no_clinic)
    shelter = await office.open_offer("SHELTER_B")

    await warned(office, "SHELTER_B", a_threat(referral_id=shelter))

    assert sorted(await told(office)) == ["COURT_J", "POLICE_A"]


async def test_whoever_has_not_the_case_warns_of_nothing(
    office: Office,
) -> None:
    case_id = await a_case_of_four(office)
    shelter = await office.open_offer("SHELTER_B")

    refused = [
        *await warned(office, "SHELTER_C", a_threat(referral_id=shelter)),
        *await warned(office, "SHELTER_C", a_threat(referral_id=uuid4())),
        *await warned(office, "SHELTER_C", a_threat(referral_id=None, case=uuid4())),
    ]

    assert [(one.reason, one.field) for one in refused] == [
        ("unknown_referral", "referral_id"),
        ("unknown_referral", "referral_id"),
        ("unknown_referral", "case"),
    ]
    assert await told(office) == {}
    assert (await known(office, case_id))["risk"] != "high"


async def test_what_is_sealed_in_a_warning_leaves_it_as_it_is_and_goes_into_no_message(
    office: Office,
) -> None:
    await a_case_of_four(office)
    shelter = await office.open_offer("SHELTER_B")

    assert await warned(office, "SHELTER_B", a_threat(referral_id=shelter, sealed=SEALED)) == []

    assert sorted(await told(office)) == ["CLINIC_H", "COURT_J", "POLICE_A"]
    assert all("sealed" not in body for _, body in await office.said())


async def test_a_threat_goes_with_the_person_through_a_merge_and_stays_behind_when_it_is_undone(
    office: Office,
) -> None:
    threatened = await a_case_of_four(office)
    (other,) = await office.offer(NEEDS)
    await merged(office, {threatened: other})
    assert (await known(office, other))["risk"] != "high"

    own = FeedKey.of(KEY, "POLICE_A").subject(threatened)
    assert await warned(office, "POLICE_A", a_threat(referral_id=None, case=own)) == []

    for case_id in (threatened, other):
        facts = await known(office, case_id)
        assert (facts["risk"], facts["safety"]) == ("high", ["do_not_call", "do_not_visit"])
    await merged(office, {threatened: None})
    assert (await known(office, threatened))["risk"] == "high"
    facts = await known(office, other)
    assert (facts["risk"], facts["safety"]) == (CALM, ["do_not_visit"])
    await merged(office, {other: threatened})
    assert (await known(office, other))["risk"] == "high"


async def test_whoever_has_another_case_of_the_person_hears_of_a_threat_in_its_own_case(
    office: Office,
) -> None:
    threatened = await a_case_of_four(office)
    (other,) = await office.offer(NEEDS | {"needs": ("shelter",)})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))
    theirs = await office.open_offer("SHELTER_C")
    await merged(office, {threatened: other})

    own = FeedKey.of(KEY, "POLICE_A").subject(threatened)
    await warned(office, "POLICE_A", a_threat(referral_id=None, case=own))

    assert sorted(heard := await told(office)) == ["CLINIC_H", "COURT_J", "SHELTER_B", "SHELTER_C"]
    assert heard["SHELTER_C"]["referral_id"] == str(theirs)
    rows = await office.rows("select waits_for, case_id from threats where waits_for like 'S%'")
    assert {code: UUID(str(case_id)) for code, case_id in rows} == {
        "SHELTER_B": threatened,
        "SHELTER_C": other,
    }


async def test_whoever_declines_while_a_threat_is_heeded_leaves_the_next_word_to_a_human(
    office: Office,
) -> None:
    running = await declined_while_warned(office)
    assert not running.done()
    await running

    assert [row[0] for row in await office.referrals()] == ["SHELTER_B"]
    assert await office.unplaced() == [("shelter", "high_risk")]


async def test_at_a_merge_holders_of_the_other_case_hear_of_earlier_threats_and_no_more(
    office: Office,
) -> None:
    theirs = await merged_after_a_threat(office)
    heard = await told(office)

    assert sorted(heard) == ["CLINIC_H", "COURT_J", "SHELTER_B", "SHELTER_C"]
    assert heard["SHELTER_C"] == {
        "referral_id": str(theirs), "urgency": "vital_1h", "on": heard["CLINIC_H"]["on"],
        "threat": None, "threat_source": None, "safety": ["do_not_call"],
    }  # fmt: skip
    called = await office.rows("select waits_for from threats where waits_for = 'SHELTER_C'")
    assert len(called) == 1


async def test_of_a_merge_hears_nobody_who_knew_has_ended_or_may_not_be_told(
    office: Office,
) -> None:
    threatened = await a_case_of_four(office)
    own = FeedKey.of(KEY, "POLICE_A").subject(threatened)
    await warned(office, "POLICE_A", a_threat(referral_id=None, case=own))
    before = await told(office)
    (same,) = await office.offer(NEEDS | {"needs": ("shelter",)})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))
    await said(office, same, Consent(recipient_kind="shelter", state="refused", by="person"))

    await merged(office, {same: threatened})
    await merged(office, {same: None})

    assert await told(office) == before

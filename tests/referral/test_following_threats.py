"""A threat against a person: at high risk at once, and whoever has her case hears, and nobody else."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.pseudonyms import FeedKey
from contracts.intake import Consent
from contracts.reports import ReportThreat
from tests.asked import SEALED, a_request
from tests.builders import an_organisation
from tests.referral.offices import KEY, Office, an_answer
from tests.referral.test_withdrawing import said

pytestmark = pytest.mark.share("lifecycle")
NEEDS = {
    "age_band": "25-34",
    "needs": ("shelter", "health", "legal_aid"),
    "safety": ("do_not_visit",),
    "consent": [
        {"recipient_kind": kind, "state": "given", "by": "person"}
        for kind in ("shelter", "health", "justice")
    ],
}
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter"),
    an_organisation("CLINIC_H", "health", "health"),
    an_organisation("COURT_J", "justice", "legal_aid"),
)


async def a_case_of_four(office: Office) -> UUID:
    """POLICE_A's case; SHELTER_B and COURT_J have taken the person on, CLINIC_H has only been asked."""
    await office.publish(*DIRECTORY)
    (case_id,) = await office.offer(NEEDS)
    for code in ("SHELTER_B", "COURT_J"):
        await office.answer(an_answer(code, await office.open_offer(code), "accept"))
    return case_id


def a_threat(**changes: Any) -> ReportThreat:
    report = a_request("threat.report", **changes)
    assert isinstance(report, ReportThreat)
    return report


async def told(office: Office) -> dict[str, dict[str, Any]]:
    """What each organisation hears of threats; at most once."""
    rows = await office.rows(
        "select organisation, convert_from(body, 'UTF8') from outbox"
        " where name = 'threat.reported' and stream = 'OUT'"
    )
    found = {code: json.loads(body) for code, body in rows}
    assert len(found) == len(rows)
    return found


async def test_owner_and_open_referrals_hear_at_once_as_much_as_each_may_know(
    office: Office,
) -> None:
    await a_case_of_four(office)
    shelter = await office.open_offer("SHELTER_B")

    assert await office.warn("SHELTER_B", a_threat(referral_id=shelter)) == []

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
    assert await office.warn("POLICE_A", a_threat(referral_id=None, case=own)) == []

    ((facts,),) = await office.rows("select facts from cases")
    facts = json.loads(facts) if isinstance(facts, str) else facts
    assert (facts["risk"], facts["safety"]) == ("high", ["do_not_call", "do_not_visit"])
    before = await office.referrals()
    await office.answer(an_answer("CLINIC_H", await office.open_offer("CLINIC_H"), "decline"))
    assert len(await office.referrals()) == len(before)
    assert await office.unplaced() == [("health", "high_risk")]


async def test_whom_nothing_allows_to_be_told_any_more_hears_nothing(office: Office) -> None:
    case_id = await a_case_of_four(office)
    no_clinic = Consent(recipient_kind="health", state="refused", by="person")
    await said(office, case_id, no_clinic)
    shelter = await office.open_offer("SHELTER_B")

    await office.warn("SHELTER_B", a_threat(referral_id=shelter))

    assert sorted(await told(office)) == ["COURT_J", "POLICE_A"]


async def test_whoever_has_not_the_case_warns_of_nothing_and_half_a_warning_is_none(
    office: Office,
) -> None:
    await a_case_of_four(office)
    shelter = await office.open_offer("SHELTER_B")

    refused = [
        *await office.warn("SHELTER_C", a_threat(referral_id=shelter)),
        *await office.warn("SHELTER_C", a_threat(referral_id=uuid4())),
        *await office.warn("SHELTER_C", a_threat(referral_id=None, case=uuid4())),
        *await office.warn("SHELTER_B", a_threat(referral_id=shelter, sealed=SEALED)),
    ]

    assert [(one.reason, one.field) for one in refused] == [
        ("unknown_referral", "referral_id"),
        ("unknown_referral", "referral_id"),
        ("unknown_referral", "case"),
        ("not_yet_supported", "sealed"),
    ]
    assert await told(office) == {}
    ((facts,),) = await office.rows("select facts from cases")
    assert "high" not in str(facts)

"""Files of the police and of justice: attached to the case, and told no further than is needed."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.pseudonyms import FeedKey
from contracts.intake import Basis
from contracts.reports import ReportJudgment, ReportProceeding, ReportSuspect
from services.referral.use_cases.following_files import FileReport
from tests.asked import SEALED, WELL_FORMED
from tests.builders import an_organisation
from tests.referral.offices import KEY, Office, an_answer
from tests.referral.test_withdrawing import no, said, states

pytestmark = pytest.mark.share("lifecycle")
KINDS = ("shelter", "health", "social", "justice")
NEEDS = {
    "age_band": "25-34",
    "needs": ("shelter", "legal_aid"),
    "consent": [{"recipient_kind": kind, "state": "given", "by": "person"} for kind in KINDS],
}
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("COURT_J", "justice", "legal_aid"),
)
JUDGED = {**WELL_FORMED["judgment.report"]}
ADVANCED = "proceeding.advanced"


async def a_case_of_three(office: Office) -> tuple[UUID, UUID]:
    """The case, and the referral to COURT_J; SHELTER_B has taken the person on."""
    await office.publish(*DIRECTORY)
    (case_id,) = await office.offer(NEEDS)
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "accept"))
    return case_id, await office.open_offer("COURT_J")


def a_file(referral_id: UUID | None = None, **changes: object) -> ReportProceeding:
    named = {"referral_id": referral_id} if referral_id else {}
    body = {k: v for k, v in WELL_FORMED["proceeding.report"].items() if k != "referral_id"}
    return ReportProceeding.model_validate(body | named | changes)


def a_suspect(**changes: object) -> ReportSuspect:
    body = {k: v for k, v in WELL_FORMED["suspect.report"].items() if k != "sealed"}
    return ReportSuspect.model_validate(body | changes)


async def told(office: Office, organisation: str) -> list[dict[str, object]]:
    return [body for name, body in await office.said(organisation) if name == ADVANCED]


async def test_the_owner_hears_where_it_stands_and_a_shelter_when_it_is_heard(
    office: Office,
) -> None:
    _, referral_id = await a_case_of_three(office)
    assert await office.file("COURT_J", a_file(referral_id)) == []

    assert await told(office, "POLICE_A") == [
        {
            "referral_id": None,
            "state": "judicial_investigation",
            "next_hearing_on": "2026-12-01",
        }
    ]
    (shelter,) = await told(office, "SHELTER_B")
    assert shelter.pop("referral_id") is not None
    assert shelter == {"state": None, "next_hearing_on": "2026-12-01"}
    assert await told(office, "COURT_J") == [], "who has said it hears nothing"
    name, event = (await office.said())[-1]
    assert (name, event["organisation_kind"]) == ("proceeding.opened", "justice")


async def test_an_earlier_word_is_an_event_and_no_news(office: Office) -> None:
    _, referral_id = await a_case_of_three(office)
    await office.file("COURT_J", a_file(referral_id))
    await office.file("COURT_J", a_file(referral_id, on="2026-11-01", state="complaint"))
    await office.file("COURT_J", a_file(referral_id, on="2026-11-21"))
    await office.file("COURT_J", a_file(referral_id, on="2026-11-22", state="judged"))

    events = [body["state"] for name, body in await office.said() if name.startswith("proceeding")]
    assert events == ["judicial_investigation", "complaint", "judicial_investigation", "judged"]
    assert [one["state"] for one in await told(office, "POLICE_A")] == [
        "judicial_investigation",
        "judged",
    ]


async def test_a_case_can_be_named_as_the_senders_own_feed_calls_it(office: Office) -> None:
    case_id, _ = await a_case_of_three(office)
    names = {code: FeedKey.of(KEY, code).subject(case_id) for code in ("COURT_J", "POLICE_A")}

    assert await office.file("COURT_J", a_file(case=names["COURT_J"])) == []
    (refused,) = await office.file("COURT_J", a_file(case=names["POLICE_A"]))
    assert (refused.reason, refused.field) == ("unknown_referral", "case")


async def test_only_police_and_justice_report_files_and_only_of_cases_they_have(
    office: Office,
) -> None:
    _, referral_id = await a_case_of_three(office)
    shelters = await office.open_offer("SHELTER_B")
    wrong: list[tuple[str, FileReport, tuple[str, str]]] = [
        ("SHELTER_B", a_file(shelters), ("wrong_state", "ce-source")),
        ("COURT_J", a_file(shelters), ("unknown_referral", "referral_id")),
        ("COURT_J", a_file(uuid4()), ("unknown_referral", "referral_id")),
        ("COURT_J", a_suspect(), ("unknown_referral", "proceeding_id")),
        ("COURT_J", ReportJudgment(**JUDGED), ("unknown_referral", "suspect_id")),
        ("POLICE_A", ReportJudgment(**JUDGED), ("wrong_state", "ce-source")),
        ("STRANGER", a_file(referral_id), ("wrong_state", "ce-source")),
    ]  # fmt: skip
    for organisation, report, expected in wrong:
        (refused,) = await office.file(organisation, report)
        assert (refused.reason, refused.field) == expected
    assert not [name for name, _ in await office.said() if not name.startswith("referral.")]


async def test_a_suspect_and_a_judgment_are_facts_for_the_figures_and_told_to_nobody(
    office: Office,
) -> None:
    _, referral_id = await a_case_of_three(office)
    await office.file("COURT_J", a_file(referral_id))
    heard = len(await office.said("POLICE_A"))
    for report in (a_suspect(), ReportJudgment(**JUDGED)):
        assert await office.file("COURT_J", report) == []

    suspect, judgment = (await office.said())[-2:]
    assert (suspect[0], suspect[1]["custody"]) == ("suspect.recorded", "remand")
    assert (judgment[0], judgment[1]["months"]) == ("judgment.rendered", 60)
    assert len(await office.said("POLICE_A")) == heard


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("court", {"court": "high_court_criminal", "on": "2025-06-12"}),
        ("court", {"court": "assize_court", "on": "2025-06-13"}),
        ("offence_class", {"offence_class": "migrant_smuggling", "on": "2012-07-11"}),
    ],
)
async def test_a_court_or_offence_that_the_law_did_not_know_that_day_is_refused_by_name(
    office: Office, field: str, changes: dict[str, str]
) -> None:
    _, referral_id = await a_case_of_three(office)
    (refused,) = await office.file("COURT_J", a_file(referral_id, **changes))

    assert (refused.reason, refused.field) == ("wrong_state", field)
    assert not [name for name, _ in await office.said() if name.startswith("proceeding.")]


async def test_a_court_that_is_no_more_is_taken_of_a_day_when_it_was(office: Office) -> None:
    _, referral_id = await a_case_of_three(office)
    assert (
        await office.file("COURT_J", a_file(referral_id, court="assize_court", on="2025-06-12"))
        == []
    )


async def test_what_ends_a_trial_of_a_court_that_is_no_more_is_taken_and_nothing_else(
    office: Office,
) -> None:
    _, referral_id = await a_case_of_three(office)
    late: dict[str, Any] = {"court": "assize_court", "on": "2025-11-20"}
    (refused,) = await office.file("COURT_J", a_file(referral_id, **late, state="charged"))
    assert (refused.reason, refused.field) == ("wrong_state", "court")
    assert await office.file("COURT_J", a_file(referral_id, **late, state="judged")) == []
    assert await office.file("COURT_J", a_suspect()) == []
    assert await office.file("COURT_J", ReportJudgment(**JUDGED | late)) == []


async def test_who_a_suspect_is_stays_sealed_and_goes_into_no_event(office: Office) -> None:
    _, referral_id = await a_case_of_three(office)
    await office.file("COURT_J", a_file(referral_id))
    assert await office.file("COURT_J", a_suspect(sealed=SEALED)) == []

    (said,) = [body for name, body in await office.said() if name == "suspect.recorded"]
    assert (said["custody"], "sealed" in said) == (a_suspect().custody, False)


async def test_a_date_that_was_told_on_consent_falls_with_it_where_the_offer_stands(
    office: Office,
) -> None:
    await office.publish(*DIRECTORY)
    danger = {"ground": "vital_interest", "recipient_kind": "shelter"}
    (case_id,) = await office.offer(NEEDS | {"grounds": (Basis.model_validate(danger),)})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "accept"))
    await office.file("COURT_J", a_file(await office.open_offer("COURT_J")))
    await said(office, case_id, no(recipient_kind="shelter"))

    shown = dict(await states(office, "SHELTER_B"))
    assert shown == {"referral.offered": "told", "referral.accepted": "told", ADVANCED: "erased"}

"""Every choice is kept with its reasons, and each reason is a sentence in both languages."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.web.pages import LANGUAGES, load_translations
from services.referral.domain.placement import Rule
from services.referral.domain.routing import QUESTIONS, VERSION, filtering, ranking, rules
from services.referral.store import routings
from services.referral.store.routings import Routing
from services.referral.use_cases.explaining import LOCALE, explain, why_left, why_placed
from services.referral.use_cases.explaining.words import (
    BINDING,
    DECIDED,
    DUTIES,
    EXCLUDED,
    PLACED,
    RANKED,
    WHY,
)
from services.referral.use_cases.offering import CHOSEN, TOGETHER
from tests.builders import an_organisation
from tests.house.rules import ROOT
from tests.parts import Site
from tests.referral.callers import bearer, calling
from tests.referral.offices import ADULT, Office, an_answer

pytestmark = pytest.mark.share("lifecycle")
POLICE = an_organisation("POLICE_A", "police", "immediate_safety")
NEAR = an_organisation("SHELTER_B", "shelter", "shelter")
FAR = an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12"))
AWAY = an_organisation("SHELTER_D", "shelter", "shelter", region="07", zones=("07",))


async def kept(office: Office, case_id: UUID) -> list[Routing]:
    async with office.engine.connect() as connection:
        return await routings.of_case(connection, case_id)


async def test_each_offer_is_kept_with_who_else_could_be_asked_and_who_not_and_why(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR, FAR, AWAY)
    (case_id,) = await office.offer(ADULT)
    referral = await office.open_offer("SHELTER_B")
    await office.answer(an_answer("SHELTER_B", referral, "decline"))

    first, second = await kept(office, case_id)
    assert (first.id, first.organisation, first.service) == (referral, "SHELTER_B", "shelter")
    assert (first.weighed["rules"], first.weighed["decided_by"]) == (VERSION, "distance")
    assert [one[0] for one in first.weighed["ranked"]] == ["SHELTER_B", "SHELTER_C"]
    assert first.weighed["excluded"] == [[["area", {"region": "12"}], ["SHELTER_D"]]]
    assert first.weighed["others"] == 1
    assert second.organisation == "SHELTER_C"
    assert [["asked_before", {"state": "declined"}], ["SHELTER_B"]] in second.weighed["excluded"]


async def test_that_nobody_was_found_is_kept_too_and_at_high_risk_who_a_human_could_ask(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR, FAR)
    (lonely,) = await office.offer({**ADULT, "needs": ["legal_aid"]})
    (hunted,) = await office.offer({**ADULT, "risk": "high"})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))

    (nobody,) = await kept(office, lonely)
    assert (nobody.organisation, nobody.weighed["ranked"]) == (None, [])
    _, left = await kept(office, hunted)
    assert left.organisation is None
    assert [one[0] for one in left.weighed["ranked"]] == ["SHELTER_C"]
    listed = await office.rows("select unplaced_id from unplaced order by service")
    assert [id for (id,) in listed] == [nobody.id, left.id]


async def test_of_the_last_twenty_answers_of_each_it_is_remembered_which_were_in_time(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR, FAR)
    for late in (False, True):
        await office.offer(ADULT)
        referral = await office.open_offer("SHELTER_B")
        if late:
            await office.run("update referrals set offered_at = offered_at - interval '4 days'")
        await office.answer(an_answer("SHELTER_B", referral, "receive"))
        await office.answer(an_answer("SHELTER_B", referral, "accept"))
        await office.answer(an_answer("SHELTER_B", referral, "start"))
    assert await office.rows("select * from answers") == [("SHELTER_B", "yn")]

    await office.run("update answers set outcomes = repeat('n', 20)")
    await office.offer(ADULT)
    assert (await office.referrals())[-1][0] == "SHELTER_B"  # nearer counts before its record
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "accept"))
    assert await office.rows("select outcomes from answers") == [("n" * 19 + "y",)]


def produced() -> set[str]:
    """Every code that the domain makes a reason of, read from its text."""
    texts = [Path(module.__file__ or "").read_text() for module in (filtering, ranking, rules)]
    names = {part.partition('"')[0] for text in texts for part in text.split('because("')[1:]}
    inline = {"poor_record", "record", "promised_late", "promised", "not_named", "named", "room"}
    inline |= {"room_long_ago", *ranking._DISTANCES}
    return names | inline


def test_every_reason_of_the_domain_has_its_sentence_and_none_is_left_over() -> None:
    assert produced() == {*EXCLUDED, *RANKED}
    assert set(DECIDED) == {*(one.name for one in QUESTIONS), "code", CHOSEN, TOGETHER}
    assert set(WHY) == {"need", *(demand.__name__ for demand in rules.DEMANDS)}
    assert set(DUTIES) == {duty.__name__ for duty in rules.DUTIES}
    assert set(BINDING) == set(Rule)


def test_every_sentence_and_every_rule_is_in_the_document_for_the_committee() -> None:
    document = (ROOT / "docs" / "routing.md").read_text(encoding="utf-8")
    tables = (WHY, DUTIES, EXCLUDED, RANKED, DECIDED, PLACED, BINDING)
    for sentence in (one for table in tables for one in table.values()):
        for language in LANGUAGES:
            words = load_translations(language, [LOCALE]).gettext(sentence)
            assert words in document, words
    for rule in (*rules.DEMANDS, *rules.DUTIES, *rules.BANS):
        assert f"`{rule.__name__}`" in document
    assert VERSION in document


DATA: dict[str, Any] = {
    "state": "declined", "region": "12", "cercle": "1201", "sexes": ["female"], "age_min": 5,
    "age_max": 17, "citizenship": ["GIN"], "exploitation": ["gold_mining"], "kind": "health",
    "minutes": 90, "urgency": "vital_1h", "room": 3, "in_time": 2, "of": 9,
    "languages": ["bambara", "english"], "holiday": "2026-12-25",
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_reason_reads_as_a_sentence_without_a_code_in_it(language: str) -> None:
    reasons = [[code, DATA] for code in RANKED]
    one = Routing(
        id=uuid4(),
        case_id=uuid4(),
        owner="POLICE_A",
        service="shelter",
        urgency="urgent_72h",
        organisation="SHELTER_B",
        weighed={
            "rules": VERSION,
            "why": "child_to_social_service",
            "duties": ["slavery_is_reported"],
            "decided_by": "distance",
            "ranked": [["SHELTER_B", "shelter", "1201", reasons]],
            "more": ["SHELTER_D"],
            "excluded": [[[code, DATA], ["SHELTER_C"]] for code in EXCLUDED],
            "others": 7,
        },
    )
    text = "\n".join(explain(one, language).lines())

    assert "%(" not in text
    assert not [code for code in ("vital_1h", "female", "gold_mining", "1201.") if code in text]
    expected = {
        "fr": (
            "324-26",
            "de 5 à 17 ans",
            "Urgence vitale (1 h)",
            "Kita",
            "Guinée",
            "Bambara, Anglais",
        ),
        "en": ("324-26", "from 5 to 17 years", "Vital (1 h)", "Kita", "Guinea", "Bambara, English"),
    }
    assert not [words for words in expected[language] if words not in text]
    assert "…" not in text


def a_placed(**changes: Any) -> dict[str, Any]:
    """A kept line of a plan: a child of a family of three, in her own region."""
    return {
        "distance": 1, "has_language": True, "open_to": 4, "better": [], "with_family": 3,
        "is_pinned": False, **changes,
    }  # fmt: skip


def test_who_is_placed_is_told_why_there_and_what_was_better_for_her() -> None:
    better = [
        {"organisation": "SHELTER_C", "rule": "places"},
        {"organisation": "SHELTER_D", "rule": None},
        {"organisation": "SHELTER_E", "rule": "places"},
    ]
    said = [one.text for one in why_placed(a_placed(better=better, is_pinned=True), "fr")]

    assert said == [
        "Une personne responsable de l’incident a choisi cette place.",
        "Membres de la famille qui y vont ensemble : 3.",
        "La place est dans la région de la personne.",
        "Aucune langue ne sépare la personne de ceux qui l’accueillent.",
        "Organisations qui pourraient l’accueillir d’après leurs limites : 4.",
        "Mieux pour elle, mais les places reviennent à d’autres : SHELTER_C, SHELTER_E.",
        "Mieux pour elle, peut-être ; la recherche du meilleur plan a dû s’arrêter : SHELTER_D.",
    ]


def test_every_code_of_a_line_of_a_plan_is_said_and_none_is_left_over() -> None:
    better = [{"organisation": "A", "rule": rule} for rule in ("places", "apart", None)]
    lines = [
        a_placed(distance=distance, has_language=has, better=better, is_pinned=True)
        for distance in range(4)
        for has in (True, False)
    ]

    assert {one.code for line in lines for one in why_placed(line, "fr")} == set(PLACED)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_has_no_place_is_told_the_rules_that_keep_her_from_one(language: str) -> None:
    line = {"binding": [*Rule], "would_open": ["SHELTER_C", "SHELTER_D"]}
    said = {one.code: one.text for one in why_left(line, language)}

    assert set(said) == set(Rule)
    assert not [code for code, text in said.items() if "%(" in text]
    assert [code for code, text in said.items() if "SHELTER_C, SHELTER_D" not in text] == [
        "service"
    ]


def test_the_ages_are_said_as_they_are_limited() -> None:
    def said(low: int | None, high: int | None) -> str:
        data = {"age_min": low, "age_max": high}
        weighed: dict[str, Any] = {
            "rules": "",
            "why": "need",
            "decided_by": None,
            "ranked": [],
            "more": [],
            "others": 0,
        }
        weighed |= {"excluded": [[["age", data], ["A1"]]]}
        one = Routing(
            id=uuid4(), case_id=uuid4(), owner="B1", service="health", urgency="vital_1h",
            organisation=None, weighed=weighed,
        )  # fmt: skip
        return explain(one, "fr").excluded[0].reason.text

    assert said(15, None) == "Elle n’accueille que des personnes à partir de 15 ans."
    assert said(None, 17) == "Elle n’accueille que des personnes jusqu’à 17 ans."


@pytest.mark.connected
async def test_the_owner_and_the_committee_see_why_and_nobody_else_does(site: Site) -> None:
    committee = an_organisation("COMMITTEE_C", "committee")
    async with calling(site, POLICE, NEAR, committee) as client:
        case_id, referral = uuid4(), uuid4()
        await site.run(
            "insert into referral.cases (case_id, owner, facts, recorded_at)"
            " values (:case_id, 'POLICE_A', '{}', now())",
            case_id=case_id,
        )
        await site.run(
            "insert into referral.routings (id, case_id, owner, service, urgency, organisation,"
            " weighed) values (:id, :case_id, 'POLICE_A', 'shelter', 'urgent_72h', 'SHELTER_B',"
            """ '{"rules": "1", "why": "need", "decided_by": null, "excluded": [], "others": 2, "more": [],"""
            """ "ranked": [["SHELTER_B", "shelter", "1201", [["same_region", {"cercle": "1201"}]]]]}')""",
            id=referral,
            case_id=case_id,
        )

        async def see(code: str, role: str, **query: str) -> Any:
            url = f"/referral/routings/{referral}"
            return await client.get(url, headers=bearer(code, role), params=query)

        seen = await see("POLICE_A", "case_owner")
        assert seen.status_code == 200, seen.text
        assert seen.json()["ranked"][0]["reasons"] == [
            {
                "code": "same_region",
                "data": {"cercle": "1201"},
                "text": "Elle est dans la même région : Kita.",
            }
        ]
        told = await see("COMMITTEE_C", "data_officer", lang="en")
        assert told.json()["why"]["text"].startswith("The person needs this service")
        assert (await see("SHELTER_B", "focal_point")).status_code == 404
        assert (await see("POLICE_A", "system")).status_code == 403
    looks = await site.rows("select organisation, outcome from referral.audit order by 1, 2")
    assert looks == [
        ("COMMITTEE_C", "shown"), ("POLICE_A", "shown"), ("SHELTER_B", "not_found"),
    ]  # fmt: skip

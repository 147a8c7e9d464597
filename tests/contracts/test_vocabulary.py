import csv
import json
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.vocabulary import (
    Cercle,
    Region,
    Term,
    UnknownList,
    codes,
    entry,
    htcds_to_code,
    is_cercle,
    label,
    list_names,
    normalise,
    territories,
    territory,
)

# The wire codes as other programs know them: a changed or lost one breaks somebody.
PROMISED = {
    "sex": "female male unknown",
    "age_band": "0-4 5-8 9-11 12-14 15-17 18-24 25-34 35-59 60+ unknown",
    "victim_status": "presumed identified recognised_by_court not_a_victim",
    "exploitation": (
        "descent_based_slavery other_slavery serfdom pawning debt_bondage sexual_exploitation "
        "sexual_slavery forced_labour domestic_work gold_mining agriculture forced_begging "
        "forced_marriage child_with_armed_group illegal_adoption organ_removal "
        "forced_criminality other to_be_determined"
    ),
    "offence_class": "trafficking slavery_practices organised_begging migrant_smuggling other",
    "detection_channel": (
        "patrol border_post road_check police_operation complaint hotline "
        "community_health_centre hospital one_stop_center social_service ngo community_leader "
        "school iom_monitoring embassy self_report anonymous_third_party import"
    ),
    "urgency": "vital_1h emergency_24h urgent_72h normal_14d",
    "risk": "high medium low",
    "service": (
        "immediate_safety shelter emergency_health health mental_health psychosocial "
        "sexual_health food non_food_items legal_aid child_protection family_tracing "
        "reunification civil_documents education vocational_training income_generation "
        "interpretation voluntary_return reintegration witness_protection"
    ),
    "decline_reason": (
        "capacity out_of_mandate out_of_area profile security victim_refuses duplicate other"
    ),
    "referral_state": (
        "offered received accepted declined overdue started delivered not_delivered confirmed "
        "withdrawn unplaced"
    ),
    "unplaced_reason": "no_candidate none_left high_risk",
    "consent_state": "given refused",
    "organisation_kind": (
        "police gendarmerie justice social health shelter ngo_rights intl consular committee "
        "committee_local traditional civil_protection"
    ),
    "channel": "nats http desk",
    "role": "officer case_owner focal_point analyst data_officer operator",
    "safety_instruction": (
        "do_not_call do_not_visit call_in_daytime_only female_interviewer male_interviewer "
        "no_family_contact interpreter_needed"
    ),
    "ground": "consent vital_interest legal_obligation public_interest court_order",
    "rejection_reason": (
        "not_utf8 not_json wrong_schema unknown_code unknown_type wrong_subject "
        "missing_attribute wrong_source oversize id_reused unsigned malformed unknown_key "
        "foreign_key bad_signature key_expired key_suspect too_many"
    ),
    "refusal_reason": "unknown_referral wrong_state not_yet_supported",
    "failure_reason": (
        "no_show unreachable victim_refuses moved_away deceased capacity security other"
    ),
    "withdrawal_reason": "consent suspended closed duplicate other",
    "proceeding_state": (
        "complaint preliminary_inquiry caught_in_the_act sent_to_prosecutor "
        "no_further_action judicial_investigation charged dismissed "
        "sent_to_correctional_court sent_to_criminal_chamber judged appealed cassation "
        "final"
    ),
    "court": (
        "district_court high_court_correctional high_court_criminal "
        "appeal_court_criminal assize_court specialised_unit supreme_court"
    ),
    "custody": "free police_custody judicial_supervision remand serving_sentence",
    "verdict": "convicted discharged acquitted time_barred died",
    "sentence": "imprisonment rigorous_imprisonment life death fine",
    "closure_reason": (
        "reintegrated reunified repatriated taken_over independent refuses not_reached died "
        "not_a_victim other"
    ),
    "reopening_reason": "needs_help in_danger exploited_again found_again closed_in_error other",
    "followup_outcome": "well needs_help in_danger exploited_again not_reached refuses died",
    "threat": "reprisal intimidation violence pressure_to_withdraw search other",
    "threat_source": "suspect family community armed_group official unknown",
    "session_kind": "talk radio school theatre march training advocacy door_to_door social_media hotline",
    "language": (
        "french bambara fulfulde soninke songhay tamasheq dogon bozo bomu minyanka "
        "senufo malinke khassonke hassaniya arabic english other"
    ),
    "weekday": "monday tuesday wednesday thursday friday saturday sunday",
    "rung": "unit focal_point regional_focal_point committee",
    "organisation_state": "active suspended",
    "escalation_reason": "no_answer no_notice",
    "notice_medium": "sms email",
    "notice_failure": "no_contact refused unreachable",
}
CERCLES_OF = {
    "00": 6, "01": 10, "02": 8, "03": 8, "04": 11, "05": 8, "06": 13, "07": 16, "08": 9, "09": 6,
    "10": 6, "11": 6, "12": 6, "13": 6, "14": 6, "15": 10, "16": 8, "17": 7, "18": 6, "19": 9,
}  # fmt: skip


class Person(BaseModel):
    sex: Annotated[str, Term("sex")]
    region: Region
    cercle: Cercle | None = None
    citizenship: tuple[Annotated[str, Term("country")], ...] = ()


def refusal(**fields: object) -> dict[str, object]:
    with pytest.raises(ValidationError) as caught:
        Person.model_validate({"sex": "female", "region": "12"} | fields)
    (fault,) = caught.value.errors(include_url=False)
    return dict(fault)


@pytest.mark.parametrize("name", PROMISED)
def test_a_list_holds_its_promised_codes_in_order(name: str) -> None:
    assert codes(name) == tuple(PROMISED[name].split())


@pytest.mark.parametrize("name", ["terms", "territories", "cercles", "countries"])
def test_a_table_is_whole(name: str) -> None:
    text = files("contracts.vocabulary").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    assert {len(row) for row in rows} == {len(header)}
    assert all(cell == cell.strip() for row in rows for cell in row)
    width = 2 if name == "terms" else 1
    assert max(Counter(tuple(row[:width]) for row in rows).values()) == 1


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_code_has_a_label_of_its_own(lang: str) -> None:
    for name in list_names():
        labels = [normalise(label(name, code, lang)) for code in codes(name)]
        assert all(labels), name
        assert len(set(labels)) == len(labels), name


def test_no_spelling_means_two_codes() -> None:
    for name in list_names():
        for code in codes(name):
            known = entry(name, code)
            assert {htcds_to_code(name, own) for own in (code, known.fr, known.en)} == {code}
            assert all(htcds_to_code(name, value) for value in known.htcds)


def test_french_labels_use_the_typographic_apostrophe() -> None:
    assert [c for name in PROMISED for c in codes(name) if "'" in label(name, c, "fr")] == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("sex", "Feminine", "female"),
        ("victim_status", "Actual victim of trafficking", "identified"),
        ("exploitation", "Forced military (by non-state actors)", "child_with_armed_group"),
        ("exploitation", "ChildLabour", "forced_labour"),
        ("exploitation", "Other", "other"),
        ("exploitation", "Servitude", "other_slavery"),
        ("control_method", "ThreatsLawEnforcement", "threat_of_law_enforcement"),
        ("control_method", "Threats of law enforcement", "threat_of_law_enforcement"),
        ("country", "Congo, Democratic Republic of the", "COD"),
        ("country", "cote d'ivoire", "CIV"),
        ("country", "ML", "MLI"),
        ("region", "Segou", "04"),
        ("region", "Bamako", "00"),
        ("sex", "F", None),
        ("sex", "", None),
    ],
)
def test_an_htcds_value_is_known_however_spelt(name: str, value: str, code: str | None) -> None:
    assert htcds_to_code(name, value) == code


def test_a_list_that_does_not_exist_is_refused_at_once() -> None:
    for use in (codes, Term, lambda name: label(name, "x", "fr")):
        with pytest.raises(UnknownList, match="sexe"):
            use("sexe")


def test_an_unknown_code_is_refused_by_the_name_of_its_list_and_not_repeated() -> None:
    fault = refusal(sex="Zz-secret")
    assert fault["type"] == "unknown_code"
    assert fault["msg"] == "Not a code of the list sex; allowed: female, male, unknown"
    assert fault["ctx"] == {"list": "sex", "allowed": "female, male, unknown"}


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [("region", "20", "region"), ("cercle", "1207", "cercle"), ("citizenship", ["ML"], "country")],
)
def test_places_and_countries_are_checked_like_any_code(
    field: str, value: object, name: str
) -> None:
    fault = refusal(**{field: value})
    assert fault["type"] == "unknown_code"
    assert f"list {name};" in str(fault["msg"])


@given(st.text())
def test_only_a_code_is_a_code(text: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(Annotated[str, Term("service")])
    if text in codes("service"):
        assert adapter.validate_python(text) == text
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(text)


def test_the_json_schema_lists_the_codes() -> None:
    schema = Person.model_json_schema()
    assert schema["properties"]["sex"]["enum"] == ["female", "male", "unknown"]
    assert schema["properties"]["region"]["enum"] == [unit.ct for unit in territories()]
    assert len(schema["properties"]["citizenship"]["items"]["enum"]) == len(codes("country"))
    assert json.dumps(schema)


def test_the_four_code_systems_of_a_region_do_not_meet() -> None:
    units = territories()
    assert [unit.ct for unit in units] == [f"{n:02d}" for n in range(20)]
    for system in ("ca", "pcode", "name"):
        assert len({getattr(unit, system) for unit in units}) == 20
    assert (territory("09").name, territory("09").iso) == ("Taoudénit", "ML-10")
    assert (territory("10").name, territory("10").iso) == ("Ménaka", "ML-9")
    assert (territory("00").pcode, territory("09").pcode) == ("ML20", "ML09")
    assert sum(unit.iso is None for unit in units) == 9
    # The census total is 22,395,485; its published regional figures add up to five more.
    assert sum(unit.population_2022 for unit in units) == 22_395_485 + 5


def test_a_region_split_from_another_names_it() -> None:
    split = {
        unit.name: territory(unit.split_from).name for unit in territories() if unit.split_from
    }
    assert split["Kita"] == "Kayes"
    assert split["Ménaka"] == "Gao"
    assert len(split) == 11


def test_every_cercle_lies_in_its_region() -> None:
    assert Counter(code[:2] for code in codes("cercle")) == CERCLES_OF
    assert sum(CERCLES_OF.values()) == 159 + 6
    assert is_cercle("0006")
    assert not is_cercle("0007")
    assert label("cercle", "1504", "fr") == "Garalo"


def test_the_countries_are_those_of_iso_3166_and_two_for_people_without_one() -> None:
    assert len(codes("country")) == 249 + 2
    assert all(len(code) == 3 and code.isupper() for code in codes("country"))
    assert {entry("country", c).htcds[0] for c in ("MLI", "CIV", "GIN")} == {"ML", "CI", "GN"}
    assert label("country", "XXA", "fr") == "Apatride"


def test_importing_the_vocabulary_reads_no_table() -> None:
    program = (
        "import contracts.vocabulary.tables as tables\n"
        "print(tables.lists.cache_info().misses, tables.territory_table.cache_info().misses)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout.split() == [b"0", b"0"]

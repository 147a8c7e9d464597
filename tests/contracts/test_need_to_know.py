import csv
import itertools
from hashlib import sha256
from importlib.resources import files

import pytest

from contracts.feed import Offer
from contracts.policy import (
    VERSION,
    Cut,
    DisclosureRefused,
    Reader,
    fields_for,
    may_know,
    purpose_of,
    the_policy,
)
from contracts.policy.tables import fields, rows
from contracts.vocabulary import codes
from contracts.vocabulary.tables import reader_rows
from services.intake.imports.columns import columns
from tests.contracts.by_hand import (
    GROUNDS,
    GROUPS,
    MATRIX,
    PURPOSES,
    Opened,
    Question,
    expected,
)

pytestmark = pytest.mark.share("sealed")

TABLES = ("matrix", "stages", "grounds", "fields", "purposes")
# A receipt names the version, so a version must mean one set of rules for ever. When a rule is
# changed on purpose: a new VERSION, and here its digest.
DIGESTS = {"2026-11.2": "cfbbe6bb96113fc5", "2026-11.3": "9d55c2c2f4c5ee05"}
SECTIONS = ("identity", "contact", "exploitation", "medical", "psychosocial", "safe_place", "notes")
SENDERS = ("", "shelter", "health", "police", "social", "consular")


def recipient(kind: str, purpose: str, **changes: object) -> Reader:
    known: dict[str, object] = {"relation": "recipient", "is_child": False, "from_kind": "social"}
    return Reader(kind=kind, purpose=purpose, **known | changes)  # type: ignore[arg-type]  # test data


def seen(cut: Cut, group: str) -> Opened | None:
    one = cut.groups.get(group)
    if one is None:
        return None
    return Opened(one.access, "".join(one.limits - {"child_only"}), one.grounds)


def names(found: frozenset[tuple[str, str]], *sections: str) -> set[str]:
    return {name for section, name in found if section in sections}


@pytest.mark.parametrize(("kind", "relation"), MATRIX, ids="-".join)
def test_every_cell_is_as_the_matrix_written_by_hand(kind: str, relation: str) -> None:
    sets = [frozenset(), *(frozenset({one}) for one in GROUNDS), frozenset(GROUNDS)]
    circumstances = itertools.product(PURPOSES, codes("stage"), SENDERS, (False, True), sets)
    wrong = []
    for purpose, stage, sender, is_child, grounds in circumstances:
        asked = Question(kind, relation, purpose, stage, sender, is_child)
        reader = Reader(
            kind=kind, relation=relation, purpose=purpose, from_kind=sender, is_child=is_child
        )
        cut = may_know(reader, stage, grounds)
        wrong += [
            (asked, sorted(grounds), group)
            for group in GROUPS
            if seen(cut, group) != expected(asked, group, grounds)
        ]
        assert set(cut.groups) | set(cut.withheld) == set(GROUPS)

    assert wrong == []


def test_every_kind_has_a_row_and_every_row_a_kind() -> None:
    assert set(reader_rows()) == set(MATRIX)
    assert {kind for kind, _ in reader_rows()} == {*codes("organisation_kind"), "public"}
    assert {relation for _, relation in reader_rows()} == set(codes("relation"))
    assert set(reader_rows().values()) == set(codes("reader")) == set(the_policy().matrix)


def test_the_codes_of_the_policy_are_the_promised_ones() -> None:
    assert codes("data_group") == GROUPS
    assert codes("purpose") == PURPOSES
    assert codes("stage") == ("offered", "accepted", "closed")
    assert codes("relation") == ("owner", "recipient", "oversight", "public")
    assert codes("consent_authority") == ("person", "guardian", "best_interests")


def test_the_tables_speak_the_shared_codes_only() -> None:
    policy = the_policy()
    cells = [cell for table in (policy.matrix, policy.stages) for row in table.values()
             for cell in row.values()]  # fmt: skip
    assert {cell.access for cell in cells} == set(codes("disclosure"))
    assert {limit for cell in cells for limit in cell.limits} == set(codes("disclosure_limit"))
    assert set(policy.stages) == set(codes("stage"))
    assert all(tuple(row) == codes("data_group") for row in policy.matrix.values())
    for rule in policy.ground_rules:
        assert rule.reader in codes("reader")
        assert rule.ground in codes("ground")
        assert rule.purposes <= {"*", *codes("purpose")}
        assert rule.groups <= {"*", *codes("data_group")}
        assert rule.from_kinds <= {"*", *codes("organisation_kind")}
    for one in policy.fields.values():
        assert one.groups
        assert one.groups <= set(codes("data_group"))
        assert one.aspects <= {"state", *codes("disclosure_limit")}


def test_a_version_means_one_set_of_rules() -> None:
    read = [files("contracts.policy").joinpath(f"{name}.csv").read_bytes() for name in TABLES]
    read.append(files("contracts.vocabulary").joinpath("readers.csv").read_bytes())

    assert DIGESTS[VERSION] == sha256(b"".join(read)).hexdigest()[:16]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_of_the_policy_is_whole(table: str) -> None:
    text = files("contracts.policy").joinpath(f"{table}.csv").read_text(encoding="utf-8")
    header, *lines = csv.reader(text.splitlines())

    assert {len(line) for line in lines} == {len(header)}
    assert len({tuple(line) for line in lines}) == len(lines) == len(rows(f"{table}.csv"))
    assert all(cell.strip() == cell != "" or header[at] == "aspect"
               for line in lines for at, cell in enumerate(line))  # fmt: skip


def test_every_column_that_an_import_keeps_has_its_groups() -> None:
    kept = {(column.section, column.code) for column in columns().values() if column.section}

    assert kept <= set(fields())


@pytest.mark.parametrize("service", codes("service"))
def test_every_service_has_a_purpose(service: str) -> None:
    assert purpose_of(service) in codes("purpose")


def test_an_offer_holds_no_field_that_the_policy_keeps_back() -> None:
    for kind, relation in MATRIX:
        if relation == "recipient":
            open_now = fields_for(recipient(kind, "family"), "offered", {"consent"})
            assert set(Offer.model_fields) <= names(open_now, "case"), kind
            assert {section for section, _ in open_now} == {"case"}


def test_of_the_procedure_a_shelter_learns_the_next_date_and_the_committee_the_state() -> None:
    shelter = fields_for(recipient("shelter", "care"), "accepted", {"consent"})
    committee = Reader(
        kind="committee", relation="oversight", purpose="coordination", is_child=False
    )
    overview = fields_for(committee, "accepted", {"public_interest"})

    procedure = {"proceeding_state", "next_date"}
    assert names(shelter, "case") & procedure == {"next_date"}
    assert names(overview, "case") & procedure == procedure
    assert names(overview, *SECTIONS) == {"cas_Status"}


@pytest.mark.parametrize(
    ("kind", "purpose", "ground", "medical"),
    [
        ("police", "investigation", "consent", {"medico_legal_certificate"}),
        ("police", "investigation", "court_order", {"medico_legal_certificate"}),
        ("police", "investigation", "legal_obligation", set()),
        ("justice", "investigation", "court_order", {"medico_legal_certificate"}),
        ("intl", "return", "consent", {"fit_to_travel", "travel_precautions"}),
        ("intl", "reintegration", "consent", set()),
        ("consular", "return", "consent", set()),
    ],
)
def test_of_the_medical_file_only_the_named_part_is_open(
    kind: str, purpose: str, ground: str, medical: set[str]
) -> None:
    assert names(fields_for(recipient(kind, purpose), "accepted", {ground}), "medical") == medical


def test_a_doctor_learns_of_the_facts_only_what_care_needs() -> None:
    open_now = fields_for(recipient("health", "care"), "accepted", {"consent"})

    assert names(open_now, "exploitation") == {
        "vic_MethodsOfControl", "vic_TypeOfExploitation", "vic_TypeOfSexExploitation",
        "vic_AgeWhenTrafficked", "hte_Date", "exploitation_until", "violence_suffered",
        "substances_given",
    }  # fmt: skip
    assert {"care_needs", "allergies", "pregnancy"} <= names(open_now, "medical")


def test_a_court_sees_the_best_interests_of_a_child_and_nothing_of_a_grown_family() -> None:
    def of_the_family(is_child: bool) -> set[str]:
        reader = recipient("justice", "protection", is_child=is_child)
        return names(fields_for(reader, "accepted", {"court_order"}), "psychosocial")

    assert of_the_family(is_child=True) == {"best_interests_decision", "best_interests_date"}
    assert of_the_family(is_child=False) == set()


def test_no_committee_reads_a_name_whatever_is_put_forward() -> None:
    for kind in ("committee", "committee_local"):
        reader = Reader(kind=kind, relation="oversight", purpose="coordination", is_child=False)
        cut = may_know(reader, "accepted", set(GROUNDS))
        assert "G2" in cut.withheld
        assert {section for section, _ in cut.fields} <= {"case", "notes"}


def test_an_owner_reads_its_own_file_but_the_medical_part_on_a_ground_only() -> None:
    reader = Reader(kind="social", relation="owner", purpose="coordination", is_child=True)

    assert ("identity", "full_name") in fields_for(reader, "accepted", ())
    assert names(fields_for(reader, "accepted", ()), "medical") == set()
    assert ("medical", "care_needs") in fields_for(reader, "accepted", {"vital_interest"})
    assert ("exploitation", "suspect_name") not in fields_for(reader, "accepted", set(GROUNDS))


def test_what_no_table_knows_stays_behind() -> None:
    cut = may_know(recipient("shelter", "care"), "accepted", {"consent"})
    dossier = {
        "identity": {"prs_FirstName": "A", "nickname": "B", "phone": "C"},
        "other": {"Remarques": "D"},
        "safe_place": {},
    }

    assert cut.of(dossier) == {"identity": {"prs_FirstName": "A"}}
    with pytest.raises(DisclosureRefused, match=r"^unknown_field: a field that no table knows$"):
        cut.require([("identity", "prs_FirstName"), ("other", "Remarques")])
    with pytest.raises(DisclosureRefused, match=r"^field_not_allowed: exploitation\.suspect_name$"):
        cut.require([("exploitation", "suspect_name")])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "militia"}, "unknown_reader"),
        ({"relation": "oversight"}, "unknown_reader"),
        ({"purpose": "curiosity"}, "unknown_purpose"),
        ({"from_kind": "militia"}, "unknown_kind"),
        ({"stage": "asked"}, "unknown_stage"),
        ({"grounds": {"consent", "habit"}}, "unknown_ground"),
    ],
)
def test_an_unknown_code_is_refused_and_not_repeated(
    change: dict[str, object], reason: str
) -> None:
    asked: dict[str, object] = {"kind": "shelter", "purpose": "care", "stage": "accepted",
                                "grounds": {"consent"}}  # fmt: skip
    asked |= change
    stage, grounds = asked.pop("stage"), asked.pop("grounds")
    with pytest.raises(DisclosureRefused) as refused:
        may_know(recipient(**asked), stage, grounds)  # type: ignore[arg-type]  # test data

    assert refused.value.reason == reason
    assert not any(word in str(refused.value) for word in ("militia", "curiosity", "habit"))


def test_a_service_without_a_purpose_is_refused() -> None:
    with pytest.raises(DisclosureRefused, match=r"^unknown_service: service$"):
        purpose_of("haircut")

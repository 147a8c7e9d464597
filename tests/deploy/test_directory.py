from collections import Counter
from pathlib import Path

import pytest

from contracts.directory import DirectoryEntry
from contracts.vocabulary import codes
from deploy.directory import DirectoryError, load_directory

ROOT = Path(__file__).parents[2]
MALI = ROOT / "deploy" / "directory" / "mali.yaml"
# Kayes, Kita, Bamako, Gao, Mopti, Sikasso, Ségou.
DEMO_REGIONS = ("01", "12", "00", "07", "05", "03", "04")
GOOD = """
organisations:
  - {code: CSREF_KITA, kind: health, units: [{cercle: "1201"}], zones: ["12"], channel: nats,
     name_fr: "Centre", name_en: "Centre", services: [{service: health, age_min: 5, age_max: 17}]}
"""


@pytest.fixture(scope="module")
def mali() -> tuple[DirectoryEntry, ...]:
    return load_directory(MALI)


def candidates(mali: tuple[DirectoryEntry, ...], service: str, region: str) -> list[str]:
    return [
        entry.code
        for entry in mali
        if region in entry.served_regions or entry.zones == ("*",)
        for offer in entry.services
        if offer.service == service
    ]


def load(folder: Path, text: str) -> tuple[DirectoryEntry, ...]:
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return load_directory(path)


def test_the_directory_of_mali_is_wide_enough(mali: tuple[DirectoryEntry, ...]) -> None:
    assert len(mali) >= 28
    assert len({entry.region for entry in mali}) >= 10
    kinds = Counter(entry.kind for entry in mali)
    assert all(kinds[kind] >= 2 for kind in ("police", "gendarmerie", "justice", "social"))
    assert all(kinds[kind] >= 2 for kind in ("health", "shelter", "ngo_rights"))
    assert all(kinds[kind] >= 1 for kind in ("committee", "intl", "consular"))


@pytest.mark.parametrize("region", DEMO_REGIONS)
def test_every_service_is_in_reach_of_every_demo_region(
    mali: tuple[DirectoryEntry, ...], region: str
) -> None:
    assert [s for s in codes("service") if not candidates(mali, s, region)] == []


@pytest.mark.parametrize("service", ["shelter", "health", "legal_aid", "child_protection"])
@pytest.mark.parametrize("region", ["01", "12", "00"])
def test_there_is_a_next_in_rank(
    mali: tuple[DirectoryEntry, ...], region: str, service: str
) -> None:
    assert len(candidates(mali, service, region)) >= 2


def test_some_shelters_take_women_or_children_only(mali: tuple[DirectoryEntry, ...]) -> None:
    beds = {e.code: o for e in mali for o in e.services if o.service == "shelter"}
    assert beds["SHELTER_BENKADI_KAYES"].sexes == ("female",)
    assert beds["SHELTER_DENKO_BKO"].age_max == 17
    assert all(offer.places for offer in beds.values())


def test_whoever_is_asked_for_something_can_be_asked_by_kind(
    mali: tuple[DirectoryEntry, ...],
) -> None:
    for entry in mali:
        is_asked = entry.kind not in ("committee", "committee_local")
        assert bool(entry.services) == is_asked, entry.code


def test_an_entry_is_read_with_its_limits(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, GOOD)
    assert entry.services[0].age_min == 5
    assert entry.services[0].age_max == 17
    assert entry.services[0].sexes == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kind: health", "kind: hopital", "CSREF_KITA: kind: Not a code of the list"),
        ("code: CSREF_KITA", "code: csref-kita", "csref-kita: code: "),
        ("code: CSREF_KITA, ", "", "organisation 1: code: Field required"),
        ('cercle: "1201"', "cercle: 1201", "CSREF_KITA: units.0.cercle: Input should be a valid"),
        ('cercle: "1201"', 'cercle: "1299"', "CSREF_KITA: units.0.cercle: Not a code of the list"),
        ('cercle: "1201"', 'cercle: "0101"', "CSREF_KITA: units must lie in the zones"),
        ('[{cercle: "1201"}]', "[]", "CSREF_KITA: units: "),
        ('"1201"}', '"1201"}, {cercle: "1201"}', "CSREF_KITA: units must name each once"),
        (
            '"1201"',
            '"1201", contacts: [{post: Garde}]',
            "CSREF_KITA: units.0.contacts.0: must have",
        ),
        (
            '"1201"',
            '"1201", contacts: [{post: Garde, phone: 20 21 22 23}]',
            "CSREF_KITA: units.0.contacts.0.phone: ",
        ),
        ('zones: ["12"]', 'zones: ["12", "1201"]', "CSREF_KITA: zones must not name a region and"),
        ('zones: ["12"]', 'zones: ["12", "*"]', "CSREF_KITA: zones must be"),
        ('zones: ["12"]', 'zones: ["12", "77"]', "CSREF_KITA: zones must be"),
        ("service: health", "service: massage", "CSREF_KITA: services.0.service: Not a code"),
        ("age_min: 5", "age_min: 18", "CSREF_KITA: services.0: age_min must not be above"),
        ("age_min: 5", "age_min: old", "CSREF_KITA: services.0.age_min: "),
        ("channel: nats", "channel: nats, phone: 1", "CSREF_KITA: phone: Extra inputs"),
        ("channel: nats", "channel: nats, version: now", "CSREF_KITA: Input should be a valid int"),
        ("channel: nats", "channel: nats, state: closed", "CSREF_KITA: state: Not a code of the"),
        ("s: [{s", "s: [{service: health}, {s", "CSREF_KITA: services must name each once"),
    ],
)
def test_a_bad_entry_is_refused_by_name(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in GOOD
    with pytest.raises(DirectoryError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(words)


def test_every_fault_of_a_file_is_named(tmp_path: Path) -> None:
    second = GOOD.replace("organisations:", "").replace("CSREF_KITA", "OTHER")
    spoilt = (GOOD + second).replace("kind: health", "kind: hopital")
    with pytest.raises(DirectoryError) as caught:
        load(tmp_path, spoilt)
    named = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert named == ["CSREF_KITA", "OTHER"]


def test_a_code_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match="CSREF_KITA: code is used 2 times"):
        load(tmp_path, GOOD + GOOD.replace("organisations:", ""))


@pytest.mark.parametrize("text", ["", "[]", "organisations: {}", "organisations: [", "a: b"])
def test_a_file_without_organisations_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DirectoryError, match=r"some\.yaml"):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DirectoryError, match=r"none\.yaml"):
        load_directory(tmp_path / "none.yaml")

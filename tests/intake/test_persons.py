"""A dossier's identity section tells the facts a person is found by, in our form and in HTCDS."""

import pytest

from services.intake.domain.fingerprints import Person, agreement, fingerprints
from services.intake.domain.persons import person_of, split_name

pytestmark = pytest.mark.share("sealed")

KEY = bytes(32)


@pytest.mark.parametrize(
    ("written", "given", "family"),
    [
        ("Fatoumata Traoré", "Fatoumata", "Traoré"),
        ("TRAORÉ Fatoumata Binta", "Fatoumata Binta", "TRAORÉ"),
        ("Fatoumata Binta TRAORÉ", "Fatoumata Binta", "TRAORÉ"),
        ("FATOUMATA TRAORÉ", "FATOUMATA", "TRAORÉ"),
        ("Mohamed Ag Alhassane", "Mohamed", "Ag Alhassane"),
        ("Zeinabou walet Sidi Mohamed", "Zeinabou", "walet Sidi Mohamed"),
        ("Fatoumata", "Fatoumata", ""),
        ("", "", ""),
    ],
)
def test_a_full_name_is_split_as_it_is_written_in_mali(
    written: str, given: str, family: str
) -> None:
    assert split_name(written) == (given, family)


def test_our_form_and_an_imported_row_tell_of_the_same_person() -> None:
    form = person_of(
        {
            "full_name": "Fatoumata Kulubali",
            "birth_date": "2010-03-01",
            "mother_first_name": "Sira",
        },
        sex="female",
    )
    row = person_of(
        {"prs_FirstName": "Fatumata", "prs_SecondName": "COULIBALY", "prs_Birthdate": "2010-12-31"},
        sex="female",
    )
    found = agreement(fingerprints(form, key=KEY), fingerprints(row, key=KEY))
    assert found is not None
    assert found.kind == "without_mother"


def test_a_full_name_said_the_other_way_round_is_found_too() -> None:
    said = [person_of({"full_name": name, "birth_date": "vers 1995"}, sex="male")
            for name in ("Moussa Diarra", "Jara Musa")]  # fmt: skip
    one, other = (fingerprints(person, key=KEY) for person in said)
    found = agreement(one, other)
    assert found is not None
    assert found.kind == "any_order"


@pytest.mark.parametrize(
    ("day", "year"), [("2010-03-01", 2010), ("vers 1995", 1995), ("", None), ("119955", None)]
)
def test_the_year_is_read_wherever_it_stands(day: str, year: int | None) -> None:
    assert person_of({"birth_date": day}, sex="male").birth_year == year


def test_an_empty_dossier_tells_of_nobody() -> None:
    nobody = person_of({}, sex="unknown")
    assert isinstance(nobody, Person)
    assert fingerprints(nobody, key=KEY) == frozenset()

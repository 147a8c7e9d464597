"""That stolen fingerprints would be guessed, were it not for the key: the same, under a public one."""

from pathlib import Path
from secrets import token_bytes

import pytest
from sqlalchemy import text

from contracts.intake import CodedCase
from services.intake.domain.fingerprints import Person, fingerprints
from services.intake.use_cases.registering import Keeping, Submitted, register_cases
from tests.builders import a_mint, coded_facts
from tests.intake.pairs import GIRL
from tests.intake.vaults import a_vault, work_engine
from tests.servers import Database

pytestmark = pytest.mark.share("sealed")
#: What stands in this very file is known to whoever steals the tables.
PUBLISHED = bytes(32)
GIVEN = ("Aminata", "Fatoumata Binta", "Mariam", "Oumou")
FAMILY = ("Coulibaly", "Diarra", "Keita", "Traore")
MOTHERS = ("Djeneba", "Kadiatou", "Sitan")


def guesses() -> list[Person]:
    """Every girl that these names, and twelve years, can be."""
    return [
        Person(
            given_name=given,
            family_name=family,
            birth_year=year,
            sex="female",
            mother_name=mother,
        )
        for given in GIVEN
        for family in FAMILY
        for mother in MOTHERS
        for year in range(2004, 2016)
    ]


@pytest.mark.parametrize(
    ("key", "is_found"), [(PUBLISHED, True), (token_bytes(32), False)], ids=["published", "secret"]
)
async def test_who_has_the_tables_guesses_a_person_unless_the_key_is_secret(
    fresh_database: Database, tmp_path: Path, *, key: bytes, is_found: bool
) -> None:
    keeping = Keeping(a_vault(tmp_path), key)
    submitted = Submitted(
        organisation="POLICE_A",
        key="case-0001",
        digest=b"d",
        facts=CodedCase.model_validate(coded_facts()),
        dossier={"identity": GIRL},
        trace=None,
    )
    url = fresh_database.url("intake_work")
    async with work_engine(url) as engine, engine.begin() as connection:
        await register_cases(connection, [submitted], mint=a_mint(), keeping=keeping)
        found = await connection.execute(text("select tokens from new_fingerprints"))
        stolen = {bytes(token) for row in found for token in row.tokens}

    tried = {one.packed for person in guesses() for one in fingerprints(person, key=PUBLISHED)}
    assert stolen
    assert bool(stolen & tried) == is_found

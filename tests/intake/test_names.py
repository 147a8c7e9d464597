"""Spellings of one name have one key; other names have another."""

import ast
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake import domain
from services.intake.domain.names import WORDS, phonetic_key, word_keys
from services.intake.domain.spellings import ONE_FOR_ALL, PARTICLES, SAME, SOUNDS
from tests.intake.population import FAMILIES, MEN, WOMEN, respelt

pytestmark = pytest.mark.share("sealed")

ALIKE = """
    Traoré Traore Trawore Traworé Tarawele Tarawali Taraoré TRAORÉ
    Coulibaly Kulubali Koulibali Coulibali Koulibaly Kouloubaly
    Diallo Jallo Jalloh Jallow Djallo Jalo
    Keïta Keita Keyta Keyita
    Touré Toure Ture Touray
    Cissé Sise Cisse Sissé Ceesay
    Diarra Jara Djarra Dyarra
    Diakité Jakite Djakité
    Dembélé Denbele Dɛnbɛlɛ
    Sangaré Sangare Saŋare
    Sissoko Cissokho Sisoko Sissokho
    Kanouté Kanute Kanoute
    Camara Kamara
    Doumbia Dunbiya Doumbya Dumbia
    Bagayoko Bagayogo Bagaïoko
    Ouattara Watara Wattara
    Ouédraogo Wedraogo Ouedraogo
    Maïga Mayga Maiga
    Haïdara Haydara Aïdara
    Sidibé Sidibe Sidibeh
    Konaté Konate Conaté
    Koné Kone Conneh
    Niaré Gnaré Nyare Ɲare
    Souaré Suware
    Sawadogo Savadogo
    Guindo Gindo
    Ndiaye N'Diaye N’Diaye Njaye
    Tiémoko Thiémoko Tchémoko
    Ɓa Ba Bah
    Ɗicko Dicko Diko
    Fatoumata Fatumata Fatoumatta
    Aminata Amineta Aminatta
    Mohamed Mohammed Mouhamed Muhammad
    Kadidia Khadidja Kadija Xadija
    Djeneba Jeneba Diénéba
    Mariam Maryam Mariame
    Abdoulaye Abdulay Abdoulai
    Souleymane Suleiman Souleyman
    Ousmane Usman
    Cheick Cheikh Sheikh
    Daouda Dawda
    Haoua Hawa Awa
    Maïmouna Maymuuna
    Seydou Seïdou Seydu
"""
OTHERS = """
    Fatoumata Fanta
    Fatoumata Fatou
    Mohamed Mamadou
    Mamadou Amadou
    Amadou Hamadoun
    Aïssata Assetou
    Aïssata Aïssatou
    Aminata Assanata
    Konaté Kanouté
    Konaté Koné
    Kanté Konaté
    Diarra Diallo
    Diarra Diawara
    Diallo Dia
    Traoré Touré
    Sidibé Sissoko
    Sangaré Samaké
    Cissé Sissoko
    Dembélé Doumbia
    Keïta Koïta
    Moussa Issa
    Oumar Oumou
    Mariam Mariétou
    Seydou Sékou
"""


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


@pytest.mark.parametrize("names", rows(ALIKE), ids=lambda r: r[0])
def test_spellings_of_one_name_have_one_key(names: list[str]) -> None:
    assert len({phonetic_key(name) for name in names}) == 1


@pytest.mark.parametrize("names", rows(OTHERS), ids="-".join)
def test_other_names_have_other_keys(names: list[str]) -> None:
    assert len({phonetic_key(name) for name in names}) == len(names)


def test_no_two_of_the_commonest_names_fall_together() -> None:
    for names in (FAMILIES, WOMEN, MEN):
        heard: dict[str, list[str]] = {}
        for name in names:
            heard.setdefault(phonetic_key(name), []).append(name)
        together = [same for same in heard.values() if len(same) > 1]
        assert together in ([], [["Sissoko", "Cissokho"]], [["Awa", "Hawa"]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ag Mohamed", "Mohamed"),
        ("Walet Ibrahim", "Ag Ibrahim"),
        ("Oualet Ibrahim", "ag Ibrahim"),
        ("Ould Sidi", "Wuld Sidi"),
        ("Mint Ahmed", "Ahmed"),
        ("El Hadj Oumar", "Elhadji Omar"),
        ("Mme Traoré", "Traoré"),
        ("Fatoumata dite Batoma", "Fatoumata Batoma"),
    ],
)
def test_particles_and_titles_do_not_count(one: str, other: str) -> None:
    assert phonetic_key(one) == phonetic_key(other)


def test_a_particle_that_is_the_whole_name_stays() -> None:
    assert phonetic_key("Hadja") != ""


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "?", "X", "x.", "Xxx", "n/a", "12", "Inconnu", "INCONNUE", "nom inconnu",
     "sans nom", "Unknown", "Indéterminé", "Néant"],
)  # fmt: skip
def test_what_stands_for_no_name_has_no_key(text: str) -> None:
    assert word_keys(text) == ()


def test_each_half_of_a_double_name_has_its_own_key() -> None:
    assert word_keys("Fatoumata-Binta") == tuple(
        sorted((phonetic_key("Binta"), phonetic_key("Fatoumata")))
    )


def test_a_name_in_a_script_without_rules_is_equal_to_itself_alone() -> None:
    assert phonetic_key("محمد") == phonetic_key(" محمد ") != ""
    assert phonetic_key("محمد") != phonetic_key("ⵎⵓⵙⴰ") != ""


def test_a_long_text_makes_few_words() -> None:
    assert len(word_keys(" ".join(a + b for a in "bdfgk" for b in ("ala", "olo", "ulu")))) == WORDS


NAMES = st.lists(
    st.sampled_from([*FAMILIES, *WOMEN, *MEN]) | st.text("abcdehiklmnoruwyéïŋɛɔ", max_size=12),
    max_size=3,
).map(" ".join)


@given(NAMES, st.integers(0, 10_000))
def test_accents_case_hyphens_spaces_and_order_do_not_count(name: str, seed: int) -> None:
    draw = random.Random(seed)
    words = name.split()
    draw.shuffle(words)
    other = draw.choice(("-", "  ", " - ", "\u00a0")).join(words)
    other = draw.choice((str.upper, str.title, str.lower))(other)
    marks = unicodedata.normalize(draw.choice(("NFC", "NFD")), other)
    bare = "".join(c for c in unicodedata.normalize("NFD", other) if not unicodedata.combining(c))
    assert word_keys(name) == word_keys(marks) == word_keys(bare)


@given(st.text(max_size=60))
def test_any_text_has_a_key_without_spaces_at_its_ends(text: str) -> None:
    assert phonetic_key(text).strip() == phonetic_key(text)


@given(st.sampled_from([*FAMILIES, *WOMEN, *MEN]), st.integers(0, 10_000))
def test_the_hand_of_another_clerk_changes_no_key(name: str, seed: int) -> None:
    assert phonetic_key(respelt(name, random.Random(seed))) == phonetic_key(name)


def test_every_rule_is_used_and_says_why() -> None:
    assert all(rule.reason for rule in SOUNDS)
    assert len({rule.written.pattern for rule in SOUNDS}) == len(SOUNDS)


def test_names_that_are_the_same_stand_in_the_table_as_they_are_heard() -> None:
    assert len(ONE_FOR_ALL) == sum(map(len, SAME.values()))
    assert not set(SAME) & set(ONE_FOR_ALL)
    for heard in (*SAME, *ONE_FOR_ALL):
        assert phonetic_key(heard) == ONE_FOR_ALL.get(heard, heard)
    assert all(word == word.lower() for word in PARTICLES)


@pytest.mark.parametrize("module", ["names", "spellings", "fingerprints"])
def test_the_rules_need_the_standard_library_and_nothing_that_logs_or_reads(module: str) -> None:
    assert domain.__file__ is not None
    tree = ast.parse(Path(domain.__file__).with_name(f"{module}.py").read_text())
    imported = {
        alias.name if isinstance(node, ast.Import) else str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    allowed = {"collections.abc", "dataclasses", "hmac", "itertools", "re", "typing", "unicodedata"}
    assert {name for name in imported if not name.startswith("services.intake.domain.")} <= allowed

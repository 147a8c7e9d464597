"""A seeded population of made-up persons with the names of Mali, and second entries of some.

The weights are our estimate, not a census: a few names are many people's, which is what makes
finding the same person hard. The misspellings come from the same hand as the rules: recall here flatters.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from services.intake.domain.fingerprints import Person

FAMILIES = {
    "Traoré": 100, "Coulibaly": 85, "Diarra": 75, "Diallo": 62, "Keïta": 55, "Konaté": 35,
    "Koné": 35, "Touré": 35, "Sidibé": 32, "Dembélé": 32, "Diakité": 30, "Maïga": 30,
    "Sangaré": 26, "Cissé": 26, "Camara": 25, "Doumbia": 22, "Sissoko": 20, "Samaké": 15,
    "Ouattara": 12, "Bagayoko": 12, "Sanogo": 12, "Haïdara": 12, "Dicko": 12, "Kanté": 11,
    "Kanouté": 10, "Fofana": 10, "Tangara": 10, "Sacko": 9, "Berthé": 9, "Guindo": 9, "Togo": 8,
    "Goïta": 8, "Barry": 8, "Sow": 7, "Kouyaté": 7, "Diabaté": 7, "Niaré": 5, "Tounkara": 5,
    "Ouédraogo": 5, "Ag Mohamed": 5, "Ag Alhassane": 4, "Dabo": 4, "Ndiaye": 4, "Sylla": 4,
    "Ba": 4, "Soumaré": 4, "Magassa": 4, "Diawara": 4, "Tamboura": 3, "Cissokho": 3,
}  # fmt: skip
WOMEN = {
    "Fatoumata": 90, "Aminata": 62, "Mariam": 60, "Aïssata": 45, "Oumou": 38, "Kadiatou": 36,
    "Awa": 34, "Djeneba": 30, "Hawa": 26, "Rokia": 24, "Assetou": 22, "Bintou": 22, "Sira": 18,
    "Ramata": 16, "Safiatou": 14, "Maïmouna": 14, "Salimata": 14, "Kadidia": 14, "Fanta": 14,
    "Coumba": 12, "Nana": 10, "Tenin": 10, "Korotoumou": 10, "Aïchata": 10, "Niélé": 6,
    "Fatoumata Binta": 5, "Oumou Kalsoum": 4, "Mariam Bintou": 3, "Fily": 3, "Nana Kadidia": 3,
}  # fmt: skip
MEN = {
    "Mamadou": 85, "Moussa": 60, "Amadou": 50, "Oumar": 42, "Ibrahim": 40, "Abdoulaye": 38,
    "Boubacar": 34, "Seydou": 32, "Adama": 32, "Modibo": 28, "Bakary": 26, "Drissa": 26,
    "Souleymane": 24, "Issa": 22, "Mohamed": 22, "Yacouba": 20, "Lassana": 18, "Cheick": 16,
    "Sékou": 16, "Alassane": 14, "Daouda": 12, "Soumaïla": 12, "Ousmane": 12, "Tiémoko": 10,
    "Salif": 10, "Fousseyni": 8, "Bréhima": 8, "Mahamane": 8, "Mohamed Lamine": 6,
    "Cheick Oumar": 6, "Alhousseyni": 5,
}  # fmt: skip
# (as the registers write, as others write), tried in this order on a lower-case name.
WRITTEN_OTHERWISE = (
    ("tra", "tara"), ("ouo", "wo"), ("oua", "wa"), ("oué", "we"), ("coul", "kul"), ("dia", "ja"),
    ("dié", "je"), ("dj", "j"), ("ou", "u"), ("ss", "s"), ("ll", "l"), ("tt", "t"), ("rr", "r"),
    ("mb", "nb"), ("ca", "ka"), ("co", "ko"), ("ck", "k"), ("ci", "si"), ("aï", "ay"),
    ("ï", "i"), ("é", "e"), ("bia", "biya"), ("ly", "li"), ("ey", "ei"), ("ogo", "oko"), ("oko", "ogo"), ("ch", "sh"),
    ("hi", "i"), ("aye", "ay"), ("mane", "man"), ("haï", "aï"), ("thé", "té"), ("lh", "l"),
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Habits:
    """How often the second entry differs, each by itself."""

    respelt: float = 0.5
    typo: float = 0.04
    mother_unknown: float = 0.15
    year_off: float = 0.15
    year_unknown: float = 0.05
    swapped: float = 0.04
    halved: float = 0.3


def people(count: int, *, seed: int) -> Iterator[Person]:
    """Persons with all parts known; ages as victims' are, most of them young."""
    draw = random.Random(seed)
    for _ in range(count):
        sex = draw.choice(("female", "female", "male"))
        yield Person(
            given_name=_pick(draw, WOMEN if sex == "female" else MEN),
            family_name=_pick(draw, FAMILIES),
            birth_year=2026 - int(draw.triangular(2, 70, 16)),
            sex=sex,
            mother_name=_pick(draw, WOMEN),
        )


def second_entries(
    persons: Sequence[Person], count: int, *, seed: int, habits: Habits | None = None
) -> list[tuple[int, Person]]:
    """(index, the same person as somebody else wrote it down) of `count` persons."""
    draw = random.Random(seed)
    chosen = draw.sample(range(len(persons)), count)
    return [(n, _again(persons[n], draw, habits or Habits())) for n in chosen]


def _again(person: Person, draw: random.Random, habits: Habits) -> Person:
    given = _rewritten(person.given_name or "", draw, habits)
    family = _rewritten(person.family_name or "", draw, habits)
    mother = _rewritten(person.mother_name or "", draw, habits)
    if draw.random() < habits.swapped:
        given, family = family, given
    off = draw.choice((-1, 1)) if draw.random() < habits.year_off else 0
    is_year_known = draw.random() >= habits.year_unknown
    return replace(
        person,
        given_name=given,
        family_name=family,
        birth_year=(person.birth_year or 0) + off if is_year_known else None,
        mother_name=None if draw.random() < habits.mother_unknown else mother,
    )


def _rewritten(name: str, draw: random.Random, habits: Habits) -> str:
    if " " in name and not name.startswith("Ag ") and draw.random() < habits.halved:
        name = name.split()[0]
    if draw.random() < habits.respelt:
        name = respelt(name, draw)
    return _mistyped(name, draw) if draw.random() < habits.typo else name


def respelt(name: str, draw: random.Random) -> str:
    """Up to three of the ways in which another hand writes it."""
    name = name.lower()
    fitting = [change for change in WRITTEN_OTHERWISE if change[0] in name]
    for written, otherwise in draw.sample(fitting, min(len(fitting), 3)):
        name = name.replace(written, otherwise, 1)
    return name.title()


def _mistyped(name: str, draw: random.Random) -> str:
    at = draw.randrange(1, len(name) - 1) if len(name) > 2 else 0
    match draw.choice(("drop", "swap", "other")):
        case "drop":
            return name[:at] + name[at + 1 :]
        case "swap":
            return name[:at] + name[at + 1 : at + 2] + name[at] + name[at + 2 :]
        case _:
            return name[:at] + draw.choice(LETTERS) + name[at + 1 :]


def _pick(draw: random.Random, weights: dict[str, int]) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]

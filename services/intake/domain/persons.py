"""Reads from a dossier's identity section the five facts by which a person is found again."""

import re
from collections.abc import Mapping

from services.intake.domain.fingerprints import Person

# Between one's own name and the father's, Tamasheq, Maure and Arabic: what follows is the family's.
_FILIATION = frozenset(
    {"ag", "ben", "bin", "bint", "ibn", "mint", "oualet", "ould", "walet", "wuld"}
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def person_of(identity: Mapping[str, str], *, sex: str) -> Person:
    """The person of our own form or of an HTCDS row (`prs_`); sex: the code of the case's facts."""
    given, family = split_name(identity.get("full_name", ""))
    first = f"{identity.get('prs_FirstName', '')} {identity.get('prs_MiddleName', '')}".strip()
    return Person(
        given_name=first or given,
        family_name=identity.get("prs_SecondName") or family,
        birth_year=_year(identity.get("birth_date") or identity.get("prs_Birthdate") or ""),
        sex=sex,
        mother_name=identity.get("mother_first_name"),
    )


def split_name(full_name: str) -> tuple[str, str]:
    """(given, family); a family name stands in capitals, after a filiation, or last.

    One word is a given name. Where this guesses wrong, names in any order still agree.
    """
    words = full_name.split()
    capitals = [word for word in words if word.isupper() and len(word) > 1]
    if 0 < len(capitals) < len(words):
        return " ".join(word for word in words if word not in capitals), " ".join(capitals)
    at = next((n for n, word in enumerate(words) if n and word.casefold() in _FILIATION), -1)
    at = at if at > 0 else max(len(words) - 1, 1)
    return " ".join(words[:at]), " ".join(words[at:])


def _year(day: str) -> int | None:
    found = _YEAR.search(day)
    return int(found[0]) if found else None

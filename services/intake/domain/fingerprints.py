"""Finds the same person in two cases by blind tokens, so that no name is compared or shown.

Each token is an HMAC over at least three facts: over one alone, how often it occurs would tell the
name. What is not known makes fewer tokens, never one that many share. Tokens are pseudonyms, not
anonymous: whoever holds the key can try names, so it is kept where the dossiers' keys are.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Self

from services.intake.domain.names import word_keys
from services.intake.domain.spellings import RULES

KEY_BYTES = 32
PACKED_BYTES = 15
SEXES = frozenset({"female", "male"})
FIRST_YEAR = 1901  # 1900 is what registers hold when nobody knew

# What must agree, from the surest to the least sure: all five; four, with the fifth nearly so or not
# known; names in the wrong fields, or a double name of which one half is said. The mother's name is
# often told by somebody else, so it may also differ.
KINDS: Mapping[str, tuple[str, ...]] = {
    "exact": ("given_name", "family_name", "birth_year", "sex", "mother_name"),
    "near_year": ("given_name", "family_name", "birth_year_near", "sex", "mother_name"),
    "given_misspelt": ("given_start", "family_name", "birth_year", "sex", "mother_name"),
    "family_misspelt": ("given_name", "family_start", "birth_year", "sex", "mother_name"),
    "without_sex": ("given_name", "family_name", "birth_year", "mother_name"),
    "without_year": ("given_name", "family_name", "sex", "mother_name"),
    "one_word": ("given_word", "family_word", "birth_year_near", "sex", "mother_word"),
    "without_family": ("given_name", "birth_year", "sex", "mother_name"),
    "without_given": ("family_name", "birth_year", "sex", "mother_name"),
    "without_mother": ("given_name", "family_name", "birth_year", "sex"),
    "any_order_near_year": ("names_any_order", "birth_year_near", "sex", "mother_name"),
    "any_order": ("names_any_order", "birth_year", "sex"),
}
# What is stored says the kind by its place here: a new one comes last, or is a new `RULES`.
_KINDS = tuple(KINDS)
_PLACES = {kind: place for place, kind in enumerate(_KINDS)}
# Counted only where one of the two does not know the part: both known and different is a no. Whoever
# has all five has "exact".
_FOR_GAPS = frozenset({"without_sex", "without_year", "without_given", "without_family"})
# A looser agreement goes without saying beside the stricter one.
_SAID_BY = {
    "birth_year_near": ("birth_year",),
    "given_start": ("given_name",),
    "family_start": ("family_name",),
    "given_word": ("given_name",),
    "family_word": ("family_name",),
    "mother_word": ("mother_name",),
    "names_any_order": ("given_name", "family_name"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the dossier says of a person; None or "" is not known. Its repr shows nothing."""

    given_name: str | None = field(default=None, repr=False)
    family_name: str | None = field(default=None, repr=False)
    birth_year: int | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    mother_name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One blind token, 32 bytes, of one kind of `KINDS`."""

    kind: str
    token: bytes

    @property
    def packed(self) -> bytes:
        """As it is stored: the kind's place in `KINDS`, and half of the token, which is enough."""
        return bytes((_PLACES[self.kind],)) + self.token[:PACKED_BYTES]

    @classmethod
    def unpacked(cls, packed: bytes) -> Self:
        """Equal to others that were stored, never to one fresh from a person."""
        return cls(_KINDS[packed[0]], packed[1:])


@dataclass(frozen=True, slots=True)
class Agreement:
    """How sure a candidate is: the surest kind that both have, and all that agrees, in codes."""

    kind: str
    agreed: tuple[str, ...]


def fingerprints(person: Person, *, key: bytes) -> frozenset[Fingerprint]:
    """The tokens of a person under a key of 32 bytes. Raises ValueError for another length."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"key: {KEY_BYTES} bytes")
    known = _known(person)
    return frozenset(
        Fingerprint(kind, _token(key, kind, values))
        for kind, parts in KINDS.items()
        for values in product(*(known[part] for part in parts))
    )


def agreement(one: frozenset[Fingerprint], other: frozenset[Fingerprint]) -> Agreement | None:
    """What two persons have in common; None when they are no candidates for one another."""
    shared = {fingerprint.kind for fingerprint in one & other}
    if _is_whole(one) and _is_whole(other) and "exact" not in shared:
        shared -= _FOR_GAPS
    if not shared:
        return None
    parts = dict.fromkeys(part for kind in KINDS if kind in shared for part in KINDS[kind])
    agreed = tuple(part for part in parts if not _is_said(part, parts))
    return Agreement(next(kind for kind in KINDS if kind in shared), agreed)


def _is_whole(prints: frozenset[Fingerprint]) -> bool:
    return any(fingerprint.kind == "exact" for fingerprint in prints)


def _is_said(part: str, parts: Mapping[str, None]) -> bool:
    said_by = _SAID_BY.get(part)
    return said_by is not None and all(stricter in parts for stricter in said_by)


def _known(person: Person) -> dict[str, tuple[str, ...]]:
    """The values that each part may agree by; an unknown part has none, and so no token."""
    given, family = word_keys(person.given_name or ""), word_keys(person.family_name or "")
    mother = word_keys(person.mother_name or "")
    return {
        "given_name": _joined(given),
        "family_name": _joined(family),
        "mother_name": _joined(mother),
        "given_start": _starts(given),
        "family_start": _starts(family),
        "given_word": given,
        "family_word": family,
        "mother_word": mother,
        "names_any_order": _joined(tuple(sorted((*given, *family))) if given and family else ()),
        "sex": (person.sex,) if person.sex in SEXES else (),
        **_years(person.birth_year),
    }


def _joined(words: tuple[str, ...]) -> tuple[str, ...]:
    return (" ".join(words),) if words else ()


def _starts(words: tuple[str, ...]) -> tuple[str, ...]:
    """The first sounds: most slips of the hand leave them."""
    return tuple(sorted({word[0] for word in words}))


def _years(year: int | None) -> dict[str, tuple[str, ...]]:
    """Two pairs of years each: persons share one if at most a year lies between them."""
    if year is None or year < FIRST_YEAR:
        return {"birth_year": (), "birth_year_near": ()}
    return {"birth_year": (f"{year}",), "birth_year_near": (f"{year - 1}+", f"{year}+")}


def _token(key: bytes, kind: str, values: tuple[str, ...]) -> bytes:
    """Names hold letters and spaces only, so the separator can be in none of them."""
    said = "\x1f".join((f"siraba.duplicates.{RULES}", kind, *values))
    return hmac.digest(key, said.encode(), "sha256")

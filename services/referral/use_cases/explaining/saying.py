"""Saying a reason: its code and data as a sentence in French or English."""

import gettext
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date

from chassis.web.pages import format_duration, load_translations
from contracts.vocabulary import label
from services.referral.use_cases.explaining.words import AGES, FRAME

LOCALE: Final = Path(__file__).parent / "locale"
#: From which list of the vocabulary the codes of a datum are.
_LISTS: Final = {
    "state": "referral_state",
    "sexes": "sex",
    "citizenship": "country",
    "exploitation": "exploitation",
    "kind": "organisation_kind",
    "urgency": "urgency",
    "languages": "language",
    "cercle": "cercle",
    "region": "region",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A reason as code, data and sentence."""

    code: str
    data: Mapping[str, Any]
    text: str


def framed(name: str, language: str, **data: object) -> str:
    """A heading or the like of an explanation."""
    sentence = FRAME[name]
    return _words(language).gettext(sentence) % data


def say(table: Mapping[str, str], reason: Sequence[Any], language: str) -> Said:
    """A reason, [code, data], by the sentences of a table."""
    code, data = reason
    text = _words(language).gettext(table[code]) % _shown(data, language)
    return Said(code=code, data=data, text=text)


def _shown(data: Mapping[str, Any], language: str) -> dict[str, str]:
    """Each datum as people read it."""
    shown = {name: _datum(name, value, language) for name, value in data.items()}
    if "holiday" in data:
        day = date.fromisoformat(data["holiday"])
        shown["holiday"] = format_date(day, "long", locale=language)
    if "minutes" in data:
        shown["age"] = format_duration(timedelta(minutes=data["minutes"]), language)
    if "age_min" in data:
        shown["ages"] = _ages(data, language)
    shown["place"] = shown.get("cercle") or shown.get("region", "")
    return shown


def _datum(name: str, value: Any, language: str) -> str:
    said = value if isinstance(value, list) else [value]
    if name in _LISTS:
        said = [label(_LISTS[name], code, language) for code in said]
    return ", ".join(str(one) for one in said)


def _ages(data: Mapping[str, Any], language: str) -> str:
    lowest, highest = data["age_min"], data["age_max"]
    form = "between" if None not in (lowest, highest) else "from" if highest is None else "up_to"
    return _words(language).gettext(AGES[form]) % data


@cache
def _words(language: str) -> gettext.NullTranslations:
    return load_translations(language, [LOCALE])

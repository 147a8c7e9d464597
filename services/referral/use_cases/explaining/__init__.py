"""Explaining a choice of routing: each reason as a sentence, with the data behind it."""

import gettext
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from chassis.web.pages import format_duration, load_translations
from contracts.vocabulary import label
from services.referral.store.routings import Routing
from services.referral.use_cases.explaining.words import (
    AGES,
    DECIDED,
    EXCLUDED,
    FRAME,
    RANKED,
    WHY,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An organisation that could be asked, by its nearest unit, and how it was judged."""

    organisation: str
    kind: str
    unit: str
    reasons: tuple[Said, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Organisations that were left out for one reason."""

    reason: Said
    organisations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A choice in words. ranked: the first is who was asked, if somebody was; more: who comes after."""

    heading: str
    decided: str
    why: Said
    decided_by: Said | None
    ranked: tuple[Place, ...]
    more: tuple[str, ...]
    excluded: tuple[Group, ...]
    others: int
    language: str

    def lines(self) -> Iterator[str]:
        """The whole of it, to be printed or read out."""
        yield self.heading
        yield self.decided
        yield f"  {self.why.text}"
        for nth, place in enumerate(self.ranked):
            if nth == 0 and self.decided_by:
                yield f"  {self.decided_by.text}"
            yield f"  {nth + 1}. {place.organisation} ({place.unit})"
            yield from (f"     {reason.text}" for reason in place.reasons)
        if self.more:
            yield f"  {', '.join(self.more)}"
        if self.excluded:
            yield _framed("excluded", self.language)
        for group in self.excluded:
            yield f"  {group.reason.text}"
            yield f"     {', '.join(group.organisations)}"
        yield _framed("others", self.language, others=self.others)


def explain(one: Routing, language: str) -> Explanation:
    """A stored choice in French (`fr`) or English (`en`)."""
    weighed, by = one.weighed, one.weighed["decided_by"]
    heading = _framed(
        "nobody" if one.organisation is None else "asked",
        language,
        service=label("service", one.service, language),
        urgency=label("urgency", one.urgency, language),
        organisation=one.organisation,
    )
    moment = "" if one.decided_at is None else f"{one.decided_at:%Y-%m-%d %H:%M}"
    return Explanation(
        heading=heading,
        decided=_framed("decided_at", language, moment=moment, rules=weighed["rules"]),
        why=_said(WHY, [weighed["why"], {}], language),
        decided_by=None if by is None else _said(DECIDED, [by, {}], language),
        ranked=tuple(
            Place(
                organisation=code,
                kind=kind,
                unit=unit,
                reasons=tuple(_said(RANKED, reason, language) for reason in reasons),
            )
            for code, kind, unit, reasons in weighed["ranked"]
        ),
        more=tuple(weighed["more"]),
        excluded=tuple(
            Group(reason=_said(EXCLUDED, reason, language), organisations=tuple(codes))
            for reason, codes in weighed["excluded"]
        ),
        others=weighed["others"],
        language=language,
    )


def _framed(name: str, language: str, **data: object) -> str:
    sentence = FRAME[name]
    return _words(language).gettext(sentence) % data


def _said(table: Mapping[str, str], reason: list[Any], language: str) -> Said:
    code, data = reason
    text = _words(language).gettext(table[code]) % _shown(data, language)
    return Said(code=code, data=data, text=text)


def _shown(data: Mapping[str, Any], language: str) -> dict[str, str]:
    """Each datum as people read it."""
    shown = {name: _datum(name, value, language) for name, value in data.items()}
    if "minutes" in data:
        shown["age"] = format_duration(timedelta(minutes=data["minutes"]), language)
    if "age_min" in data:
        shown["ages"] = _ages(data, language)
    shown["place"] = shown.get("cercle") or shown.get("region", "")
    return shown


def _datum(name: str, value: Any, language: str) -> str:
    if name not in _LISTS:
        return str(value)
    codes = value if isinstance(value, list) else [value]
    return ", ".join(label(_LISTS[name], code, language) for code in codes)


def _ages(data: Mapping[str, Any], language: str) -> str:
    lowest, highest = data["age_min"], data["age_max"]
    form = "between" if None not in (lowest, highest) else "from" if highest is None else "up_to"
    return _words(language).gettext(AGES[form]) % data


@cache
def _words(language: str) -> gettext.NullTranslations:
    return load_translations(language, [LOCALE])

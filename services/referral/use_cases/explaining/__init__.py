"""Explaining a choice of routing or of a plan: each reason as a sentence, with the data behind it."""

from collections.abc import Iterator
from dataclasses import dataclass

from chassis.web.pages import format_moment
from contracts.vocabulary import label
from services.referral.store.routings import Routing
from services.referral.use_cases.explaining.plans import (
    Totals,
    count_plan,
    why_left,
    why_placed,
    why_refused,
)
from services.referral.use_cases.explaining.saying import LOCALE, Said, framed, say
from services.referral.use_cases.explaining.words import DECIDED, DUTIES, EXCLUDED, RANKED, WHY

__all__ = [
    "LOCALE",
    "Explanation",
    "Group",
    "Place",
    "Said",
    "Totals",
    "count_plan",
    "explain",
    "why_left",
    "why_placed",
    "why_refused",
]


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
    duties: tuple[Said, ...]
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
        yield from (f"  {duty.text}" for duty in self.duties)
        for nth, place in enumerate(self.ranked):
            if nth == 0 and self.decided_by:
                yield f"  {self.decided_by.text}"
            yield f"  {nth + 1}. {place.organisation} ({place.unit})"
            yield from (f"     {reason.text}" for reason in place.reasons)
        if self.more:
            yield f"  {', '.join(self.more)}"
        if self.excluded:
            yield framed("excluded", self.language)
        for group in self.excluded:
            yield f"  {group.reason.text}"
            yield f"     {', '.join(group.organisations)}"
        yield framed("others", self.language, others=self.others)


def explain(one: Routing, language: str) -> Explanation:
    """A stored choice in French (`fr`) or English (`en`)."""
    weighed, by = one.weighed, one.weighed["decided_by"]
    heading = framed(
        "nobody" if one.organisation is None else "asked",
        language,
        service=label("service", one.service, language),
        urgency=label("urgency", one.urgency, language),
        organisation=one.organisation,
    )
    moment = "" if one.decided_at is None else format_moment(one.decided_at, language)
    return Explanation(
        heading=heading,
        decided=framed("decided_at", language, moment=moment, rules=weighed["rules"]),
        why=say(WHY, [weighed["why"], {}], language),
        duties=tuple(say(DUTIES, [code, {}], language) for code in weighed.get("duties", ())),
        decided_by=None if by is None else say(DECIDED, [by, {}], language),
        ranked=tuple(
            Place(
                organisation=code,
                kind=kind,
                unit=unit,
                reasons=tuple(say(RANKED, reason, language) for reason in reasons),
            )
            for code, kind, unit, reasons in weighed["ranked"]
        ),
        more=tuple(weighed["more"]),
        excluded=tuple(
            Group(reason=say(EXCLUDED, reason, language), organisations=tuple(codes))
            for reason, codes in weighed["excluded"]
        ),
        others=weighed["others"],
        language=language,
    )

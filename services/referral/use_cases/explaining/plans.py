"""Explaining a line of a plan: why somebody goes where she goes, or why there is no place for her."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.referral.use_cases.explaining.saying import Said, say
from services.referral.use_cases.explaining.words import BINDING, PLACED

#: By the distances of `domain.placement.rules`.
_DISTANCES: Final = ("in_her_cercle", "in_her_region", "serves_her_region", "serves_everywhere")
_BETTER: Final = {"places": "better_places", "apart": "better_apart", None: "better_unsure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A plan in persons. placed: with a place for all they need; taken: by (organisation, service).

    families: of two and more; parted: those of them that are not all in one place for a service.
    """

    persons: int
    placed: int
    unplaced: int
    families: int
    parted: int
    taken: Mapping[tuple[str, str], int]


def count_plan(plan: Mapping[str, Any]) -> Totals:
    """The totals of a kept `Plan`."""
    lines = [*plan["placed"], *plan["unplaced"]]
    persons = {line["member"] for line in lines}
    left = {line["member"] for line in plan["unplaced"]}
    members: dict[str, set[str]] = {}
    places: dict[tuple[str, str], set[str | None]] = {}
    for line in lines:
        if line["family"] is not None:
            members.setdefault(line["family"], set()).add(line["member"])
            where = places.setdefault((line["family"], line["service"]), set())
            where.add(line.get("organisation"))
    families = {family for family, those in members.items() if len(those) > 1}
    apart = {family for (family, _), where in places.items() if len(where) > 1}
    taken = Counter((line["organisation"], line["service"]) for line in plan["placed"])
    return Totals(
        persons=len(persons),
        placed=len(persons - left),
        unplaced=len(left),
        families=len(families),
        parted=len(families & apart),
        taken=dict(sorted(taken.items())),
    )


def why_placed(line: Mapping[str, Any], language: str) -> list[Said]:
    """Each reason of a kept `Placed`, what weighs most first."""
    return [say(PLACED, reason, language) for reason in _placed(line)]


def why_left(line: Mapping[str, Any], language: str) -> list[Said]:
    """Each rule of a kept `Unplaced`."""
    would_open = {"would_open": list(line["would_open"])}
    return [say(BINDING, (rule, would_open), language) for rule in line["binding"]]


def why_refused(rule: str, organisation: str, language: str) -> str:
    """Why somebody cannot be placed there, though a human wants it; empty for what is no rule."""
    if rule not in BINDING:
        return ""
    return say(BINDING, (rule, {"would_open": [organisation]}), language).text


def _placed(line: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if line["is_pinned"]:
        yield "chosen", {}
    if line["with_family"] > 1:
        yield "family_together", {"with_family": line["with_family"]}
    yield _DISTANCES[line["distance"]], {}
    yield ("understood" if line["has_language"] else "not_understood"), {}
    yield "open_to", {"open_to": line["open_to"]}
    for rule, code in _BETTER.items():
        named = [one["organisation"] for one in line["better"] if one["rule"] == rule]
        if named:
            yield code, {"organisations": named}

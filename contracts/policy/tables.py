"""Reads the packaged tables of the need-to-know policy, once, when somebody first asks."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from contracts.policy.refusals import DisclosureRefused

FieldName = tuple[str, str]
ANY = "*"
# From least to most; "covered" is "full" once a ground covers it.
ACCESS = ("never", "counts", "state", "covered", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of the matrix: how much, whether its counts are open too, and the sub-rules."""

    access: str
    has_counts: bool = False
    limits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundRule:
    """A ground that is good for a reader: for which purposes, groups and sending kinds."""

    reader: str
    ground: str
    purposes: frozenset[str]
    groups: frozenset[str]
    from_kinds: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """What a field gives away: its reader must be allowed every one of the groups.

    aspects: the sub-rules that let it pass where only a part of the group may be seen.
    """

    section: str
    name: str
    groups: frozenset[str]
    aspects: frozenset[str]


def rows(name: str) -> list[dict[str, str]]:
    """The rows of one packaged CSV file, by column name."""
    text = files("contracts.policy").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def matrix() -> Mapping[str, Mapping[str, Cell]]:
    """Reader → group → cell, in the order of the table."""
    return {row.pop("reader"): _cells(row) for row in rows("matrix.csv")}


@cache
def stages() -> Mapping[str, Mapping[str, Cell]]:
    """Stage of a referral → group → the most that anybody learns at that stage."""
    return {row.pop("stage"): _cells(row) for row in rows("stages.csv")}


@cache
def ground_rules() -> tuple[GroundRule, ...]:
    """Every ground that is good for a reader; what stands in no line is not good."""
    return tuple(
        GroundRule(
            reader=row["reader"],
            ground=row["ground"],
            purposes=frozenset(row["purposes"].split()),
            groups=frozenset(row["groups"].split()),
            from_kinds=frozenset(row["from_kinds"].split()),
        )
        for row in rows("grounds.csv")
    )


@cache
def fields() -> Mapping[FieldName, Field]:
    """(section, name) → field; the section `case` holds the coded facts. None other is known."""
    return {
        (row["section"], row["field"]): Field(
            section=row["section"],
            name=row["field"],
            groups=frozenset(row["groups"].split()),
            aspects=frozenset(row["aspect"].split()),
        )
        for row in rows("fields.csv")
    }


def purpose_of(service: str) -> str:
    """What a recipient asked for this service uses its cut for. Raises DisclosureRefused."""
    try:
        return _purposes()[service]
    except KeyError:
        raise DisclosureRefused("unknown_service", "service") from None


@cache
def _purposes() -> Mapping[str, str]:
    return {row["service"]: row["purpose"] for row in rows("purposes.csv")}


def _cells(row: Mapping[str, str]) -> dict[str, Cell]:
    return {group: _cell(written) for group, written in row.items()}


def _cell(written: str) -> Cell:
    access, *limits = written.split(":")
    access, _, more = access.partition("+")
    if access not in ACCESS or more not in ("", "counts"):
        raise ValueError("a cell of the policy holds an unknown code")
    counts = bool(more) or access == "counts"
    return Cell(access=access, has_counts=counts, limits=frozenset(limits))

"""Which columns of HTCDS 2.0 are known: what each may hold and which dossier section keeps it."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from contracts.vocabulary import normalise

Holds = Literal["text", "day", "past_day", "number", "yes_no", "code", "codes", "consent"]
REQUIRED = ("prs_Gender", "prs_Citizenship")
# IOM's own workbooks leave a letter out of this code.
_MISSPELT = {"vic_traffickinstatusdecisionmakingorg": "vic_TraffickingStatusDecisionMakingOrg"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of columns.csv; `section` is empty where coded facts of the submission say all.

    `label` is empty where IOM's form has no such column; `list_name` is a list of the vocabulary.
    """

    code: str
    label: str
    section: str
    holds: Holds
    list_name: str


@cache
def columns() -> Mapping[str, Column]:
    """The known columns by code."""
    text = files(__package__).joinpath("columns.csv").read_text(encoding="utf-8")
    return {row["code"]: _column(row) for row in csv.DictReader(text.splitlines())}


def by_code(written: str) -> Column | None:
    """The column with this code, whatever its case, or IOM's misspelling of it."""
    return _codes().get(written.strip().casefold())


def by_label(written: str) -> Column | None:
    """The column that IOM's form labels so."""
    return _labels().get(normalise(written))


@cache
def _codes() -> Mapping[str, Column]:
    known = {column.code.casefold(): column for column in columns().values()}
    return known | {wrong: columns()[right] for wrong, right in _MISSPELT.items()}


@cache
def _labels() -> Mapping[str, Column]:
    return {normalise(column.label): column for column in columns().values() if column.label}


def _column(row: dict[str, str]) -> Column:
    return Column(
        code=row["code"],
        label=row["label"],
        section=row["section"],
        holds=cast(Holds, row["holds"]),
        list_name=row["list"],
    )

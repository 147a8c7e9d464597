"""The report's own words: sections, titles and units, as keys that the catalogues translate."""

from collections.abc import Mapping, Sequence
from typing import Final

#: The committee's four axes, in its order; "migrants" is another population and stands apart.
SECTIONS: Final[Sequence[tuple[str, str]]] = (
    ("prevention", "Prevention"),
    ("protection", "Protection"),
    ("migrants", "Smuggled migrants who were assisted: another population"),
    ("prosecution", "Prosecution"),
    ("partnership", "Partnership"),
)
_BY_CODE: Final[Mapping[str, str]] = {
    "V6": "migrants", "R3": "partnership", "R5": "partnership",
}  # fmt: skip
_BY_LETTER: Final[Mapping[str, str]] = {
    "P": "prevention", "V": "protection", "R": "protection", "A": "protection",
    "J": "prosecution", "Q": "partnership", "S": "partnership",
}  # fmt: skip
TITLES: Final[Mapping[str, str]] = {
    "V1": "Presumed victims detected",
    "V2": "Victims identified",
    "V3": "Identification rate",
    "V4": "Victims identified, per 100,000 inhabitants",
    "V5": "Victims of descent-based slavery",
    "V6": "Migrants assisted who are not victims",
    "R1": "Victims referred",
    "R2": "Referrals offered",
    "R3": "Referrals answered in time",
    "R4": "Services delivered",
    "R5": "Referrals confirmed by the sender",
    "R6": "Victims with a need that nobody met",
    "A1": "Victims assisted",
    "A2": "Victims sheltered",
    "A3": "Children and their families",
    "A4": "Victims who returned",
    "A5": "Victims followed up after half a year",
    "J1": "Files opened",
    "J2": "Suspects",
    "J3F": "Files in prosecution",
    "J3S": "Suspects in prosecuted files",
    "J4": "Suspects judged at first instance",
    "J5": "Suspects who hold a public office",
    "J6": "Delay and attrition",
    "J6C": "Files that reached a court",
    "J6V": "Files with a conviction",
    "J7": "Reparation",
    "J7V": "Victims who were paid reparation",
    "J8": "Victims who take part in proceedings",
    "J8H": "Suspects who are victims too and are held",
    "P1": "Persons sensitised",
    "P1S": "Sessions held",
    "P1R": "Estimated reach of broadcasts and networks",
    "P2": "Professionals trained",
    "P3": "Hotline",
    "Q1": "Cases of which the main facts are known",
    "S1": "Safety of persons and data",
}
UNITS: Final[Mapping[str, str]] = {
    "persons": "persons", "referrals": "referrals", "files": "files",
    "suspects": "suspects", "cases": "cases", "exceptions": "exceptional openings",
    "sessions": "sessions", "participants": "participants", "reached": "persons, estimated",
    "calls": "calls",
}  # fmt: skip
DIMENSIONS: Final[Mapping[str, str]] = {
    "group": "Group",
    "exploitation": "Form of exploitation",
    "citizenship": "Citizenship",
    "region": "Region",
    "detection_channel": "Who detected",
    "service": "Service",
    "organisation_kind": "Kind of organisation",
    "urgency": "Urgency",
    "state": "State",
    "offence_class": "Offence",
    "sex": "Sex",
    "age": "Age",
    "verdict": "Verdict",
    "court": "Court",
    "outcome": "Outcome",
    "return_type": "Kind of return",
    "session_kind": "Kind of session",
    "language": "Language",
    "corps": "Corps",
    "closure_reason": "Why the case was closed",
}
CODES: Final[Mapping[str, str]] = {
    "girl": "Girls",
    "boy": "Boys",
    "woman": "Women",
    "man": "Men",
    "minor": "Minors",
    "adult": "Adults",
    "malian": "Malian",
    "other_citizenship": "Other citizenship",
    "unknown": "Unknown",
}
#: Why a figure reads otherwise than in the edition before.
REASONS: Final[Mapping[str, str]] = {
    "late": "Recorded since then, about days of this period",
    "corrected": "A later word on the same suspect or judgment",
    "merged": "Cases that were found to be of one person",
    "unmerged": "Cases that were found not to be of one person",
    "registered_in_error": "Cases that were found to be registered in error",
}
#: How it was counted, a paragraph each.
METHOD: Final[Sequence[str]] = (
    (
        "Every figure is counted from signed events of the services, one event for each fact. Cases of "
        "one person that were merged count once, under the case that they were merged into."
    ),
    (
        "An event counts in the period of the day it speaks of, whenever it was recorded. Late and "
        "corrected events change earlier periods: the moment up to which events count belongs to each "
        "figure."
    ),
    (
        "A person or a file may have several forms of exploitation or citizenships and counts under "
        "each: the rows of such a table may add up to more than the whole."
    ),
    ("Unknown is a row of its own and never shared out among the others."),
    (
        "Before a number is shown it is checked, with all numbers of the same axis, unit and division "
        "that this and earlier editions show, that nobody can compute one that is too small; an audit "
        "by linear programming decides."
    ),
    (
        "Of sessions only numbers are reported, and nobody is written down: their sums are shown as "
        "they are. Reports of one organiser, kind, day and place count once."
    ),
    (
        "The signed manifest beside this report names the moment, the code lists, the questions and "
        "the digest of each table. Whoever draws the report again from it gets the same tables."
    ),
)


def section_of(code: str) -> str:
    """The axis of an indicator. Raises KeyError for a letter that no axis has."""
    return _BY_CODE.get(code) or _BY_LETTER[code[0]]


def title_of(code: str) -> str:
    """What an indicator is called; one that has no name yet goes by its code."""
    return TITLES.get(code, code)

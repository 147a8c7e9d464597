"""An edition's numbers in the columns of CTDC's global dataset of victims (reference/domain.md §3.4).

That dataset has a row for each person and so keeps only rows that 11 persons share. Reporting gives
no row of a person at all: each row here is a number of persons who have the attributes it names,
which is the other form that CTDC publishes in, frequencies of short combinations of attributes
("Design of a Privacy-Preserving Data Platform for Collaboration Against Human Trafficking",
Microsoft and IOM 2020). Which of them may be shown the edition decided, with the same k of 11.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from services.reporting.exports.shown import Cells, Column, Export, shown, source, tables_of
from services.reporting.use_cases.dividing import UNKNOWN
from services.reporting.use_cases.drawing import Drawn

#: As CTDC writes what a record does not say.
MISSING: Final = "-99"
_MEANS: Final = (
    "DebtBondage", "TakesEarnings", "RestrictsFinancialAccess", "Threats", "PsychologicalAbuse",
    "PhysicalAbuse", "SexualAbuse", "FalsePromises", "PsychoactiveSubstances", "RestrictsMovement",
    "RestrictsMedicalCare", "ExcessiveWorkingHours", "UsesChildren", "ThreatOfLawEnforcement",
    "WithholdsNecessities", "WithholdsDocuments", "Other", "NotSpecified", "Concatenated",
)  # fmt: skip
_PURPOSES: Final = (
    "isForcedLabour", "isSexualExploit", "isOtherExploit", "isSexAndLabour", "isForcedMarriage",
    "isForcedMilitary", "isOrganRemoval", "isSlaveryAndPractices",
)  # fmt: skip
_LABOUR: Final = (
    "Agriculture", "Aquafarming", "Begging", "Construction", "DomesticWork", "Hospitality",
    "IllicitActivities", "Manufacturing", "MiningOrDrilling", "Peddling", "Transportation",
    "Other", "NotSpecified", "Concatenated",
)  # fmt: skip
_SEX: Final = (
    "Prostitution", "Pornography", "RemoteInteractiveServices", "PrivateSexualServices",
    "Concatenated",
)  # fmt: skip
_RECRUITER: Final = ("IntimatePartner", "Friend", "Family", "Other", "Unknown")
_NEVER: Final = f"{MISSING} in every row: the fact stays with the owner of the case"
_FORM: Final = f"1 where the row's form of exploitation is one, else {MISSING}"
_VOCABULARY: Final = "contracts/vocabulary/terms.csv, list exploitation"


def _each(prefix: str, names: Sequence[str], *, meaning: str, told: str) -> tuple[Column, ...]:
    return tuple((f"{prefix}{name}", meaning, told) for name in names)


#: CTDC's columns in its order, then what makes a number of them.
COLUMNS: Final[tuple[Column, ...]] = (
    ("yearOfRegistration", "Calendar year of the numbers", "the edition's window"),
    ("Datasource", "Case Management", "CTDC's word for records of assistance"),
    ("gender", f"Female, Male; {MISSING} where the row is not about it", "case.registered"),
    ("ageBroad", f"{MISSING} in every row: editions are not divided by age band", "none"),
    ("majorityStatus", f"Minor, Adult; {MISSING} as for gender", "case.registered"),
    ("majorityStatusAtExploit", _NEVER, "none"),
    ("majorityEntry", _NEVER, "none"),
    ("citizenship", f"ML; Other for all other countries; {MISSING} as for gender", "case.registered"),
    *_each("meansOfControl", _MEANS, meaning=_NEVER, told="none"),
    *_each("", _PURPOSES, meaning=_FORM, told=_VOCABULARY),
    ("typeOfExploitConcatenated", "The same in words", _VOCABULARY),
    *_each("typeOfLabour", _LABOUR, meaning=_FORM, told=_VOCABULARY),
    *_each("typeOfSex", _SEX, meaning=_NEVER, told="none"),
    ("isAbduction", _NEVER, "none"),
    ("RecruiterRelationship", _NEVER, "none"),
    ("CountryOfExploitation", _NEVER, "none"),
    *_each("recruiterRelation", _RECRUITER, meaning=_NEVER, told="none"),
    ("dimension", "Which columns the row is about: Total, group, exploitation, citizenship", "ours"),
    ("code", "Our code of them; unknown where the fact is not known", "contracts/vocabulary/terms.csv"),
    (
        "count",
        (
            "Persons identified of whom that is so; “s” where it is not shown. Rows overlap, and a "
            "person with several forms is in each: they are not to be added up"
        ),
        "indicator V2",
    ),
    ("source", "Indicator of Siraba and the edition that the number is of", "signed manifest"),
)  # fmt: skip
_SLAVERY: Final = ("isSlaveryAndPractices",)
#: By our form of exploitation, the flags of CTDC; the words are its typeOfExploitConcatenated.
_FLAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "descent_based_slavery": _SLAVERY,
    "other_slavery": _SLAVERY,
    "serfdom": _SLAVERY,
    "pawning": _SLAVERY,
    "debt_bondage": ("isForcedLabour",),
    "sexual_exploitation": ("isSexualExploit",),
    "sexual_slavery": ("isSexualExploit", "isSlaveryAndPractices"),
    "forced_labour": ("isForcedLabour",),
    "domestic_work": ("isForcedLabour", "typeOfLabourDomesticWork"),
    "gold_mining": ("isForcedLabour", "typeOfLabourMiningOrDrilling"),
    "agriculture": ("isForcedLabour", "typeOfLabourAgriculture"),
    "forced_begging": ("isForcedLabour", "typeOfLabourBegging"),
    "forced_marriage": ("isForcedMarriage",),
    "child_with_armed_group": ("isForcedMilitary",),
    "illegal_adoption": ("isOtherExploit",),
    "organ_removal": ("isOrganRemoval",),
    "forced_criminality": ("isForcedLabour", "typeOfLabourIllicitActivities"),
    "other": ("isOtherExploit",),
    "to_be_determined": (),
    UNKNOWN: (),
}
_WORDS: Final[Mapping[str, str]] = {
    "isForcedLabour": "Forced Labour", "isSexualExploit": "Sexual Exploit",
    "isOtherExploit": "Other Exploit", "isForcedMarriage": "Forced Marriage",
    "isForcedMilitary": "Forced Military", "isOrganRemoval": "Organ Removal",
    "isSlaveryAndPractices": "Slavery and Practices",
}  # fmt: skip
_GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "girl": {"gender": "Female", "majorityStatus": "Minor"},
    "boy": {"gender": "Male", "majorityStatus": "Minor"},
    "woman": {"gender": "Female", "majorityStatus": "Adult"},
    "man": {"gender": "Male", "majorityStatus": "Adult"},
    UNKNOWN: {},
}
_CITIZENS: Final[Mapping[str, Mapping[str, str]]] = {
    "malian": {"citizenship": "ML"},
    "other_citizenship": {"citizenship": "Other"},
    UNKNOWN: {},
}


def _rows(drawn: Drawn) -> Iterator[Cells]:
    """The whole, then a row for each part of each division; year: that of the window's first day."""
    tables = tables_of(drawn)
    year, told = drawn.edition.window.start.year, source(drawn, "V2")
    for dimension in ("", "group", "exploitation", "citizenship"):
        for row in tables[f"V2 {dimension}".strip()].rows:
            said: dict[str, str | int] = {
                "yearOfRegistration": year,
                "Datasource": "Case Management",
            }
            said |= _attributes(dimension, row.code)
            said |= {"dimension": dimension or "Total", "code": row.code}
            said |= {"count": shown(row.value), "source": told}
            yield tuple(said.get(name, MISSING) for name, _, _ in COLUMNS)


def _attributes(dimension: str, code: str) -> Mapping[str, str | int]:
    if dimension == "exploitation":
        flags = _FLAGS[code]
        words = " + ".join(_WORDS[one] for one in flags if one in _WORDS)
        return dict.fromkeys(flags, 1) | ({"typeOfExploitConcatenated": words} if words else {})
    return {"": {"": {}}, "group": _GROUPS, "citizenship": _CITIZENS}[dimension][code]


CTDC: Final = Export(COLUMNS, _rows)

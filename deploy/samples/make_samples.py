"""Writes the fictional workbook of the demo, in the shape of IOM's HTCDS 2.0 form.

Run `python -m deploy.samples.make_samples` to write it again; the same plan gives the same cells.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]  # ships no type information

from deploy.samples.people import invent

HERE = Path(__file__).parent
SAMPLE = HERE / "htcds-30-cases.xlsx"
PADDED_ROWS = 1000
_SEED = 20261101
_CONTROL = ("FalsePromises", "TakesEarnings", "WithholdsDocuments", "RestrictsFinancialAccess")
_RECRUITMENT = ("ThroughFamilyOrFamilyEvents", "ThroughFriendsOrSocialEvents", "AtWork")

# (code, label) as IOM's form has them: an empty first column that numbers the rows, five mailing
# codes shifted against their labels, a misspelt code and one without any; then our own columns.
FORM: tuple[tuple[str, str], ...] = (
    ("", ""),
    ("cas_CaseOwner", "Case Owner"),
    ("prs_Salutation", "Salutation"),
    ("prs_FirstName", "First Name"),
    ("prs_SecondName", "Second Name"),
    ("con_Consent", "Consent"),
    ("prs_Birthdate", "Birthdate"),
    ("prs_Gender", "Gender"),
    ("prs_Citizenship", "Citizenship"),
    ("prs_Title", "Title"),
    ("prs_Email", "Email"),
    ("prs_HomePhone", "Home Phone"),
    ("prs_MobilePhone", "Mobile Phone"),
    ("prs_MailingCity", "Mailing Street"),
    ("prs_MailingCountry", "Mailing City"),
    ("prs_MailingState", "Mailing State/Province"),
    ("prs_MailingStreet", "Mailing Zip/Postal Code"),
    ("prs_MailingPostalCode", "Mailing Country"),
    ("vic_TraffickingStatus", "Trafficking Status"),
    ("vic_TraffickinStatusDecisionMakingOrg", "Trafficking Status Decision Making Organization"),
    ("vic_MethodOfRecruitment", "Method of Recruitment"),
    ("vic_LocationOfRecruitment", "Location of Recruitment"),
    ("vic_MethodsOfControl", "Methods of Control"),
    ("vic_TypeOfExploitation", "Type of Exploitation"),
    ("vic_ForcedLabourIndustry", "Forced Labour Industry"),
    ("vic_TypeOfSexExploitation", "Type of Sex Exploitation"),
    ("vic_LocationOfExploitation", "Location of Exploitation"),
    ("cas_Status", "Status"),
    ("cas_ReferringOrganisation", "Referring Organisation"),
    ("cas_IncomingReferralDate", "Incoming Referral Date"),
    ("cas_ReferringPrimaryCaseWorker", "Referring Primary Case Worker"),
    ("cas_ReasonForIncomingReferral", "Reason for Incoming Referral"),
    ("cas_IncomingReferralDetails", "Incoming Referral Details"),
    ("cas_ReferredOrganisation", "Referred Organisation"),
    ("cas_ReferredPrimaryCaseWorker", "Referred Primary Case Worker"),
    ("", "Reason for Outgoing Referral"),
    ("cas_OutgoingReferralDate", "Outgoing Referral Date"),
    ("cas_OutgoingReferralDetails", "Outgoing Referral Details"),
    ("cas_ReasonForCaseClosure", "Reason for Case Closure"),
    ("siraba_region", "Région (code CT)"),
    ("siraba_cercle", "Cercle (code)"),
    ("siraba_urgency", "Urgence"),
    ("siraba_risk", "Risque"),
    ("siraba_needs", "Besoins (services)"),
    ("siraba_consent", "Consentement par type d’organisation"),
)
_LABEL_OF_SHIFTED = {"prs_MailingStreet": "Mailing Street", "prs_MailingCountry": "Mailing Country"}


def sample_rows() -> list[dict[str, str | date]]:
    """The rows of the sample by HTCDS code, the personal columns invented from a fixed seed."""
    draw = Random(_SEED)  # noqa: S311 - invents people, guards nothing
    with (HERE / "plan.csv").open(encoding="utf-8", newline="") as plans:
        return [_row(plan, n, draw) for n, plan in enumerate(csv.DictReader(plans), start=1)]


def write_form(path: Path, rows: Sequence[Mapping[str, str | date]]) -> None:
    """Writes rows, each by HTCDS code, into a workbook shaped like IOM's form."""
    with xlsxwriter.Workbook(path) as book:
        # A fixed date of creation, so that an unchanged plan gives an unchanged file.
        created = datetime(2026, 11, 1, tzinfo=UTC)
        book.set_properties({"title": "HTCDS 2.0, fictif", "created": created})
        sheet = book.add_worksheet("Case Sheet")
        sheet.set_row(0, None, None, {"hidden": True})
        for column, (code, label) in enumerate(FORM):
            sheet.write(0, column, code)
            sheet.write(1, column, label)
        for number in range(1, PADDED_ROWS + 1):
            sheet.write_number(number + 1, 0, number)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        for number, row in enumerate(rows, start=2):
            _write(sheet, number, {_position(code): value for code, value in row.items()}, day=day)


def _write(sheet: Any, row: int, cells: Mapping[int, str | date], *, day: Any) -> None:
    for column, value in cells.items():
        if isinstance(value, date):
            sheet.write_datetime(row, column, value, day)
        elif value:
            sheet.write_string(row, column, value)


def _position(code: str) -> int:
    """Where the form asks for a column: who fills it in goes by the label, row 1 being hidden."""
    if code in _LABEL_OF_SHIFTED:
        return [label for _, label in FORM].index(_LABEL_OF_SHIFTED[code])
    return [name for name, _ in FORM].index(code)


def _row(plan: dict[str, str], number: int, draw: Random) -> dict[str, str | date]:
    asked = {"needs", "consent", "urgency", "risk"} & {key for key, value in plan.items() if value}
    place = {"siraba_region": plan["region"], "siraba_cercle": plan["cercle"]} if asked else {}
    return {
        **invent(plan, number, draw),
        **place,
        "prs_Gender": plan["sex"],
        "prs_Citizenship": plan["citizenship"],
        "vic_TraffickingStatus": plan["status"],
        "vic_TypeOfExploitation": plan["exploitation"],
        "vic_ForcedLabourIndustry": plan["industry"],
        "vic_MethodsOfControl": ";".join(draw.sample(_CONTROL, 2)),
        "vic_MethodOfRecruitment": draw.choice(_RECRUITMENT),
        "cas_Status": "Active",
        "siraba_needs": plan["needs"],
        "siraba_consent": plan["consent"],
        "siraba_urgency": plan["urgency"],
        "siraba_risk": plan["risk"],
    }


if __name__ == "__main__":
    write_form(SAMPLE, sample_rows())

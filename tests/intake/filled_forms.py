"""Fills IOM's form as people do, right and wrong, and knows what each row must be read as."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

import openpyxl

from contracts.vocabulary import entry
from deploy.samples.make_samples import FORM

TODAY = date(2026, 11, 24)
OWN = ("siraba_region", "siraba_cercle", "siraba_urgency", "siraba_needs", "siraba_consent",
       "siraba_risk", "siraba_detected_on", "prs_NumberOfChildren", "Remarques locales")  # fmt: skip
TEXTS = {
    "identity": {"prs_Salutation": "Salutation", "prs_FirstName": "First Name",
                 "prs_SecondName": "Second Name", "prs_Title": "Title"},
    "contact": {"prs_Email": "Email", "prs_HomePhone": "Home Phone",
                "prs_MobilePhone": "Mobile Phone", "prs_MailingStreet": "Mailing Street",
                "prs_MailingCity": "Mailing City", "prs_MailingState": "Mailing State/Province",
                "prs_MailingPostalCode": "Mailing Zip/Postal Code",
                "prs_MailingCountry": "Mailing Country"},
    "exploitation": {"vic_LocationOfRecruitment": "Location of Recruitment",
                     "vic_LocationOfExploitation": "Location of Exploitation"},
    "notes": {"cas_CaseOwner": "Case Owner", "cas_ReferringOrganisation": "Referring Organisation",
              "cas_ReferringPrimaryCaseWorker": "Referring Primary Case Worker",
              "cas_IncomingReferralDetails": "Incoming Referral Details",
              "cas_ReferredOrganisation": "Referred Organisation",
              "cas_ReferredPrimaryCaseWorker": "Referred Primary Case Worker",
              "cas_OutgoingReferralDetails": "Outgoing Referral Details",
              "cas_ReasonForCaseClosure": "Reason for Case Closure"},
}  # fmt: skip
CODED = {
    "vic_TraffickingStatusDecisionMakingOrg": (
        "Trafficking Status Decision Making Organization", "exploitation",
        {"Police": "police", "Non-police governmental organization": "other_public_body"}),
    "vic_MethodOfRecruitment": (
        "Method of Recruitment", "exploitation",
        {"At work": "at_work", "ThroughFamilyOrFamilyEvents": "family"}),
    "vic_MethodsOfControl": (
        "Methods of Control", "exploitation",
        {"Threats of law enforcement": "threat_of_law_enforcement", "Debt bondage ": "debt_bondage",
         "TakesEarnings; False promises": "takes_earnings;false_promises"}),
    "vic_TypeOfSexExploitation": (
        "Type of Sex Exploitation", "exploitation",
        {"Private Sexual Services": "private_sexual_services", "Prostitution": "prostitution"}),
    "cas_Status": ("Status", "notes", {"Follow up": "follow_up", "ClosedReferred": "closed_referred"}),
    "cas_ReasonForIncomingReferral": (
        "Reason for Incoming Referral", "notes",
        {"Additional Services Required": "additional_services"}),
    "cas_ReasonForOutgoingReferral": (
        "Reason for Outgoing Referral", "notes",
        {"Migration Or Change Of Location": "change_of_location"}),
    "con_Consent": ("Consent", "notes", {"Yes": "true", "oui": "true"}),
}  # fmt: skip
GENDERS = {"Feminine": "female", "Masculine": "male", "TransgenderFeminine": "female",
           "NonSpecifiedUnknown": "unknown"}  # fmt: skip
CITIZENSHIPS = {"Mali": ["MLI"], "CIV": ["CIV"], "GN": ["GIN"], "Côte d'Ivoire": ["CIV"],
                "Congo, Democratic Republic of the": ["COD"], "Mali; Burkina Faso": ["MLI", "BFA"],
                "Nigéria": ["NGA"]}  # fmt: skip
STATUSES = {"Possible victim of trafficking": "presumed", "NotAVictimOfTrafficking": "not_a_victim",
            "Actual victim of trafficking": "identified"}  # fmt: skip
INDUSTRY = {
    "Water supply; sewerage, waste management and remediation": ("isic_e", "forced_labour"),
    "B_MiningAndQuarrying": ("isic_b", "gold_mining"),
    "Agriculture, forestry and fishing": ("isic_a", "agriculture"),
    "Activities of households as employers; undifferentiated goods- and services- producing "
    "activities of households for own use": ("isic_t", "domestic_work"),
}
EXPLOITATION = {
    "Sexual exploitation": ["sexual_exploitation"], "ForcedBegging": ["forced_begging"],
    "Forced marriage|Servitude": ["forced_marriage", "other_slavery"],
    "descent_based_slavery": ["descent_based_slavery"], "Surrogacy": ["other"],
}  # fmt: skip
AGES = {2: "0-4", 6: "5-8", 10: "9-11", 13: "12-14", 16: "15-17", 20: "18-24", 30: "25-34",
        50: "35-59", 71: "60+"}  # fmt: skip
PLACES = ("0101", "1203", "0005", "0702")
# Ten ways to be wrong: the column, what somebody writes there, and the rule that it breaks.
FAULTS: tuple[tuple[str, Any, str], ...] = (
    ("prs_Gender", "Dame blanche", "unknown_code"),
    ("prs_Birthdate", "31/02/2010", "not_a_date"),
    ("prs_Birthdate", TODAY + timedelta(days=40), "date_in_future"),
    ("prs_Birthdate", "1899-12-31", "date_before_1900"),
    ("siraba_detected_on", TODAY + timedelta(days=1), "date_in_future"),
    ("prs_Citizenship", "Atlantide", "unknown_country"),
    ("siraba_needs", "shelter; taxi volant", "unknown_service"),
    ("siraba_consent", "shelter=peut-être", "unknown_consent_state"),
    ("siraba_cercle", "1101", "cercle_outside_region"),
    ("prs_NumberOfChildren", "beaucoup", "not_a_number"),
)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """One row as it is typed in by code, and the submission it stands for or the fault it has."""

    written: dict[str, Any]
    expected: dict[str, Any]
    fault: tuple[str, str] | None = None


def filled_rows(seed: int, *, count: int = 200, wrong: int = 20) -> list[Filled]:
    """Rows in a drawn order, `wrong` of them spoilt in each of the ten ways in turn."""
    draw = Random(seed)
    rows = [_right_row(draw) for _ in range(count)]
    for index, place in enumerate(draw.sample(range(count), wrong)):
        column, value, rule = FAULTS[index % len(FAULTS)]
        written = rows[place].written | {"siraba_region": "01", column: value}
        if column != "siraba_cercle":
            written["siraba_cercle"] = "0101"
        rows[place] = Filled(written=written, expected={}, fault=(column, rule))
    return rows


def _right_row(draw: Random) -> Filled:
    written: dict[str, Any] = {}
    dossier: dict[str, dict[str, str]] = {}
    for section, columns in TEXTS.items():
        for column in columns:
            if draw.random() < 0.8:
                text = f"Éà {column[-6:]} «{draw.randrange(10**6)}», n° {draw.randrange(99)};x|y"
                written[column] = dossier.setdefault(section, {})[column] = text
    for column, (_, section, values) in CODED.items():
        if draw.random() < 0.8:
            written[column] = draw.choice(list(values))
            dossier.setdefault(section, {})[column] = values[written[column]]
    facts = _facts(draw, written, dossier)
    return Filled(written=written, expected=facts | {"dossier": dossier})


def _facts(
    draw: Random, written: dict[str, Any], dossier: dict[str, dict[str, str]]
) -> dict[str, Any]:
    gender, nation = draw.choice(list(GENDERS)), draw.choice(list(CITIZENSHIPS))
    status = draw.choice(list(STATUSES))
    written |= {"prs_Gender": gender, "prs_Citizenship": nation, "vic_TraffickingStatus": status}
    written |= {"prs_HomePhone": 22300000000 + draw.randrange(10**6)}
    written |= {"prs_NumberOfChildren": draw.randrange(9), "Remarques locales": "Colonne à nous"}
    dossier.setdefault("contact", {})["prs_HomePhone"] = str(written["prs_HomePhone"])
    identity = dossier.setdefault("identity", {})
    identity |= {"prs_Gender": gender, "prs_NumberOfChildren": str(written["prs_NumberOfChildren"])}
    dossier["other"] = {"Remarques locales": "Colonne à nous"}
    exploitation = _exploitation(draw, written, dossier.setdefault("exploitation", {}))
    return {
        "age_band": _born(draw, written, identity),
        "sex": GENDERS[gender],
        "citizenship": CITIZENSHIPS[nation],
        "victim_status": STATUSES[status],
        "exploitation": exploitation,
        "offence_class": "trafficking",
        "detection_channel": "import",
        "safety": [],
        "is_suspect_too": False,
        **_road(draw, written),
    }


def _exploitation(draw: Random, written: dict[str, Any], kept: dict[str, str]) -> list[str]:
    if draw.random() < 0.5:
        kind = draw.choice(list(EXPLOITATION))
        written["vic_TypeOfExploitation"] = kept["vic_TypeOfExploitation"] = kind
        return EXPLOITATION[kind]
    industry = draw.choice(list(INDUSTRY))
    isic, code = INDUSTRY[industry]
    written |= {"vic_ForcedLabourIndustry": industry, "vic_TypeOfExploitation": "Forced labour"}
    kept |= {"vic_ForcedLabourIndustry": isic, "vic_TypeOfExploitation": "Forced labour"}
    return [code]


def _born(draw: Random, written: dict[str, Any], identity: dict[str, str]) -> str:
    age = draw.choice(list(AGES))
    born = TODAY - timedelta(days=int(age * 365.25) + draw.randrange(5, 300))
    spelling = draw.choice(("day", "iso", "french", "unknown"))
    if spelling == "unknown":
        return "unknown"
    identity["prs_Birthdate"] = born.isoformat()
    spelt = {"day": born, "iso": born.isoformat(), "french": f"{born:%d/%m/%Y}"}
    written["prs_Birthdate"] = spelt[spelling]
    return AGES[age]


def _road(draw: Random, written: dict[str, Any]) -> dict[str, Any]:
    """What our own columns say: half of the rows have none of them."""
    asked = draw.random() < 0.5
    place = draw.choice(PLACES)
    detected = TODAY - timedelta(days=draw.randrange(1, 200)) if asked else TODAY
    if asked:
        written |= {
            "siraba_region": draw.choice(
                (place[:2], int(place[:2]), entry("region", place[:2]).fr)
            ),
            "siraba_cercle": draw.choice((place, int(place))),
            "siraba_urgency": "urgent_72h",
            "siraba_needs": "shelter; health|legal_aid",
            "siraba_consent": "shelter=given;justice=refused",
            "siraba_risk": "high",
            "siraba_detected_on": detected,
        }
    decisions = {"shelter": "given", "justice": "refused"} if asked else {}
    return {
        "region": place[:2] if asked else None,
        "cercle": place if asked else None,
        "urgency": "urgent_72h" if asked else None,
        "risk": "high" if asked else "medium",
        "needs": ["shelter", "health", "legal_aid"] if asked else [],
        "consent": [
            {"recipient_kind": k, "state": s, "by": "person"} for k, s in decisions.items()
        ],
        "detected_on": detected.isoformat(),
    }


def blank_form() -> openpyxl.Workbook:
    """A blank workbook in the shape of IOM's, built here: codes, labels, a thousand numbered rows."""
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Case Sheet", 0)
    for column, (code, label) in enumerate(FORM, start=1):
        if not code.startswith("siraba_"):
            sheet.cell(1, column, code or None)
            sheet.cell(2, column, label or None)
    for number in range(1, 1001):
        sheet.cell(number + 2, 1, number)
    return book


def fill(book: openpyxl.Workbook, rows: Sequence[Filled]) -> tuple[bytes, dict[int, Filled]]:
    """The saved workbook, each row under the column that its label names, and the row numbers."""
    sheet = book.worksheets[0]
    places = _places(sheet)
    placed: dict[int, Filled] = {}
    for number, row in enumerate(rows, start=3):
        # Somebody leaves a row free now and then.
        at = number + number // 50
        placed[at] = row
        for column, value in row.written.items():
            sheet.cell(at, places[column], value)
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue(), placed


def _places(sheet: Any) -> dict[str, int]:
    labels = {cell.value: cell.column for cell in sheet[2] if cell.value}
    coded = {cell.value: cell.column for cell in sheet[1] if cell.value}
    wanted = {c: label for texts in TEXTS.values() for c, label in texts.items()}
    wanted |= {column: label for column, (label, _, _) in CODED.items()}
    places = {column: labels[label] for column, label in wanted.items()}
    start = max(labels.values()) + 1
    for column, code in enumerate(OWN, start=start):
        sheet.cell(1, column, code)
        places[code] = column
    return coded | places


def iom_form(shared: Path, name: str) -> openpyxl.Workbook:
    """IOM's own blank workbook."""
    return openpyxl.load_workbook(shared / "data" / "htcds" / name)

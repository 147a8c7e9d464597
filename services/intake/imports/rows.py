"""Turns one row into the case that intake registers, or into the list of rules it breaks."""

from datetime import date
from typing import TypedDict

from contracts.vocabulary import codes
from services.intake.imports.columns import REQUIRED
from services.intake.imports.consent import Consent, read_consent
from services.intake.imports.dossier import Dossier, read_dossier
from services.intake.imports.reader import RowReader

MAX_CITIZENSHIPS = 10
MAX_FAMILY = 100
_LAST_AGE_OF_BAND = {
    4: "0-4",
    8: "5-8",
    11: "9-11",
    14: "12-14",
    17: "15-17",
    24: "18-24",
    34: "25-34",
    59: "35-59",
}
_CHILD_BANDS = frozenset({"0-4", "5-8", "9-11", "12-14", "15-17"})
# HTCDS says "forced labour" and the industry apart; ours are one code where Mali counts them.
_OF_INDUSTRY = {"isic_a": "agriculture", "isic_b": "gold_mining", "isic_t": "domestic_work"}


class Submission(TypedDict):
    """A case in the JSON shape of `POST /intake/cases`; who it is about stands in `dossier` only."""

    detected_on: str
    region: str | None
    cercle: str | None
    sex: str
    age_band: str
    citizenship: list[str]
    exploitation: list[str]
    victim_status: str
    offence_class: str
    detection_channel: str
    urgency: str | None
    risk: str
    needs: list[str]
    consent: list[Consent]
    safety: list[str]
    is_suspect_too: bool
    dossier: Dossier


def read_submission(reader: RowReader) -> Submission:
    """The case of a row; worth nothing unless `reader.refusals` is empty afterwards."""
    for column in REQUIRED:
        if column not in reader.cells:
            reader.refuse(column, "required", "must be filled in for a case.")
    band = age_band(reader.day("prs_Birthdate"), reader.today)
    region, cercle = _place(reader)
    return Submission(
        detected_on=_detected_on(reader).isoformat(),
        region=region,
        cercle=cercle,
        sex=reader.code("prs_Gender") or "unknown",
        age_band=band,
        citizenship=_citizenship(reader),
        exploitation=_exploitation(reader, is_child=band in _CHILD_BANDS),
        victim_status=reader.code("vic_TraffickingStatus") or "presumed",
        offence_class="trafficking",
        detection_channel="import",
        urgency=reader.code("siraba_urgency"),
        risk=reader.code("siraba_risk") or "medium",
        needs=reader.codes("siraba_needs"),
        consent=read_consent(reader),
        safety=[],
        is_suspect_too=reader.yes_no("siraba_suspect_too") or False,
        dossier=read_dossier(reader),
    )


def read_company(reader: RowReader) -> tuple[str | None, str | None]:
    """(incident, family) by the sheet's own words for them, which are kept nowhere."""
    incident, family = reader.text("siraba_incident"), reader.text("siraba_family")
    if family and not incident:
        sentence = "needs siraba_incident: a family is one of an incident."
        reader.refuse("siraba_family", "needs_incident", sentence)
    if len(family) > MAX_FAMILY:
        sentence = f"must not be longer than {MAX_FAMILY} characters."
        reader.refuse("siraba_family", "too_long", sentence)
    return incident or None, family or None


def age_band(born: date | None, on: date) -> str:
    """The age band on a day of somebody born on another, `unknown` without a birth date."""
    if born is None:
        return "unknown"
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return next((band for last, band in _LAST_AGE_OF_BAND.items() if age <= last), "60+")


def _detected_on(reader: RowReader) -> date:
    """The day of detection; else the day the case came in, the nearest that HTCDS knows."""
    column = "siraba_detected_on"
    detected = reader.day(column) or reader.day("cas_IncomingReferralDate")
    born = reader.day("prs_Birthdate")
    if column in reader.cells and detected and born and detected < born:
        reader.refuse(column, "detected_before_birth", "must not lie before prs_Birthdate.")
    return detected or reader.today


def _place(reader: RowReader) -> tuple[str | None, str | None]:
    region, cercle = reader.code("siraba_region"), reader.code("siraba_cercle")
    if cercle and region and not cercle.startswith(region):
        sentence = "must be a cercle of the region in siraba_region."
        reader.refuse("siraba_cercle", "cercle_outside_region", sentence)
    # A cercle lies in one region only, so it says the region too.
    if cercle and "siraba_region" not in reader.cells:
        region = cercle[: len(codes("region")[0])]
    return region, cercle


def _citizenship(reader: RowReader) -> list[str]:
    found = reader.codes("prs_Citizenship")
    if len(found) > MAX_CITIZENSHIPS:
        sentence = f"must not name more than {MAX_CITIZENSHIPS} countries."
        reader.refuse("prs_Citizenship", "too_many_values", sentence)
    return found


def _exploitation(reader: RowReader, *, is_child: bool) -> list[str]:
    industries = reader.codes("vic_ForcedLabourIndustry")
    found: dict[str, None] = {}
    for code in reader.codes("vic_TypeOfExploitation"):
        if code == "forced_labour":
            found.update(dict.fromkeys(_of_industries(industries)))
        elif code == "child_with_armed_group" and not is_child:
            # HTCDS has one value for children and adults alike; ours is for children only.
            found["other"] = None
        else:
            found[code] = None
    return list(found) or ["to_be_determined"]


def _of_industries(industries: list[str]) -> list[str]:
    named = (_OF_INDUSTRY.get(industry, "forced_labour") for industry in industries)
    return list(dict.fromkeys(named)) or ["forced_labour"]

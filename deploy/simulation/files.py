"""What the police and justice do about it: files, suspects, judgments, each at the published rates."""

from datetime import datetime
from typing import Any
from uuid import UUID

from contracts import referral
from contracts.intake import CaseRegistered
from contracts.vocabulary.reference import out_of_force
from deploy.simulation import rates
from deploy.simulation.life import Life, opaque

#: Before which court crimes come, and before which they came.
_CHAMBER, _ASSIZES = "high_court_criminal", "assize_court"


def open_file(life: Life, case: CaseRegistered, police: str) -> None:
    """A file on this case, from its opening as far as it comes."""
    file: dict[str, Any] = {"organisation": police, "proceeding_id": opaque(life.chance)}
    about = {
        **file,
        "organisation_kind": "police",
        "offence_class": case.offence_class,
        "region": case.region,
    }
    at = life.after(life.at, hours=72)
    first = {**about, "state": "preliminary_inquiry", "on": at.date()}
    life.say(referral.ProceedingOpened.model_validate(first), at=at)
    suspects = [opaque(life.chance) for _ in range(rates.SUSPECTS_A_FILE.draw(life.chance))]
    for suspect in suspects:
        _suspect(life, file, suspect, at=life.after(at, hours=48))
    if life.chance.random() >= rates.PROSECUTED:
        at = life.after(at, hours=24 * 120)
        end = {**about, "state": "no_further_action", "on": at.date()}
        life.say(referral.ProceedingAdvanced.model_validate(end), at=at)
        return
    _prosecute(life, about, suspects, at=life.after(at, hours=24 * 40))


def _suspect(life: Life, file: dict[str, Any], suspect: UUID, *, at: datetime) -> None:
    sex = rates.SUSPECT_SEXES.draw(life.chance)
    said = {
        **file,
        "suspect_id": suspect,
        "on": at.date(),
        "custody": life.chance.choice(("police_custody", "remand", "free")),
        "sex": sex,
        "age_band": "unknown" if sex == "unknown" else rates.BANDS["adult"].draw(life.chance),
        "citizenship": (rates.MALIANS.draw(life.chance),),
        "is_official": life.chance.random() < 0.02,
        "is_victim_too": False,
    }
    subject = str(file["proceeding_id"])
    life.say(referral.SuspectRecorded.model_validate(said), at=at, subject=subject)
    if life.chance.random() < 0.1:
        # Who it is turns out later: the last word counts.
        at = life.after(at, hours=24 * 20)
        known = {**said, "sex": "male" if sex == "unknown" else sex, "on": at.date()}
        life.say(referral.SuspectRecorded.model_validate(known), at=at, subject=subject)


def _prosecute(life: Life, about: dict[str, Any], suspects: list[UUID], *, at: datetime) -> None:
    state = {**about, "state": "charged", "on": at.date()}
    life.say(referral.ProceedingAdvanced.model_validate(state), at=at)
    judged = [one for one in suspects if life.chance.random() < rates.JUDGED]
    if not judged:
        return
    at = life.after(at, hours=24 * 400)
    is_civil_party = life.chance.random() < 0.4
    state = {**about, "state": "judged", "on": at.date(), "is_civil_party": is_civil_party}
    life.say(referral.ProceedingAdvanced.model_validate(state), at=at)
    for suspect in judged:
        _judge(life, about, suspect, at=at)


def _judge(life: Life, about: dict[str, Any], suspect: UUID, *, at: datetime) -> None:
    is_convicted = life.chance.random() < rates.CONVICTED
    owed = life.chance.choice((0, 500_000, 2_000_000, 5_000_000)) if is_convicted else 0
    said = {
        "organisation": about["organisation"],
        "proceeding_id": about["proceeding_id"],
        "suspect_id": suspect,
        "on": at.date(),
        "court": _CHAMBER if out_of_force({"court": _ASSIZES}, at.date()) else _ASSIZES,
        "offence_class": about["offence_class"],
        "verdict": "convicted" if is_convicted else life.chance.choice(("acquitted", "discharged")),
        "is_final": life.chance.random() < 0.3,
        "sentences": ("imprisonment",) if is_convicted else (),
        "months": life.chance.choice((24, 60, 120)) if is_convicted else 0,
        "suspended_months": 0,
        "fine": 0,
        "reparation": owed,
        "reparation_paid": owed if life.chance.random() < 0.2 else 0,
    }
    subject = str(about["proceeding_id"])
    life.say(referral.JudgmentRendered.model_validate(said), at=at, subject=subject)

"""Reads what an officer has answered so far, and makes of it the case that the API would get."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from babel.dates import format_date
from pydantic import ValidationError

from contracts.form import CaseSubmission
from contracts.policy import purpose_of
from contracts.vocabulary import label
from services.intake.pages.questions import (
    ANSWERS,
    LONG,
    RECIPIENTS,
    SHORT,
    STEPS,
    Question,
    Step,
)

#: Faults by field: which rule is broken, never the value.
Faults = dict[str, str]
_SEVERAL: Final = {"languages": 5}


@dataclass(frozen=True, slots=True)
class Answers:
    """What was typed and chosen, by field; what no question asks for is not kept."""

    given: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, form: Iterable[tuple[str, object]]) -> "Answers":
        """Of a form's fields."""
        kept: dict[str, tuple[str, ...]] = {}
        for name, value in form:
            if name in _NAMES and isinstance(value, str) and value.strip():
                kept[name] = (*kept.get(name, ()), value.strip())
        return cls(kept)

    def one(self, name: str) -> str:
        """The only answer, or nothing."""
        return self.given.get(name, ("",))[0]

    def all(self, name: str) -> tuple[str, ...]:
        """Every answer, each once."""
        return tuple(dict.fromkeys(self.given.get(name, ())))

    def outside(self, step: Step) -> list[tuple[str, str]]:
        """What the other screens were answered: this one carries it unseen."""
        mine = {*(one.name for one in step.questions), *_consents(step)}
        return [(name, one) for name in self.given if name not in mine for one in self.given[name]]


def faults_of(step: Step, answers: Answers, *, today: date) -> Faults:
    """What this screen still lacks, by field: `needed`, `code`, `day`, `future`, `long`, `place`…"""
    found = faults_among(step.questions, answers, today=today)
    cercle, region = answers.one("cercle"), answers.one("region")
    asks_where = any(one.name == "cercle" for one in step.questions)
    if asks_where and not found and cercle and not cercle.startswith(region):
        found["cercle"] = "place"
    if step.name == "consent":
        found |= _consent_faults(answers)
    return found


def faults_among(questions: Iterable[Question], answers: Answers, *, today: date) -> Faults:
    """What is wrong with each answer by itself."""
    return {one.name: fault for one in questions if (fault := _fault(one, answers, today))}


def _consent_faults(answers: Answers) -> Faults:
    said = [one.name for one in RECIPIENTS if answers.one(one.name)]
    found = {name: "code" for name in said if answers.one(name) not in ANSWERS}
    if said and not answers.one("authority"):
        found["authority"] = "needed"
    return found


def _fault(question: Question, answers: Answers, today: date) -> str | None:
    given = answers.all(question.name)
    if not given:
        return "needed" if question.needed else None
    if question.kind == "day":
        return _day_fault(given[0], today)
    if question.codes:
        most = _SEVERAL.get(question.name, len(question.codes))
        is_known = set(given) <= set(question.codes)
        return "code" if not is_known else "many" if len(given) > most else None
    return "long" if len(given[0]) > (LONG if question.kind == "long" else SHORT) else None


def _day_fault(text: str, today: date) -> str | None:
    try:
        return "future" if date.fromisoformat(text) > today else None
    except ValueError:
        return "day"


def first_fault(answers: Answers, *, today: date) -> tuple[Step, Faults] | None:
    """The first screen that lacks something."""
    for step in STEPS:
        if faults := faults_of(step, answers, today=today):
            return step, faults
    return None


def submission(answers: Answers) -> CaseSubmission | None:
    """The case, as the API takes it; None where the contract still refuses what no screen did."""
    try:
        return CaseSubmission.model_validate(as_submitted(answers))
    except ValidationError:
        return None


def as_submitted(answers: Answers) -> dict[str, Any]:
    """What the API would be sent."""
    coded = {name: answers.one(name) for name in _ONE if answers.one(name)}
    several = {name: answers.all(name) for name in _MANY}
    return {
        **coded,
        **several,
        "citizenship": answers.all("citizenship"),
        "consent": _lines(answers),
        "is_suspect_too": bool(answers.one("is_suspect_too")),
        "dossier": _dossier(answers),
    }


def _lines(answers: Answers) -> list[dict[str, str]]:
    """A yes is for the help that was asked for; a no is for everything."""
    by = answers.one("authority")
    found: list[dict[str, str]] = []
    for one in RECIPIENTS:
        line = {"recipient_kind": one.kind, "state": answers.one(one.name), "by": by}
        if line["state"] == "refused":
            found.append(line)
        elif line["state"]:
            asked = [one.purpose] if one.purpose else _purposes(answers)
            found += [line | {"purpose": purpose} for purpose in asked]
    return found


def _purposes(answers: Answers) -> list[str]:
    return sorted({purpose_of(need) for need in answers.all("needs")})


def _dossier(answers: Answers) -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = {}
    for question in _QUESTIONS:
        if question.section and (given := answers.all(question.name)):
            kept.setdefault(question.section, {})[question.name] = ";".join(given)
    return kept


def shown(question: Question, answers: Answers, language: str) -> str:
    """An answer as the review shows it."""
    given = answers.all(question.name)
    if question.list_name:
        return ", ".join(label(question.list_name, code, language) for code in given)
    if question.kind == "day":
        return ", ".join(_day(one, language) for one in given)
    return "\n".join(given)


def _day(text: str, language: str) -> str:
    """A day as the language writes it; what is none stays as it was typed."""
    try:
        return str(format_date(date.fromisoformat(text), format="long", locale=language))
    except ValueError:
        return text


def _consents(step: Step) -> tuple[str, ...]:
    return tuple(one.name for one in RECIPIENTS) if step.name == "consent" else ()


_QUESTIONS: Final = tuple(question for step in STEPS for question in step.questions)
_NAMES: Final = {*(one.name for one in _QUESTIONS), *(one.name for one in RECIPIENTS)}
_ONE: Final = (
    "detected_on", "region", "cercle", "detection_channel", "sex", "age_band", "urgency", "risk",
)  # fmt: skip
_MANY: Final = ("exploitation", "needs", "safety", "languages")

"""Reads a page on which many persons are written down at once, and makes of it the forms that the API would get."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from pydantic import ValidationError

from contracts.form import PersonSubmission
from services.intake.pages.answers import (
    Answers,
    Faults,
    as_submitted,
    faults_among,
    faults_of,
)
from services.intake.pages.questions import EACH, TOGETHER

#: Rows of a page that nothing was written on, and how many more come at a time.
ROWS: Final = 5
#: With more of them, a page is too heavy for a bad line.
MOST: Final = 100
_SHARED: Final = tuple(one.name for one in TOGETHER.questions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What was written: for all of them, and by the place of each row, from 1. rows: also empty ones."""

    shared: Answers
    each: Mapping[int, Answers]
    rows: int

    @classmethod
    def read(cls, form: Iterable[tuple[str, object]], *, rows: int) -> "Company":
        """Of a form's fields; those of a row end in its place."""
        given = {name: value.strip() for name, value in form if isinstance(value, str)}
        each = {
            nth: {one.name: (text,) for one in EACH if (text := given.get(f"{one.name}-{nth}"))}
            for nth in range(1, rows + 1)
        }
        said = Answers.read(form).given
        # A consent is heard from each alone, so that none is taken from here.
        shared = Answers({name: said[name] for name in _SHARED if name in said})
        return cls(shared=shared, each={n: Answers(a) for n, a in each.items() if a}, rows=rows)

    def row(self, nth: int) -> Answers:
        """What was written of one; nothing on an empty row."""
        return self.each.get(nth, Answers({}))

    def faults(self, today: date) -> Mapping[int, Faults]:
        """What is wrong, by row; 0: with what holds for all, where nobody is written down, too."""
        found = {0: faults_of(TOGETHER, self.shared, today=today)}
        if not self.each:
            found[0] |= {"form": "nobody"}
        found |= {n: faults_among(EACH, one, today=today) for n, one in self.each.items()}
        return {nth: faults for nth, faults in found.items() if faults}

    def persons(self) -> Mapping[int, PersonSubmission] | None:
        """Each with what holds for all; None where the contract still refuses what no field did.

        Nobody has been heard on consent yet: that is done with each by herself, on her case's page.
        """
        found = {nth: self._person(one) for nth, one in self.each.items()}
        kept = {nth: one for nth, one in found.items() if one is not None}
        return kept if len(kept) == len(found) else None

    def _person(self, own: Answers) -> PersonSubmission | None:
        form = as_submitted(Answers({**self.shared.given, **own.given}))
        try:
            return PersonSubmission.model_validate(form | {"family": own.one("family") or None})
        except ValidationError:
            return None

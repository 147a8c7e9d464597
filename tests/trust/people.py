"""Cases in which every field that tells of a person is a canary, and what each canary stands for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from contracts.policy.tables import FieldName, fields
from tests.journeys.cases import Case, some_cases
from tests.trust.canaries import canary

#: Of a dossier; the coded facts of a case tell nobody's name.
PERSONAL: tuple[FieldName, ...] = (
    *sorted(name for name in fields() if name[0] != "case"),
    ("other", "what a form calls it"),
)
STEP = 200


@dataclass(frozen=True, slots=True)
class People:
    """The cases by number. A canary's number says case and field."""

    cases: Sequence[Case]

    def behind(self, number: int) -> tuple[Case, FieldName]:
        """Whose it is, and which field."""
        return self.cases[number // STEP], PERSONAL[number % STEP]


def people(count: int, *, owners: tuple[str, ...], seed: int) -> People:
    """So many, different in all that routing and policy look at."""
    assert len(PERSONAL) < STEP
    drawn = some_cases(count, owners=owners, seed=seed)
    return People([replace(case, body=_filled(case, nth)) for nth, case in enumerate(drawn)])


def _filled(case: Case, nth: int) -> dict[str, object]:
    dossier: dict[str, dict[str, str]] = {}
    for place, (section, name) in enumerate(PERSONAL):
        dossier.setdefault(section, {})[name] = canary(nth * STEP + place)
    return {**case.body, "dossier": dossier}

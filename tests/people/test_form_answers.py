"""What an officer answers becomes the case of the API, and what is kept of it opens to nobody else."""

from dataclasses import replace
from datetime import timedelta
from secrets import token_bytes

import pytest

from chassis.web.keeping import KEPT_FOR, Keeper, NotKept
from contracts.callers import Caller
from contracts.form import CaseSubmission
from services.intake.pages.answers import Answers, submission
from services.intake.pages.reading import in_words
from tests.builders import NOON
from tests.people.test_intake_form import ANSWERS

pytestmark = pytest.mark.share("people")


def test_the_form_asks_for_the_case_that_the_api_would_get() -> None:
    given = {name: tuple([v] if isinstance(v, str) else v) for step in ANSWERS.values() for name, v in step.items()}  # fmt: skip
    case = submission(Answers.read([(n, v) for n, many in given.items() for v in many]))

    assert case == CaseSubmission.model_validate(
        {
            "detected_on": "2026-01-05", "region": "12", "detection_channel": "patrol",
            "sex": "female", "age_band": "25-34", "citizenship": ["MLI"], "languages": ["bambara", "french"],
            "exploitation": ["domestic_work"], "needs": ["shelter", "health"],
            "urgency": "emergency_24h", "risk": "high", "safety": ["do_not_call"],
            "consent": [
                {"recipient_kind": "shelter", "purpose": "care", "state": "given", "by": "person"},
                {"recipient_kind": "justice", "state": "refused", "by": "person"},
            ],
            "dossier": {
                "identity": {"full_name": "Hawa <b>Konaté</b>"},
                "contact": {"village": "Djidian-Secret"},
                "exploitation": {"indicators": "deception;isolation"},
            },
        }
    )  # fmt: skip
    (signs,) = in_words({"exploitation": case.dossier["exploitation"]}, "fr")
    assert signs.lines[0].value == "Tromperie, Isolement"


def test_what_is_kept_is_given_back_to_that_person_within_a_day_of_work() -> None:
    keeper, who = Keeper(b"s" * 32, token_bytes), Caller("POLICE_A", "officer", "p1")
    kept = keeper.keep(keeper.mark(who), {"step": "found"}, now=NOON)
    last = NOON + KEPT_FOR - timedelta(seconds=1)
    assert keeper.give_back(kept, who, now=last) == {"step": "found"}
    others = (replace(who, person="p2"), replace(who, organisation="POLICE_B"))
    for one, now in ((who, NOON + KEPT_FOR), *((other, NOON) for other in others)):
        with pytest.raises(NotKept):
            keeper.give_back(kept, one, now=now)
    for text in (keeper.mark(who), "", "e30"):
        with pytest.raises(NotKept):
            keeper.give_back(text, who, now=NOON)
    with pytest.raises(NotKept):
        Keeper(b"t" * 32, token_bytes).give_back(kept, who, now=NOON)

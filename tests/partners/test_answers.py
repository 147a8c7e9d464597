from uuid import uuid4

import pytest

from contracts.event import Message
from contracts.feed import Accepted, Declined, Started
from partners.kit.answers import parse_policy
from tests.partners.platform import offer

pytestmark = pytest.mark.share("partners")

OWN = "SHELTER_A"


def step(kind: type[Message], organisation: str = OWN) -> Message:
    facts = {"referral_id": uuid4(), "service": "shelter", "organisation": organisation}
    return kind.model_validate(facts | ({"reason": "capacity"} if kind is Declined else {}))


def names(policy: str, message: Message, *, complete: bool = False, declined: int = 0) -> list[str]:
    answers = parse_policy(policy, complete=complete).answer(message, own=OWN, declined=declined)
    return [answer.name.removeprefix("referral.") for answer in answers]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("silent", []),
        ("receive", ["receive"]),
        ("accept", ["receive", "accept"]),
        ("decline:capacity", ["receive", "decline"]),
    ],
)
def test_an_offer_is_answered_as_the_policy_says(policy: str, expected: list[str]) -> None:
    assert names(policy, offer()) == expected


def test_the_first_n_are_declined_then_all_accepted() -> None:
    last = [names("decline:capacity:2", offer(), declined=n)[-1] for n in range(4)]

    assert last == ["decline", "decline", "accept", "accept"]


def test_an_answer_names_the_referral_it_is_about() -> None:
    made = offer()

    answers = parse_policy("decline:security").answer(made, own=OWN)

    assert {answer.referral_id for answer in answers} == {made.referral_id}


def test_only_a_completing_partner_reports_start_and_delivery() -> None:
    assert names("accept", step(Accepted)) == []
    assert names("accept", step(Accepted), complete=True) == ["start"]
    assert names("accept", step(Started), complete=True) == ["deliver"]


def test_steps_of_others_and_refusals_are_not_answered() -> None:
    assert names("accept", step(Accepted, "CLINIC_B"), complete=True) == []
    assert names("accept", step(Declined), complete=True) == []


@pytest.mark.parametrize(
    "text", ["", "yes", "accept:now", "decline", "decline:capacity:x", "decline:capacity:1:2"]
)
def test_an_unknown_policy_says_which_exist(text: str) -> None:
    with pytest.raises(ValueError, match="policy must be silent, receive, accept"):
        parse_policy(text)


def test_an_unknown_reason_says_which_exist() -> None:
    with pytest.raises(ValueError, match="capacity, out_of_mandate"):
        parse_policy("decline:tired")

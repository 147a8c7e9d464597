"""Whoever takes a rule away, or forgets what the person has said, decides situations otherwise."""

from typing import Any

import pytest

from services.referral.domain.routing import filtering, rules
from services.referral.use_cases import offering
from services.referral.use_cases.permitting import Permit
from tests.situations.decided import differences, situations
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")


def decided_otherwise() -> set[str]:
    return {one["id"] for one in situations() if list(differences(one))}


@pytest.mark.parametrize(
    "rule", [*rules.BANS, *rules.DEMANDS, *rules.DUTIES], ids=lambda rule: rule.__name__
)
def test_no_rule_can_be_taken_away_unseen(rule: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BANS", "DEMANDS", "DUTIES"):
        kept = tuple(one for one in getattr(rules, name) if one is not rule)
        monkeypatch.setattr(rules, name, kept)
    wrong = decided_otherwise()

    say(f"without {rule.__name__}: {len(wrong)} situations decided otherwise")
    assert wrong


@pytest.mark.parametrize("filtered", ["_refused_so_far", "unfit", "_untold", "_full"])
def test_no_filter_can_be_taken_away_unseen(filtered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lets_pass(*_: object) -> None:
        """Nothing speaks against anybody."""

    monkeypatch.setattr(filtering, filtered, lets_pass)
    if filtered == "_untold":
        monkeypatch.setattr(Permit, "ground", lambda *_, **__: "consent")
    wrong = decided_otherwise()

    say(f"without {filtered}: {len(wrong)} situations decided otherwise")
    assert wrong


def test_no_holiday_can_be_taken_for_a_working_day_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offering, "holidays_between", lambda *_: frozenset())
    assert decided_otherwise() == {"christmas-on-a-friday"}

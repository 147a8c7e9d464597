"""Take one of the three places away in which a failure must show: it must count as unseen."""

from collections import Counter
from dataclasses import replace

import pytest

from tests.operators.test_failures import Failure, away, dead, unseen
from tests.operators.watch import View

pytestmark = pytest.mark.share("operators")
FORCED: list[list[Failure]] = [
    dead("INTAKE", "not_json"), dead("INTAKE", "not_json"), dead("INBOX", "oversize"), [away("nats")],
]  # fmt: skip
PLACES = [place for failure in FORCED for place in failure]
SEEN = View(
    numbers=dict(Counter(p.measure for p in PLACES)) | {away("nats").measure: 0},
    alerts=frozenset(place.alert for place in PLACES),
    logged=Counter(place.log for place in PLACES),
)


def test_what_shows_everywhere_is_seen() -> None:
    assert unseen(FORCED, View(), SEEN) == 0
    assert unseen(FORCED, View(), View()) == len(FORCED)


@pytest.mark.parametrize("place", list(dict.fromkeys(PLACES)), ids=lambda place: str(place.log))
def test_what_is_missing_in_one_place_is_unseen(place: Failure) -> None:
    without = {name: value for name, value in SEEN.numbers.items() if name != place.measure}
    silent = SEEN.logged - Counter({place.log: 1})
    assert unseen(FORCED, View(), replace(SEEN, numbers=without)) > 0
    assert unseen(FORCED, View(), replace(SEEN, alerts=SEEN.alerts - {place.alert})) > 0
    assert unseen(FORCED, View(), replace(SEEN, logged=silent)) > 0


def test_what_was_there_before_is_no_sign_of_what_is_new() -> None:
    before = replace(SEEN, alerts=frozenset())
    letters = FORCED[:-1]
    assert unseen(letters, before, SEEN) == len(letters)

"""The machine that must find no invalid state finds one as soon as one protection is taken away."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from chassis.inbox.order import Place, Plan, plan
from chassis.inbox.received import Received
from services.referral.domain.places import Places
from tests.machines.interleaving import run
from tests.machines.protections import Protections

pytestmark = pytest.mark.share("lifecycle")
EXAMPLES = 200
KEPT = Protections()


def whoever_it_is(offer: object, **_: object) -> None:
    """As `require_open`, and nothing is asked."""


def by_the_clock(earlier: Iterable[datetime], now: datetime) -> datetime:
    """As `moment_after`, and whatever the clock says is believed."""
    return now


def each_time(
    arrivals: Sequence[Received], *, last: Mapping[Place, int], parked: Iterable[Received]
) -> Plan:
    """As `plan`, and what was done before is done again."""
    decided = plan(arrivals, last=last, parked=parked)
    decided.run.extend(decided.repeats)
    return decided


def as_it_comes(
    arrivals: Sequence[Received], *, last: Mapping[Place, int], parked: Iterable[Received]
) -> Plan:
    """As `plan`, and nothing waits for what should have come before it, but for its registration."""
    decided = plan(arrivals, last=last, parked=parked)
    known = {place for place, number in decided.positions.items() if number}
    decided.run.extend(one for one in decided.park if one.place in known)
    decided.park = [one for one in decided.park if one.place not in known]
    return decided


class Unheld(Places):
    """Beds as they were counted, and whoever is on the way holds none."""

    @property
    def room(self) -> int:
        """Whom it can still take, by the last count alone."""
        return max(0, min(self.places, self.free + self.left))


@pytest.mark.parametrize(
    ("bare", "found"),
    [
        (replace(KEPT, is_owner_s=whoever_it_is), "who accepts has been offered it"),
        (replace(KEPT, dated=by_the_clock), "follows the last word"),
        (replace(KEPT, in_order=each_time), "both know|follows|at two places"),
        (replace(KEPT, in_order=as_it_comes), "both know|follows"),
        (replace(KEPT, places=Unheld), "overbooked"),
    ],
    ids=["no_owner_check", "clocks_believed", "no_dedupe", "no_order", "no_hold"],
)
def test_without_one_protection_the_machine_finds_an_invalid_state(
    bare: Protections, found: str
) -> None:
    with pytest.raises(AssertionError, match=found):
        run(bare, examples=EXAMPLES, shrinks=False)

from datetime import datetime
from random import Random

import pytest

from contracts.policy import Cut, Fallout, Reader, Record, fallout, may_know
from tests.controls.open_policy import everything
from tests.ledger import Figure, Form
from tests.trust.disclosures import misjudged_withdrawals, random_question, violations

pytestmark = pytest.mark.share("sealed")
SEED = 20261124


def by_our_rules(told: Cut, reader: Reader, record: Record, at: datetime) -> Fallout:
    return fallout(told, reader, record=record, at=at)


@pytest.mark.timeout(900)
def test_nothing_outside_the_matrix_is_ever_open_and_a_withdrawal_takes_exactly_its_own(
    form: Form, figure: Figure
) -> None:
    rng = Random(SEED)
    wrong = opened_by_everything = told = 0
    for nth in range(form.pick(short=2_000, long=100_000)):
        asked = random_question(rng)
        wrong += sum(1 for _ in violations(asked, may_know))
        wrong += sum(1 for _ in misjudged_withdrawals(asked, may_know, by_our_rules))
        told += any(one.grounds for one in may_know(asked.reader, asked.stage, ()).groups.values())
        if nth % 20 == 0:
            opened_by_everything += sum(1 for _ in violations(asked, everything().may_know))

    assert opened_by_everything > 0
    assert told == 0, "something is open on a ground that nobody put forward"
    figure("sealed.policy.violations", wrong, seed=SEED, control=opened_by_everything)

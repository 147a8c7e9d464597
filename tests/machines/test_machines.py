"""However messages come, no state is invalid: one owner, no bed given twice, both sides equal."""

import pytest

from tests.ledger import Figure, Form
from tests.machines.interleaving import run
from tests.machines.protections import Protections
from tests.trust.telling import say

pytestmark = [pytest.mark.share("lifecycle"), pytest.mark.timeout(3_000)]


def test_no_interleaving_of_messages_leads_to_an_invalid_state(form: Form, figure: Figure) -> None:
    wanted = form.pick(short=2_000, long=1_000_000)
    try:
        steps = run(Protections(), examples=form.pick(short=70, long=25_000))
    except AssertionError as wrong:
        say(f"an invalid state: {wrong}")
        figure("lifecycle.machine.invalid", 1)
        raise
    say(f"{steps} steps, none of which led to an invalid state")
    assert steps >= wanted
    figure("lifecycle.machine.invalid", 0)

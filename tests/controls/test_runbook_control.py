"""Take a command or a cause out of the runbook: whoever follows it must not find what is planted."""

from dataclasses import replace

import pytest

from tests.operators.outages import OUTAGES, Outage
from tests.operators.runbook import RUNBOOK, filled, read_runbook
from tests.operators.test_runbook import is_found

pytestmark = pytest.mark.share("operators")
PAGES = read_runbook(RUNBOOK.read_text("utf-8")).pages


def told(outage: Outage) -> str:
    """What the machine says when it is so."""
    return f"… {filled(outage.cause, outage.labels)} …"


@pytest.mark.parametrize("name", OUTAGES)
def test_a_planted_outage_is_found_by_its_sign_and_by_nothing_less(name: str) -> None:
    outage = OUTAGES[name]
    page = PAGES[outage.alert[0]]
    assert page.commands
    assert is_found(outage, page, told(outage))
    assert not is_found(outage, page, "")
    others = tuple(signs for signs in page.causes if outage.cause not in signs)
    assert not is_found(outage, replace(page, causes=others), told(outage))


@pytest.mark.parametrize("name", OUTAGES)
def test_who_is_pointed_to_two_causes_at_once_has_not_found_it(name: str) -> None:
    outage = OUTAGES[name]
    page = PAGES[outage.alert[0]]
    doubtful = replace(page, causes=(*page.causes, ("…",)))
    assert not is_found(outage, doubtful, told(outage))

"""Without the witnesses' roots a truncation, another end and a roll-back look whole."""

from copy import deepcopy
from random import Random

import pytest

from partners.verify import Finding, check, read_export, read_keys, read_roots
from partners.verify.checking import message_findings
from tests.partners.exported import (
    Tamper,
    a_keyring,
    a_world,
    encoded,
    rewrite_end,
    roll_back,
    truncate_messages,
    witnessed,
)

pytestmark = pytest.mark.share("sealed")
KEYS = read_keys(a_keyring().write().encode())


@pytest.mark.parametrize("tamper", [truncate_messages, rewrite_end, roll_back])
def test_a_verifier_without_roots_misses_what_one_with_roots_finds(tamper: Tamper) -> None:
    world, rng = a_world(), Random(4)
    whole = world.exported()
    missed = 0
    for _ in range(10):
        changed = deepcopy(whole)
        tamper(changed, rng, world)
        export = read_export(encoded(changed))
        missed += message_findings(export, keys=KEYS) == []

        found = check(export, keys=KEYS, roots=read_roots(witnessed(whole))).findings
        assert all(isinstance(one, Finding) for one in found)
        assert found

    assert missed > 5


def test_a_verifier_that_takes_the_exports_own_roots_misses_a_roll_back() -> None:
    world = a_world()
    whole = world.exported()
    changed = deepcopy(whole)
    roll_back(changed, Random(4), world)
    export = read_export(encoded(changed))

    assert check(export, keys=KEYS, roots=export.roots).findings == ()
    assert check(export, keys=KEYS, roots=read_roots(witnessed(whole))).findings

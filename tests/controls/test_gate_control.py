"""That the gate's test would find a hole: the same changes, and a gate that looks at names alone."""

import pytest

from tests.contracts.test_gate import missed
from tests.controls.gate_by_names import compare_names

pytestmark = pytest.mark.share("partners")


def test_a_gate_that_looks_at_names_alone_misses_breaks() -> None:
    passed = missed(compare_names, count=200)

    changes = {said.split()[0] for said in passed}
    assert {"remove_code", "change_type", "require_field", "change_address"} <= changes

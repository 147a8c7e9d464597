"""What a change of one schema does to its readers, rule by rule."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from contracts.compatibility import breaks
from contracts.generate import schema_of
from contracts.intake import CaseRegistered

pytestmark = pytest.mark.share("sealed")
Change = Callable[[dict[str, Any]], object]


BREAKING: dict[str, tuple[Change, str]] = {
    "a field is gone": (lambda s: s["properties"].pop("sex"), "body.sex: gone"),
    "a field is required now": (lambda s: s["required"].append("risk"), "body.risk: required now"),
    "a field may be left out now": (lambda s: s["required"].remove("sex"), "body.sex: optional"),
    "a code less": (lambda s: s["properties"]["sex"]["enum"].pop(), "body.sex.enum"),
    "a code more": (lambda s: s["properties"]["sex"]["enum"].append("x"), "body.sex.enum"),
    "another type": (lambda s: s["properties"]["owner"].update(type="integer"), "body.owner.type"),
    "a tighter limit": (lambda s: s["properties"]["needs"].update(maxItems=3), "maxItems: changed"),
    "another default": (lambda s: s["properties"]["risk"].update(default="high"), "risk.default"),
    "a new limit": (lambda s: s["properties"]["owner"].update(pattern="^A"), "owner.pattern: new"),
    "within a definition": (
        lambda s: s["$defs"]["Consent"]["properties"].pop("state"),
        "state: gone",
    ),
}


@pytest.mark.parametrize(("change", "said"), BREAKING.values(), ids=BREAKING)
def test_a_breaking_change_is_named(change: Change, said: str) -> None:
    old = schema_of(CaseRegistered)
    new = deepcopy(old)
    change(new)

    assert any(said in one for one in breaks(old, new)), breaks(old, new)


ADDING: dict[str, Change] = {
    "an optional field": lambda s: s["properties"].update(more={"type": "string"}),
    "an optional field in a definition": lambda s: s["$defs"]["Consent"]["properties"].update(
        more={"type": "string"}
    ),
    "other words": lambda s: s.update(description="Said better."),
    "a field that is called like a word": lambda s: s["properties"].update(title={}),
}


@pytest.mark.parametrize("change", ADDING.values(), ids=ADDING)
def test_an_addition_passes(change: Change) -> None:
    old = schema_of(CaseRegistered)
    new = deepcopy(old)
    change(new)

    assert breaks(old, new) == []


TAKING_MORE: dict[str, Change] = {
    "a code more": lambda s: s["properties"]["sex"]["enum"].append("x"),
    "a wider limit": lambda s: s["properties"]["needs"].update(maxItems=30),
    "no limit": lambda s: s["properties"]["needs"].pop("maxItems"),
    "a field may be left out now": lambda s: s["required"].remove("sex"),
    "a field where unknown ones are refused": lambda s: s["properties"].update(more={}),
}


@pytest.mark.parametrize("change", TAKING_MORE.values(), ids=TAKING_MORE)
def test_what_takes_more_breaks_only_those_who_do_not_expect_it(change: Change) -> None:
    old = {**schema_of(CaseRegistered), "additionalProperties": False}
    new = deepcopy(old)
    change(new)

    assert breaks(old, new, reader="any")
    assert breaks(old, new, reader="ours") == []
    assert breaks(new, old, reader="ours"), "and the way back takes less"

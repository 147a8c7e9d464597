"""What was released stays readable: additions pass, everything else is refused."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from contracts.compatibility import breaks
from contracts.generate import RELEASED, SCHEMAS, documents, schema_of
from contracts.intake import CaseRegistered

pytestmark = pytest.mark.share("sealed")
CURRENT = {path: content for path, content in documents() if path.is_relative_to(SCHEMAS)}
Change = Callable[[dict[str, Any]], object]


def newest() -> Path:
    versions = sorted(RELEASED.iterdir(), key=lambda one: [int(n) for n in one.name.split(".")])
    return versions[-1]


def test_nothing_breaks_with_the_newest_release() -> None:
    released = {
        SCHEMAS / path.relative_to(newest() / "schemas"): json.loads(path.read_text("utf-8"))
        for path in (newest() / "schemas").rglob("*.json")
    }

    assert len(released) > 30
    assert released.keys() <= CURRENT.keys(), "a released type is gone"
    broken = {path.name: breaks(old, CURRENT[path]) for path, old in released.items()}
    assert {name: found for name, found in broken.items() if found} == {}


def test_no_released_channel_is_gone_or_elsewhere() -> None:
    released = json.loads((newest() / "asyncapi.json").read_text("utf-8"))["channels"]
    (now,) = (content for path, content in documents() if path.name == "asyncapi.json")

    assert released.keys() <= now["channels"].keys()
    assert {name: one["address"] for name, one in released.items()} == {
        name: now["channels"][name]["address"] for name in released
    }


BREAKING: dict[str, tuple[Change, str]] = {
    "a field is gone": (lambda s: s["properties"].pop("sex"), "body.sex: gone"),
    "a field is required now": (lambda s: s["required"].append("risk"), "body.risk: required now"),
    "a field may be left out now": (lambda s: s["required"].remove("sex"), "body.sex: optional"),
    "a code less": (lambda s: s["properties"]["sex"]["enum"].pop(), "body.sex.enum"),
    "a code more": (lambda s: s["properties"]["sex"]["enum"].append("x"), "body.sex.enum"),
    "another type": (lambda s: s["properties"]["owner"].update(type="integer"), "body.owner.type"),
    "a tighter limit": (lambda s: s["properties"]["needs"].update(maxItems=3), "maxItems: changed"),
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

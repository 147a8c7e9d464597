"""Take one protection of the manifests away: what judges them must see each."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.operators.manifests import (
    OVERLAYS,
    Manifest,
    complaints,
    containers_of,
    pods_of,
    rendered,
)
from tests.operators.network import lines
from tests.operators.test_kubernetes import NEEDED, PLACES

pytestmark = pytest.mark.share("operators")


def _pod(found: list[Manifest]) -> Manifest:
    return dict(pods_of(found))["intake"]


def _one(found: list[Manifest]) -> Manifest:
    return next(one for one in containers_of(found) if one["name"] == "intake")


def _set(there: dict[str, Any], name: str, value: Any) -> None:
    there[name] = value


#: What is taken away, and a word of the complaint.
TAKEN: list[tuple[str, Callable[[list[Manifest]], object]]] = [
    ("runs as root", lambda f: _pod(f)["securityContext"].pop("runAsNonRoot")),
    ("runs as root", lambda f: _set(_pod(f)["securityContext"], "runAsUser", 0)),
    ("all of the kernel", lambda f: _pod(f)["securityContext"].pop("seccompProfile")),
    ("token of the cluster", lambda f: _pod(f).pop("automountServiceAccountToken")),
    ("set variables", lambda f: _pod(f).pop("enableServiceLinks")),
    ("the node's", lambda f: _set(_pod(f), "hostNetwork", True)),
    ("the node's", lambda f: _pod(f)["volumes"].append({"name": "n", "hostPath": {"path": "/"}})),
    ("to the group", lambda f: _pod(f)["securityContext"].pop("fsGroupChangePolicy")),
    ("writes to its root", lambda f: _one(f)["securityContext"].pop("readOnlyRootFilesystem")),
    ("become more", lambda f: _one(f)["securityContext"].pop("allowPrivilegeEscalation")),
    ("has capabilities", lambda f: _one(f)["securityContext"].pop("capabilities")),
    ("no limits", lambda f: _one(f)["resources"].pop("limits")),
    ("no fixed image", lambda f: _set(_one(f), "image", "siraba:latest")),
    ("no startupProbe", lambda f: _one(f).pop("startupProbe")),
    ("no livenessProbe", lambda f: _one(f).pop("livenessProbe")),
    ("no readinessProbe", lambda f: _one(f).pop("readinessProbe")),
    ("a secret in it", lambda f: f.append({"kind": "Secret", "metadata": {"name": "s"}})),
    (
        "holds a secret",
        lambda f: _one(f)["env"].append({"name": "U", "value": "postgresql://a:b@c/d"}),
    ),
]


@pytest.mark.parametrize(
    ("word", "take"), TAKEN, ids=[f"{nth} {word}" for nth, (word, _) in enumerate(TAKEN)]
)
def test_what_is_taken_away_is_complained_of(
    word: str, take: Callable[[list[Manifest]], object]
) -> None:
    found = rendered(OVERLAYS / "national")
    assert complaints(found) == []
    take(found)
    (said,) = complaints(found)
    assert word in said


def test_without_the_refusal_of_everything_lines_are_open_that_nothing_needs() -> None:
    found = [o for o in rendered(OVERLAYS / "national") if o["metadata"]["name"] != "nothing"]
    assert ("the world", "steward", 5432) in lines(found, PLACES) - NEEDED


def test_without_any_one_policy_the_lines_are_others() -> None:
    found = rendered(OVERLAYS / "national")
    policies = [one for one in found if one["kind"] == "NetworkPolicy"]
    assert len(policies) > 5
    for left_out in policies:
        assert lines([one for one in found if one is not left_out], PLACES) != NEEDED

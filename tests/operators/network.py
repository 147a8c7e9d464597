"""Who may speak with whom by a cluster's network policies: `(from, to, port)`, as the cluster reads them."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from tests.operators.manifests import Manifest

Line = tuple[str, str, int]
_NAME = "app.kubernetes.io/name"
_WAY = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}


def lines(found: Sequence[Manifest], places: Mapping[str, Mapping[str, str]]) -> set[Line]:
    """Every line that is open at our ports. places: what else there is, by the labels of its namespace.

    A place of no labels stands for an address outside of the cluster.
    """
    policies = [one["spec"] for one in found if one["kind"] == "NetworkPolicy"]
    pods = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in found
        if "template" in one.get("spec", {})
    }
    ends: dict[str, dict[str, Any]] = {name: {"pod": labels} for name, labels in pods.items()}
    ends |= {name: {"namespace": labels} for name, labels in places.items()}
    ports = {53, 443, 4222, 5432, 8222, 8401, 8410}
    return {
        (one, other, port)
        for one, other, port in product(ends, ends, ports)
        if one != other
        and (one in pods or other in pods)
        and _lets(policies, "Egress", (ends[one], ends[other], port))
        and _lets(policies, "Ingress", (ends[other], ends[one], port))
    }


def _lets(policies: Sequence[Any], kind: str, way: tuple[Any, Any, int]) -> bool:
    """Whether this end lets the other through; an end that no policy chooses lets all through."""
    here, there, port = way
    if "pod" not in here:
        return True
    chosen = [
        one
        for one in policies
        if kind in one["policyTypes"] and _is(one["podSelector"], here["pod"])
    ]
    rules, peers = _WAY[kind]
    return not chosen or any(
        any(_meets(peer, there) for peer in rule[peers])
        and any(entry["port"] == port for entry in rule["ports"])
        for one in chosen
        for rule in one.get(rules, ())
    )


def _meets(peer: Mapping[str, Any], end: Mapping[str, Any]) -> bool:
    if "ipBlock" in peer:
        return end.get("namespace") == {}
    if "namespaceSelector" in peer:
        return bool(end.get("namespace")) and _is(peer["namespaceSelector"], end["namespace"])
    return "pod" in end and _is(peer["podSelector"], end["pod"])


def _is(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", ())
    )

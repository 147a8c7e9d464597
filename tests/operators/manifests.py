"""Reads deploy/kubernetes as Kustomize does, so far as our kustomizations go, and judges what comes out."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
OVERLAYS: Final = ROOT / "deploy" / "kubernetes" / "overlays"
Manifest = dict[str, Any]
#: What a kustomization of ours may hold; any other word would be passed over in silence.
KNOWN: Final = {"apiVersion", "kind", "namespace", "resources", "images", "replicas", "patches"}
#: What has no namespace.
_OF_THE_CLUSTER: Final = ("Namespace",)
#: It listens nowhere, so nothing can ask it how it is.
ANSWERS_NOBODY: Final = ("steward", "password")
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")
_OURS: Final = re.compile(r"SIRABA_\w+")
#: Words of a password, a token or a private key where a manifest would hold one itself.
_SECRET: Final = re.compile(
    r"://[^/@\s]+:[^/@\s]+@|BEGIN [A-Z ]*PRIVATE KEY|\bS[ACNOU][A-Z2-7]{56}\b"
)


def rendered(folder: Path) -> list[Manifest]:
    """Every manifest of a kustomization. Raises ValueError for a word that is not read here."""
    told = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    if strange := told.keys() - KNOWN:
        raise ValueError(f"{folder.name}: {sorted(strange)}")
    found: list[Manifest] = []
    for name in told["resources"]:
        path = folder / name
        found += rendered(path) if path.is_dir() else _documents(path)
    _change(found, told)
    return found


def _change(found: Sequence[Manifest], told: Mapping[str, Any]) -> None:
    for one in found:
        if one["kind"] not in _OF_THE_CLUSTER:
            one["metadata"]["namespace"] = told["namespace"]
    for image in told.get("images", ()):
        _name_image(found, image)
    for replicas in told.get("replicas", ()):
        for one in _chosen(found, {"name": replicas["name"]}):
            if "replicas" in one["spec"]:
                one["spec"]["replicas"] = replicas["count"]
    for patch in told.get("patches", ()):
        _patch(found, patch)


def _documents(path: Path) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(path.read_text(encoding="utf-8")) if one]


def _name_image(found: Sequence[Manifest], image: Mapping[str, str]) -> None:
    for container in containers_of(found):
        if container["image"] == image["name"]:
            container["image"] = f"{image['newName']}:{image['newTag']}"


def _chosen(found: Sequence[Manifest], target: Mapping[str, str]) -> list[Manifest]:
    return [
        one
        for one in found
        if target.get("kind", one["kind"]) == one["kind"]
        and target.get("name", one["metadata"]["name"]) == one["metadata"]["name"]
    ]


def _patch(found: Sequence[Manifest], patch: Mapping[str, Any]) -> None:
    """Carry out a patch of RFC 6902. Raises ValueError where it meets nothing."""
    chosen = _chosen(found, patch["target"])
    if not chosen:
        raise ValueError(f"nothing is {patch['target']}")
    for one in chosen:
        for step in yaml.safe_load(patch["patch"]):
            _step(one, step)


def _step(one: Manifest, step: Mapping[str, Any]) -> None:
    *way, last = step["path"].removeprefix("/").split("/")
    there: Any = one
    for part in way:
        there = there[int(part)] if isinstance(there, list) else there[part]
    place = int(last) if isinstance(there, list) else last
    if step["op"] == "replace":
        there[place]  # KeyError or IndexError where there is nothing to replace
    elif step["op"] != "add" or isinstance(there, list):
        raise ValueError(f"not read here: {step['op']} {step['path']}")
    there[place] = copy.deepcopy(step["value"])


def pods_of(found: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """(name, pod) of everything that runs."""
    for one in found:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


def containers_of(found: Sequence[Manifest]) -> Iterator[Manifest]:
    """Every container, those that run before others too."""
    for _, pod in pods_of(found):
        yield from [*pod.get("initContainers", ()), *pod["containers"]]


def complaints(found: Sequence[Manifest]) -> list[str]:
    """What is not hardened, in words; empty when all is as it must be."""
    said = [f"{name}: {what}" for name, pod in pods_of(found) for what in _of_pod(pod)]
    for container in containers_of(found):
        said += [f"{container['name']}: {what}" for what in _of_container(container)]
    said += [f"{one['kind']}: a secret in it" for one in found if one["kind"] == "Secret"]
    said += [
        f"{one['metadata']['name']}: holds a secret" for one in found if _SECRET.search(str(one))
    ]
    return said


def _of_pod(pod: Manifest) -> Iterator[str]:
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or not context.get("runAsUser"):
        yield "runs as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "may call all of the kernel"
    if pod.get("automountServiceAccountToken") is not False:
        yield "holds a token of the cluster"
    if pod.get("enableServiceLinks") is not False:
        yield "lets the cluster set variables"
    if any(pod.get(word) for word in ("hostNetwork", "hostPID", "hostIPC")):
        yield "shares what is the node's"
    allowed = {"name", "persistentVolumeClaim", "secret", "configMap", "emptyDir"}
    if any(volume.keys() - allowed for volume in pod.get("volumes", ())):
        yield "mounts what is the node's"
    if "fsGroup" in context and context.get("fsGroupChangePolicy") != "OnRootMismatch":
        yield "opens our keys to the group at each start"


def _of_container(container: Manifest) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("readOnlyRootFilesystem") is not True:
        yield "writes to its root"
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may become more"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "has capabilities"
    resources = container.get("resources", {})
    if not resources.get("limits", {}).get("memory") or not resources.get("requests"):
        yield "has no limits"
    if not re.fullmatch(r"\S+:(?!latest$)[\w.-]+", container["image"]):
        yield "has no fixed image"
    if container["name"] not in ANSWERS_NOBODY:
        yield from (f"has no {probe}" for probe in _PROBES if probe not in container)


def variables_of(found: Sequence[Manifest]) -> set[str]:
    """Every setting of ours that anything sets."""
    maps = {one["metadata"]["name"]: one["data"] for one in found if one["kind"] == "ConfigMap"}
    names = {entry["name"] for one in containers_of(found) for entry in one.get("env", ())}
    for one in containers_of(found):
        for source in one.get("envFrom", ()):
            names |= maps[source["configMapRef"]["name"]].keys()
    return {name for name in names if _OURS.fullmatch(name)}

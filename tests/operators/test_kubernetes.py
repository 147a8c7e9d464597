"""The manifests are what Kubernetes takes, hardened, and open no line that nothing needs."""

import re
import shutil
import subprocess
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # the package ships no types
import pytest
import yaml

from contracts.topology import SERVICES
from deploy.settings import MetricsSettings
from deploy.settings_reference import reference
from services.referral.gateways.provider import may_be_asked
from tests.operators.manifests import (
    OVERLAYS,
    ROOT,
    complaints,
    containers_of,
    pods_of,
    rendered,
    variables_of,
)
from tests.operators.network import lines

pytestmark = pytest.mark.share("operators")
NAMES = ("pilot", "national")
#: Of Kubernetes: the oldest release that the manifests are written for, and the newest known here.
RELEASES = ("1.32", "1.37")
READ_ONCE = cache(kubernetes_validate.utils.schema_contents)
PLACES = {
    "the world": {},
    "ingress": {"kubernetes.io/metadata.name": "ingress-nginx"},
    "prometheus": {"kubernetes.io/metadata.name": "monitoring"},
    "names": {"kubernetes.io/metadata.name": "kube-system"},
    "another": {"kubernetes.io/metadata.name": "another"},
}
RUNNING = ("intake", "referral", "reporting", "front", "steward", "nats")
#: What must work, and so may; `the world` is PostgreSQL as well as whoever calls.
NEEDED = (
    {(name, "names", 53) for name in RUNNING}
    | {("ingress", "front", 8401), ("prometheus", "nats", 8410), ("the world", "nats", 4222)}
    | {("front", "nats", 8410)}
    | {(caller, service, 8401) for caller, service in product(("front", "nats"), SERVICES)}
    | {(name, "nats", 4222) for name in (*SERVICES, "steward")}
    | {("referral", "the world", 443)}
    | {(name, "the world", 5432) for name in (*SERVICES, "steward", "nats")}
)


@pytest.mark.parametrize("name", NAMES)
def test_an_overlay_is_hardened_in_every_container(name: str) -> None:
    found = rendered(OVERLAYS / name)
    assert complaints(found) == []
    assert {name for name, _ in pods_of(found)} == set(RUNNING)


@pytest.mark.parametrize(("name", "release"), list(product(NAMES, RELEASES)))
def test_kubernetes_knows_every_word(
    name: str, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It reads more than a megabyte of definitions again for each document.
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", READ_ONCE)
    for one in rendered(OVERLAYS / name):
        kubernetes_validate.validate(one, release, strict=True)


def test_a_word_that_kubernetes_does_not_know_is_refused() -> None:
    one = next(one for one in rendered(OVERLAYS / "pilot") if one["kind"] == "Deployment")
    one["spec"]["template"]["spec"]["runAsNonRoot"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(one, RELEASES[0], strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_only_what_must_work_can_be_reached(name: str) -> None:
    assert lines(rendered(OVERLAYS / name), PLACES) == NEEDED


@pytest.mark.skipif(
    shutil.which("kubectl") is None,
    reason="kubectl is not installed: our own reader, which refuses what it does not know, judges alone",
)
@pytest.mark.parametrize("name", NAMES)
def test_kustomize_itself_reads_the_same(name: str) -> None:
    command = ["kubectl", "kustomize", str(OVERLAYS / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    theirs, ours = list(yaml.safe_load_all(done.stdout)), rendered(OVERLAYS / name)
    assert sorted(theirs, key=_key) == sorted(ours, key=_key)


def _key(one: dict[str, Any]) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def test_every_setting_is_in_the_reference_and_a_service_has_all_it_needs() -> None:
    page = reference()
    found = rendered(OVERLAYS / "national")
    assert {name for name in variables_of(found) if f"| `{name}` |" not in page} == set()
    needed = set(re.findall(r"\| `(SIRABA_\w+)` \| \*\*required\*\*", page)) - {
        "SIRABA_SERVICE_URLS"
    }
    assert needed <= variables_of(found)


def test_ports_and_paths_are_those_of_the_image() -> None:
    image = (ROOT / "deploy" / "image" / "Containerfile").read_text(encoding="utf-8")
    (port,) = re.findall(r"SIRABA_PORT=(\d+)", image)
    (user,) = re.findall(r"^USER (\d+):", image, re.MULTILINE)
    found = rendered(OVERLAYS / "national")
    for name, pod in pods_of(found):
        assert pod["securityContext"]["runAsUser"] == int(user), name
    for one in containers_of(found):
        if one["name"] in (*SERVICES, "front"):
            assert one["ports"] == [{"name": "http", "containerPort": int(port)}]
            assert one["livenessProbe"]["httpGet"]["path"] == "/healthz"
        if one["name"] == "metrics":
            default = MetricsSettings.model_fields["metrics_port"].default
            assert one["ports"] == [{"name": "metrics", "containerPort": default}]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_referred_to_is_there_or_is_told_in_the_documentation(name: str) -> None:
    found = rendered(OVERLAYS / name)
    claims = {o["metadata"]["name"] for o in found if o["kind"] == "PersistentVolumeClaim"}
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    for _, pod in pods_of(found):
        for volume in pod["volumes"]:
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
            if "secret" in volume:
                assert f"`{volume['secret']['secretName']}`" in page


@pytest.mark.parametrize(
    ("name", "told"),
    [("pilot", {}), ("national", {"issuer": "https://sign-in.example.ml", "client_id": "siraba"})],
)
def test_an_institutions_own_sign_in_is_asked_where_the_overlay_names_it_and_nowhere_else(
    name: str, told: dict[str, str]
) -> None:
    found = rendered(OVERLAYS / name)
    (site,) = (one["data"] for one in found if one["metadata"]["name"] == "siraba-site")
    ((_, pod),) = ((name, pod) for name, pod in pods_of(found) if name == "referral")
    (container,) = pod["containers"]
    said = {
        one["name"]: site.get(one["valueFrom"]["configMapKeyRef"]["key"])
        for one in container["env"]
        if one.get("valueFrom", {}).get("configMapKeyRef", {}).get("optional")
    }
    assert said == {
        "SIRABA_OIDC_ISSUER": told.get("issuer"),
        "SIRABA_OIDC_CLIENT_ID": told.get("client_id"),
    }
    assert not told or may_be_asked(told["issuer"], by=told["issuer"])
    (file,) = (
        Path(one["value"]) for one in container["env"] if one["name"].endswith("SECRET_FILE")
    )
    mounted = {one["mountPath"]: one["name"] for one in container["volumeMounts"]}
    (volume,) = (one for one in pod["volumes"] if one["name"] == mounted[str(file.parent)])
    assert volume["secret"] == {"secretName": "siraba-sign-in", "optional": True}
    assert f"--from-file={file.name}" in (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def test_a_kustomization_with_a_word_we_do_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("namePrefix: a-\nresources: []\n")
    with pytest.raises(ValueError, match="namePrefix"):
        rendered(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_each_that_serves_may_lose_one_to_a_node_that_is_emptied(name: str) -> None:
    found = rendered(OVERLAYS / name)
    kept = {o["metadata"]["name"] for o in found if o["kind"] == "PodDisruptionBudget"}
    assert kept == set(RUNNING) - {"steward"}
    if name == "national":
        twice = {o["metadata"]["name"] for o in found if o.get("spec", {}).get("replicas") == 2}
        assert twice == {*SERVICES, "front"}

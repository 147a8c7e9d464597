"""The profile `observability` is wired to what is shipped, closed to others, and no part of the core."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.commands.metrics import token_of
from deploy.embedded.processes import ServerError
from deploy.settings import MetricsSettings
from deploy.settings_reference import reference
from deploy.state import State
from tests.operators.manifests import ROOT
from tests.trust.faults import need, ran

pytestmark = pytest.mark.share("operators")
DEPLOY = ROOT / "deploy"
WATCHERS = {"metrics", "prometheus", "collector", "jaeger", "grafana"}


def composed() -> dict[str, Any]:
    """The file as it is read, merges done; `${NAME:-default}` stays."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


def complaints(services: dict[str, Any]) -> list[str]:
    """What is not as closed, as fixed or as wired as it must be."""
    said = []
    for name in sorted(WATCHERS):
        one = services[name]
        if one.get("read_only") is not True or one.get("cap_drop") != ["ALL"]:
            said.append(f"{name} is not closed")
        if name != "metrics" and not re.search(r":v?\d+\.\d+\.\d+$", one["image"]):
            said.append(f"{name} has no fixed image")
        if any(not port.startswith("127.0.0.1:") for port in one.get("ports", ())):
            said.append(f"{name} is open to others")
        if one["profiles"] != ["observability"]:
            said.append(f"{name} is started with the core")
        for volume in one.get("volumes", ()):
            there = volume.split(":")[0]
            if there.startswith("./") and not (DEPLOY / there).exists():
                said.append(f"{name} mounts nothing: {there}")
    return said


def test_the_watchers_are_closed_fixed_and_apart() -> None:
    services = composed()["services"]
    assert complaints(services) == []
    assert {n for n, one in services.items() if one["profiles"] == ["observability"]} == WATCHERS


@pytest.mark.parametrize(
    ("name", "word", "wrong"),
    [
        ("grafana", "read_only", False),
        ("jaeger", "cap_drop", []),
        ("prometheus", "image", "docker.io/prom/prometheus:latest"),
        ("grafana", "ports", ["3000:3000"]),
        ("collector", "profiles", ["core"]),
        ("collector", "volumes", ["./observability/nothing.yaml:/etc/nothing.yaml"]),
    ],
)
def test_each_fault_is_complained_of(name: str, word: str, wrong: object) -> None:
    services = composed()["services"]
    services[name][word] = wrong
    assert len(complaints(services)) == 1


def test_podman_compose_reads_every_word_of_the_file(tmp_path: Path) -> None:
    """Debian's knows no `config`; it tells what it would start, and is kept from asking podman."""
    need("podman-compose")
    nothing = tmp_path / "podman"
    nothing.write_text("#!/bin/sh\nexit 0\n")
    nothing.chmod(0o755)
    command = ["podman-compose", "--podman-path", str(nothing), "--dry-run", "-p", "watching",
               "-f", str(DEPLOY / "compose.yaml"), "up", "-d", "nats", *sorted(WATCHERS)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert {name for name in WATCHERS if f"--name=watching_{name}_1" in said} == WATCHERS


def test_prometheus_asks_where_metrics_answers_with_the_token_it_wants() -> None:
    need("prometheus")
    ran("promtool", "check", "config", "--syntax-only", str(DEPLOY / "compose" / "prometheus.yaml"))
    here, shipped = (
        yaml.safe_load((DEPLOY / folder / "prometheus.yaml").read_text(encoding="utf-8"))
        for folder in ("compose", "observability")
    )
    (job,), services = here["scrape_configs"], composed()["services"]
    port = MetricsSettings.model_fields["metrics_port"].default
    assert job["static_configs"] == [{"targets": [f"metrics:{port}"]}]
    token = services["metrics"]["environment"]["SIRABA_METRICS_TOKEN_FILE"]
    assert job["authorization"]["credentials_file"] == token
    assert {"metrics.token"} <= set(services["prometheus"]["secrets"])
    shipped["scrape_configs"][0]["static_configs"] = job["static_configs"]
    assert here == shipped


def test_metrics_is_told_only_what_it_reads() -> None:
    told = composed()["services"]["metrics"]["environment"]
    assert [n for n in told if n.startswith("SIRABA_") and f"`{n}`" not in reference()] == []
    assert set(json.loads(told["SIRABA_SERVICE_URLS"])) == {"intake", "referral", "reporting"}
    assert "SIRABA_NATS_MONITOR_URL" not in told, (
        "it would be asked on a loopback that is not NATS's"
    )


def test_spans_go_from_services_through_the_collector_to_jaeger() -> None:
    text = (DEPLOY / "observability" / "collector.yaml").read_text(encoding="utf-8")
    services = composed()["services"]
    asked = set(re.findall(r"\$\{env:(\w+)", text))
    assert asked == services["collector"]["environment"].keys()
    assert services["collector"]["environment"]["SIRABA_TRACES_BACKEND"] == "http://jaeger:4318"
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    port = yaml.safe_load(text)["receivers"]["otlp"]["protocols"]["http"]["endpoint"].split(":")[-1]
    assert f"SIRABA_OTLP_ENDPOINT=http://collector:{port}" in page
    for name in ("intake", "referral", "reporting"):
        assert "SIRABA_OTLP_ENDPOINT" in services[name]["environment"]


def test_grafana_asks_what_runs_and_shows_what_is_shipped() -> None:
    services, provisioning = composed()["services"], DEPLOY / "observability" / "provisioning"
    told = yaml.safe_load((provisioning / "datasources" / "siraba.yaml").read_text())
    hosts = [re.fullmatch(r"http://(\w+):\d+", one["url"]) for one in told["datasources"]]
    assert {found[1] for found in hosts if found} == {"prometheus", "jaeger"}
    boards = yaml.safe_load((provisioning / "dashboards" / "siraba.yaml").read_text())
    (provider,) = boards["providers"]
    mounted = dict(one.split(":")[1::-1] for one in services["grafana"]["volumes"])
    folder = DEPLOY / Path(mounted[provider["options"]["path"]])
    kinds = {p["datasource"]["type"] for board in folder.glob("*.json")
             for p in json.loads(board.read_text())["panels"]}  # fmt: skip
    assert kinds <= {one["type"] for one in told["datasources"]}


def test_make_secrets_makes_every_secret_that_is_mounted(tmp_path: Path) -> None:
    subprocess.run([DEPLOY / "compose" / "make-secrets", tmp_path], check=True)
    assert {one.name for one in tmp_path.iterdir()} == composed()["secrets"].keys()
    assert (tmp_path / "metrics.token").stat().st_mode & 0o077 == 0


def test_the_token_of_a_file_is_wanted_and_a_file_that_says_nothing_ends_the_start(
    tmp_path: Path,
) -> None:
    state, file = State(tmp_path / "state"), tmp_path / "metrics.token"
    state.prepare()
    told = MetricsSettings(metrics_token_file=file)
    with pytest.raises(ServerError, match="SIRABA_METRICS_TOKEN_FILE"):
        token_of(state, told)
    file.write_text("\n")
    with pytest.raises(ServerError, match="SIRABA_METRICS_TOKEN_FILE"):
        token_of(state, told)
    file.write_text("of a file\n")
    assert token_of(state, told) == "of a file"
    assert token_of(state, MetricsSettings()) == state.secret("metrics.token")

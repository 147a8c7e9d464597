"""Rules, dashboards and the collector's list name what exists, and each alert does what it says."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from chassis.telemetry.store import ALLOWED
from deploy.cli import app
from deploy.measures.samples import MEASURES
from tests.trust.faults import need, ran

pytestmark = pytest.mark.share("operators")
ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy" / "observability"
RULES = SHIPPED / "rules.yaml"
BOARDS = sorted((SHIPPED / "grafana").glob("*.json"))
#: A measure with the labels that are asked of it, and the labels a sum keeps.
ASKED = re.compile(r"(siraba_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
KEPT = re.compile(r"by \(([\w, ]+)\) \((siraba_\w+)")
#: Of an alert: whoever is woken by it must know what it means, see what is wrong, and act.
PARTS = ("**Means**", "**Look**", "**Do**")


@pytest.fixture(scope="module", autouse=True)
def promtool() -> None:
    need("prometheus")


def _loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _rules() -> list[dict[str, Any]]:
    return [rule for group in _loaded(RULES)["groups"] for rule in group["rules"]]


def _panels() -> Iterator[tuple[str, str]]:
    """(expression, legend) of every panel."""
    for board in BOARDS:
        for panel in json.loads(board.read_text(encoding="utf-8"))["panels"]:
            for target in panel["targets"]:
                yield target["expr"], target["legendFormat"]


def _expressions() -> list[str]:
    return [rule["expr"] for rule in _rules()] + [expression for expression, _ in _panels()]


def _strangers(expression: str) -> list[str]:
    """Measures and labels in an expression that nothing ever tells."""
    asked = [(name, LABEL.findall(labels)) for name, labels in ASKED.findall(expression)]
    asked += [(name, re.findall(r"\w+", labels)) for labels, name in KEPT.findall(expression)]
    return [
        f"{name} {label}"
        for name, labels in asked
        for label in ("", *labels)
        if name not in MEASURES or (label and label not in MEASURES[name][0] + ("quantile",))
    ]


@pytest.mark.parametrize("expression", _expressions())
def test_what_is_asked_for_exists(expression: str) -> None:
    assert _strangers(expression) == []


def test_a_measure_or_label_that_does_not_exist_would_be_found() -> None:
    assert _strangers("siraba_ready_at") == ["siraba_ready_at "]
    assert _strangers('siraba_ready{servcie="intake"} == 0') == ["siraba_ready servcie"]
    assert _strangers("sum by (stream) (siraba_ready)") == ["siraba_ready stream"]


def test_a_legend_shows_only_labels_that_its_measure_has() -> None:
    for expression, legend in _panels():
        (name, *_), *_ = ASKED.findall(expression)
        assert set(re.findall(r"{{(\w+)}}", legend)) <= set(MEASURES[name][0]), expression


def test_every_measure_is_on_a_dashboard() -> None:
    shown = {name for expression, _ in _panels() for name, _ in ASKED.findall(expression)}
    assert shown == MEASURES.keys()


def test_promtool_takes_the_rules_the_scrape_and_every_panel(tmp_path: Path) -> None:
    ran("promtool", "check", "rules", str(RULES))
    # The token's file is where Prometheus runs, not here.
    ran("promtool", "check", "config", "--syntax-only", str(SHIPPED / "prometheus.yaml"))
    recorded = [
        {"record": f"panel:{nth}", "expr": expression}
        for nth, (expression, _) in enumerate(_panels())
    ]
    panels = tmp_path / "panels.yaml"
    panels.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    ran("promtool", "check", "rules", str(panels))


def _case(alert: str, series: dict[str, str], *, fires: bool) -> dict[str, Any]:
    """Whether an alert fires at some minute of a quarter of an hour, in promtool's words."""
    ever = f'max(max_over_time(count(ALERTS{{alertname="{alert}",alertstate="firing"}})[15m:1m]))'
    found = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": ever, "eval_time": "15m", "exp_samples": found}],
    }


def _tried(rules: Path, folder: Path) -> str:
    """What promtool says of every case; empty when all is as it must be."""
    cases = [
        _case(alert, series[kind], fires=kind == "fires")
        for alert, series in _loaded(Path(__file__).with_name("alerts.yaml")).items()
        for kind in ("fires", "quiet")
    ]
    file = folder / "cases.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": cases}))
    command = ["promtool", "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_each_alert_fires_when_it_must_and_only_then(tmp_path: Path) -> None:
    cases = _loaded(Path(__file__).with_name("alerts.yaml"))
    assert list(cases) == [rule["alert"] for rule in _rules()]
    assert _tried(RULES, tmp_path) == ""


def test_rules_that_ask_for_nobody_are_all_found_out(tmp_path: Path) -> None:
    rules = _loaded(RULES)
    for rule in rules["groups"][0]["rules"]:
        rule["expr"] = "siraba_nobody"
    changed = tmp_path / "rules.yaml"
    changed.write_text(yaml.safe_dump(rules))
    said = _tried(changed, tmp_path)
    assert [rule["alert"] for rule in _rules() if f'alertname=\\"{rule["alert"]}' not in said] == []


def test_each_alert_has_its_page_in_the_runbook_and_no_page_is_left_over() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    pages = dict(re.findall(r"^## (Siraba\w+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(pages) == [rule["alert"] for rule in _rules()]
    for alert, page in pages.items():
        assert [part for part in PARTS if part not in page] == [], alert
    for rule in _rules():
        link = rule["annotations"]["runbook_url"]
        assert link == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_every_command_of_the_runbook_exists() -> None:
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    for words in set(re.findall(r"(?:^|`)siraba ((?:[a-z]+ ?)+)", text, re.MULTILINE)):
        done = CliRunner().invoke(app, [*words.split(), "--help"])
        assert done.exit_code == 0, words


def test_the_collector_lets_pass_what_we_keep_ourselves_and_no_more() -> None:
    config = _loaded(SHIPPED / "collector.yaml")
    redaction = config["processors"]["redaction"]
    assert redaction["allow_all_keys"] is False
    assert set(redaction["allowed_keys"]) == {*ALLOWED, "service.name"}
    (pipeline,) = config["service"]["pipelines"].values()
    assert "redaction" in pipeline["processors"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == config[kind].keys()

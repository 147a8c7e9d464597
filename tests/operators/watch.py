"""What an operator has before them: Prometheus with our rules, the numbers that it asked for, and the logs."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import httpx
import yaml

from deploy.embedded.processes import free_port
from deploy.platform import Platform
from tests.operators.manifests import ROOT
from tests.trust.canaries import disguises

SHIPPED: Final = ROOT / "deploy" / "observability"
#: The labels of an alert that are told apart.
KEPT: Final = ("service", "consumer", "source", "durable", "organisation")
#: An alert's or a measure's name with its labels.
Named = tuple[str, frozenset[tuple[str, str]]]


def named(name: str, **labels: str) -> Named:
    """A name with these labels."""
    return name, frozenset(labels.items())


@dataclass(frozen=True, slots=True)
class View:
    """One look. logged: how often each (event, labels) was written since the watch began."""

    numbers: Mapping[Named, float] = field(default_factory=dict)
    alerts: frozenset[Named] = frozenset()
    logged: Counter[Named] = field(default_factory=Counter)


@dataclass(slots=True)
class Watch:
    """`siraba metrics` and Prometheus as they are shipped, but asked more often."""

    http: httpx.Client
    logs: tuple[Path, ...]
    #: What `siraba metrics` was told, as settings.
    told: Mapping[str, str]
    #: Everything that Prometheus said, for canaries.
    shown: list[str] = field(default_factory=list)

    def look(self) -> View:
        """What Prometheus holds now and what the logs say."""
        logged = _counted(line for text in self._logs() for line in text.splitlines())
        return View(self._numbers(), frozenset(self._alerts()), logged)

    def canaries(self, text: str) -> int:
        """In how many disguises a text was shown anywhere."""
        whole = "\n".join([*self.shown, *self._logs()]).encode()
        return sum(disguised in whole for disguised in disguises(text).values())

    def _logs(self) -> list[str]:
        return [log.read_text(errors="replace") for log in self.logs if log.exists()]

    def _numbers(self) -> dict[Named, float]:
        found = {}
        for one in self._asked("query", query='{__name__=~"siraba_.+"}')["result"]:
            labels = {k: v for k, v in one["metric"].items() if k not in ("job", "instance")}
            found[named(labels.pop("__name__"), **labels)] = float(one["value"][1])
        return found

    def _alerts(self) -> Iterator[Named]:
        """Those that fire, and those that will unless it ends before."""
        for one in self._asked("alerts")["alerts"]:
            labels = one["labels"]
            kept = {k: v for k, v in labels.items() if k in KEPT}
            yield named(labels["alertname"], **kept)

    def _asked(self, what: str, **more: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/{what}", params=more).raise_for_status()
        self.shown.append(answer.text)
        found: dict[str, Any] = answer.json()["data"]
        return found


def _counted(lines: Iterable[str]) -> Counter[Named]:
    """A line without a count stands for one."""
    counted: Counter[Named] = Counter()
    for line in lines:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        words = {k: str(told[k]) for k in ("consumer", "reason") if k in told}
        counted[named(str(told.get("event")), **words)] += int(told.get("count", 1))
    return counted


@contextmanager
def watching(platform: Platform, folder: Path) -> Iterator[Watch]:
    """Both run until the end, in a folder of their own."""
    run, port, web = platform.state.run, free_port(), free_port()
    folder.mkdir(parents=True)
    told = yaml.safe_load((SHIPPED / "prometheus.yaml").read_text(encoding="utf-8"))
    # A round that waits for one source that is away takes nearly five seconds.
    told["global"] |= {"scrape_interval": "6s", "scrape_timeout": "6s", "evaluation_interval": "1s"}
    told["rule_files"] = [str(SHIPPED / "rules.yaml")]
    (job,) = told["scrape_configs"]
    job["authorization"]["credentials_file"] = str(platform.state.secrets / "metrics.token")
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(told))
    place = {"SIRABA_METRICS_PORT": str(port), "SIRABA_STATE_DIR": str(platform.state.root)}
    own = folder / "metrics.log"
    ours = [sys.executable, "-c", "from deploy.cli import app; app()", "metrics"]
    theirs = [
        "prometheus", f"--config.file={folder}/prometheus.yaml",
        f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{web}",
    ]  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(_running(ours, own, place))
        stack.enter_context(_running(theirs, folder / "prometheus.log", {}))
        address = f"http://127.0.0.1:{web}"
        client = stack.enter_context(httpx.Client(base_url=address, timeout=10, trust_env=False))
        _wait_until_ready(client)
        names = ("intake", "referral", "reporting")
        logs = (own, *(run / f"{name}.log" for name in names))
        yield Watch(client, logs, place)


def _wait_until_ready(client: httpx.Client) -> None:
    ends = monotonic() + 30
    while monotonic() < ends:
        with suppress(httpx.TransportError):
            if client.get("/-/ready").is_success:
                return
        sleep(0.1)
    raise AssertionError("Prometheus does not answer")


@contextmanager
def _running(command: list[str], log: Path, told: dict[str, str]) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=os.environ | told, cwd=ROOT, stdout=file, stderr=file
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)

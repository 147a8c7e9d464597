"""The runbook as whoever is woken follows it: an alert's page, its commands, and which cause they show."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.operators.manifests import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
_PAGE = re.compile(r"^## (Siraba\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: - `one sign`, `another`: what it means and what is done.
_CAUSE = re.compile(r"^- ((?:`[^`\n]+`(?:, | or )?)+): ", re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")
_LABEL = re.compile(r"\b(SERVICE|SOURCE|CONSUMER|DURABLE|ORGANISATION)\b")


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked, and each cause by the signs of which one must show."""

    commands: tuple[str, ...]
    causes: tuple[tuple[str, ...], ...]

    def shown_by(self, told: str, labels: Mapping[str, str]) -> list[tuple[str, ...]]:
        """The causes that what the commands told points to."""
        return [
            signs for signs in self.causes if any(filled(sign, labels) in told for sign in signs)
        ]


@dataclass(frozen=True, slots=True)
class Runbook:
    """beginning: what is typed before anything else."""

    beginning: str
    pages: Mapping[str, Page]


def read_runbook(text: str) -> Runbook:
    """The pages of alerts that ask something of a machine."""
    pages = {
        alert: Page(
            _lines(page), tuple(tuple(_SPAN.findall(head)) for head in _CAUSE.findall(page))
        )
        for alert, page in _PAGE.findall(text)
    }
    (beginning,) = _lines(text.partition("\n## ")[0])
    return Runbook(beginning, pages)


def asked(runbook: Runbook, alert: str, labels: Mapping[str, str], place: "Place") -> str:
    """What all commands of an alert's page tell, each in a shell of its own, all at once."""
    lines = [filled(line, labels) for line in runbook.pages[alert].commands]
    with ThreadPoolExecutor(len(lines)) as pool:
        return "\n".join(pool.map(place.typed, lines))


def filled(text: str, labels: Mapping[str, str]) -> str:
    """With the alert's labels for the words in capitals."""
    words = {name.upper(): value for name, value in labels.items()}
    if "DURABLE" in words:
        words.setdefault("SERVICE", words["DURABLE"].partition("-")[0])
    return _LABEL.sub(lambda found: words[found[0]], text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the platform runs. told: settings that are not as the runbook takes them to be."""

    state: Path
    told: Mapping[str, str]
    beginning: str

    def typed(self, line: str) -> str:
        """What a command says, on both outputs, typed after the runbook's beginning."""
        whole = f"{self.beginning.replace('/srv/siraba', str(self.state))}\n{line}"
        return subprocess.run(
            ["bash", "-c", whole], env=os.environ | self.told, cwd=ROOT, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
        ).stdout  # fmt: skip


def _lines(text: str) -> tuple[str, ...]:
    blocks: Iterable[str] = _BLOCK.findall(text)
    return tuple(line for block in blocks for line in block.splitlines())

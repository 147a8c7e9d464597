"""`siraba-partner conform`: examine a program, show how each check ended, write the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from partners.conformance.page import write_page
from partners.conformance.report import DoorName, Verdict, sign_report
from partners.conformance.suite import Examination
from partners.kit.edge import SYSTEM
from partners.kit.keys import PUBLIC, Keys, init, load
from partners.kit.lines import Write

REPORT: Final = "report.json"
PAGE: Final = "report.html"
LOG: Final = "program.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conforming:
    """What to examine, as whom, and where the report goes.

    `folder`: the organisation's own keys, made there when it has none. They sign the report and no
    more: the program gets keys of its own for the run.
    """

    command: tuple[str, ...]
    folder: Path
    code: str | None
    reports: Path
    patience: float
    door: DoorName = "nats"

    async def run(self, write: Write, *, found: list[bool]) -> None:
        """Examine, leave three files, and add to `found` whether it conforms. Raises `KitError`."""
        keys = self._keys()
        self.reports.mkdir(parents=True, exist_ok=True)
        log = self.reports / LOG
        log.unlink(missing_ok=True)
        report = await Examination(
            command=self.command,
            code=keys.code,
            log=log,
            edge=SYSTEM,
            patience=self.patience,
            door=self.door,
            tell=lambda verdict: write(_line(verdict)),
        ).run()
        (self.reports / REPORT).write_bytes(sign_report(report, keys.signing))
        (self.reports / PAGE).write_text(write_page(report), encoding="utf-8")
        verdict = "conforms" if report.conforms else "does NOT conform"
        if not report.conforms and (last := _last_line(log)):
            write(f"{log} ends with: {last}")
        write(f"{report.code} {verdict}: {self.reports}")
        found.append(report.conforms)

    def _keys(self) -> Keys:
        if self.code is not None and not (self.folder / PUBLIC).exists():
            return init(self.folder, code=self.code)
        return load(self.folder, code=self.code)


def _last_line(log: Path) -> str:
    """The end of what the program said, as a rule its error; for this terminal, not for the report."""
    lines = log.read_text("utf-8", "replace").split("\n") if log.exists() else []
    return next((line.strip()[-300:] for line in reversed(lines) if line.strip()), "")


def _line(verdict: Verdict) -> str:
    shown = f"{verdict.outcome.value.replace('_', ' '):<11} {verdict.check}"
    return f"{shown:<26} {verdict.said}".rstrip()

"""Runs the long form of every promised figure, then writes docs/figures.md: `python -m tests.figures`."""

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import cast

from tests.promised import Issue, read_promises
from tests.rows import Row, merge, read_rows

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "build" / "figures.json"
PAGE = ROOT / "docs" / "figures.md"
LONG_SECONDS = 20 * 60
NOTHING_MEASURED = 5  # pytest's exit code when no test was left to run
#: Campaigns mostly wait, each in a world of its own: so many run beside each other, longest first.
BESIDE = 4
CAMPAIGNS = (
    "kill9", "wipe", "partition", "stall", "disk", "pause", "outage", "powercut", "relay", "line",
)  # fmt: skip
COLUMNS = ("key", "value", "unit", "bound", "holds", "control", "seed", "form", "commit")
HEAD = """\
# Figures

What was promised and what was measured, written by `make figures` (long forms) from `build/figures.json`.
Absolute speeds depend on the machine; ratios and counts do not. What stands below the table is written
by hand.

"""
#: Where that begins.
NOTES = "\n## "


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    issues = read_promises()
    chosen = [issues[options.issue]] if options.issue else list(issues.values())
    start = datetime.now(UTC).isoformat(timespec="seconds")
    began = monotonic()
    passed = _measure(options.issue or "all")
    taken = monotonic() - began
    print(f"The long forms took {taken:.0f} s; an issue may take {LONG_SECONDS} s.")
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    ledger = read_rows(LEDGER)
    rows = merge(read_page(page), ledger)
    PAGE.write_text(write_page(rows, notes=read_notes(page)), encoding="utf-8")
    complaints = unkept(chosen, [row for row in ledger if row["at"] >= start])
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 0 if passed and not complaints else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.figures", description=__doc__)
    parser.add_argument(
        "--issue", choices=sorted(read_promises()), help="only this issue's figures"
    )
    return parser


def _measure(issue: str) -> bool:
    """Run the tests that measure; True when all passed, or when there was none (see `unkept`).

    Whatever measures a speed runs after the campaigns, with the machine to itself.
    """
    campaigns = [f"tests/trust/test_fire_{name}.py" for name in CAMPAIGNS]
    with ThreadPoolExecutor(BESIDE) as pool:
        passed = list(pool.map(lambda path: _ran(issue, path), campaigns))
    return all([*passed, _ran(issue, *(f"--ignore={path}" for path in campaigns))])


def _ran(issue: str, *which: str) -> bool:
    """One pytest process, told of when it ends; several at once do not share its cache."""
    options = ["--form", "long", "--figures-of", issue, f"--timeout={LONG_SECONDS}"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, *which]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, flush=True)
    return done.returncode in (0, NOTHING_MEASURED)


def unkept(issues: Iterable[Issue], rows: Iterable[Row]) -> list[str]:
    """Say which promised figures are missing, measured only in short form, or out of bounds."""
    by_key = {row["key"]: row for row in rows}
    complaints = []
    for promise in (promise for issue in issues for promise in issue.figures.values()):
        row = by_key.get(promise.key)
        if row is None or row["form"] != "long":
            complaints.append(f"{promise.key}: promised {promise.bound}, not measured in long form")
        elif not promise.kept_by(row["value"]):
            complaints.append(f"{promise.key}: promised {promise.bound}, is {row['value']}")
    return complaints


def write_page(rows: Iterable[Row], *, notes: str = "") -> str:
    """Write the rows as one Markdown table, and below it what people wrote."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(_cell(row, column) for column in COLUMNS) + " |" for row in rows]
    return HEAD + "\n".join(lines) + "\n" + notes


def _cell(row: Row, column: str) -> str:
    value = cast(dict[str, object], row)[column]
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value).replace("|", "/")


def read_page(text: str) -> list[Row]:
    """Read the rows of a page back, so that one issue's run keeps the others' figures."""
    rows = []
    for line in text.partition(NOTES)[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != len(COLUMNS) or cells[0] == "key":
            continue
        told = dict(zip(COLUMNS, cells, strict=True))
        rows.append(
            cast(Row, {**told, "value": _number(told["value"]), "holds": told["holds"] == "yes"})
        )
    return rows


def read_notes(text: str) -> str:
    """What people wrote below the table, from its first heading on."""
    _, heading, notes = text.partition(NOTES)
    return heading + notes


def _number(text: str) -> float | int:
    return int(text) if text.lstrip("-").isdigit() else float(text)


if __name__ == "__main__":
    sys.exit(main())

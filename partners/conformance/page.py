"""The report as one page for people, with nothing to fetch."""

from collections.abc import Mapping
from html import escape
from string import Template
from typing import Final

from partners.conformance.catalogue import CATALOGUE, Entry
from partners.conformance.report import Outcome, Report, Verdict

_WORDS: Final[Mapping[Outcome, str]] = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "FAILED",
    Outcome.NOT_JUDGED: "not judged",
}
_PAGE: Final = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Siraba: $code $verdict</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem;
         color: #1d1d1b; background: #fff; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0; }
  li { list-style: none; border-left: .35rem solid #767676; padding: .2rem 1rem; margin: .8rem 0; }
  ol { padding: 0; } p { margin: .2rem 0; }
  .passed { border-color: #1b7742; } .failed { border-color: #b3261e; }
  .said { font-weight: 600; } .small { color: #555; font-size: .9rem; }
</style>
</head>
<body>
<h1>$code $verdict to Siraba</h1>
<p>$passed of $all checks passed, by $door. $at, suite $suite.</p>
<p class="small">Examined with the messages of contracts <code>$contracts</code>, by what the program did
on the wire alone. What it said itself is in <code>program.log</code>.</p>
<ol>
$rows
</ol>
</body>
</html>
""")
_ROW: Final = Template("""\
<li class="$outcome">
<h2>$title: $word</h2>
<p>$rule</p>
$said
<p class="small"><code>$name</code>, $seconds s</p>
</li>""")


def write_page(report: Report) -> str:
    """The whole page; every word of the report is escaped."""
    found = {verdict.check: verdict for verdict in report.verdicts}
    rows = [_row(entry, found[entry.name]) for entry in CATALOGUE if entry.name in found]
    passed = sum(verdict.outcome is Outcome.PASSED for verdict in report.verdicts)
    return _PAGE.substitute(
        code=escape(report.code),
        verdict="conforms" if report.conforms else "does not conform",
        passed=passed,
        door=report.door.upper(),
        all=len(CATALOGUE),
        at=escape(report.at.strftime("%Y-%m-%d %H:%M UTC")),
        suite=escape(report.suite),
        contracts=escape(report.contracts[:16]),
        rows="\n".join(rows),
    )


def _row(entry: Entry, verdict: Verdict) -> str:
    said = f'<p class="said">{escape(verdict.said)}</p>' if verdict.said else ""
    return _ROW.substitute(
        name=escape(entry.name),
        title=escape(entry.title),
        rule=escape(entry.rule),
        outcome=verdict.outcome.value,
        word=_WORDS[verdict.outcome],
        said=said,
        seconds=f"{verdict.milliseconds / 1000:.1f}",
    )

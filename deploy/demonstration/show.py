"""Shows what was played: tables in a terminal, plain lines anywhere else."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from contracts.vocabulary import label
from deploy.demonstration.play import Played
from deploy.tracing import draw

_FIGURES = {
    "victims_detected": "victims detected",
    "victims_referred": "victims referred",
    "referrals_by_state": "referrals by state",
    "services_unplaced": "services nobody is left to ask for",
    "time_to_answer": "median time from offered to accepted or declined",
}
# How many dossiers each got, and never what was in one.
_RECEIVED = (("referral.offered", "offers"), ("dossier.disclosed", "dossiers"))
_SENT = (
    ("referral.receive", "seen"),
    ("referral.accept", "accepted"),
    ("referral.decline", "declined"),
    ("referral.start", "started"),
    ("referral.deliver", "delivered"),
)


def show(played: Played, *, console: Console, state_dir: Path) -> None:
    """Partners, figures, one way, and how to go on."""
    console.print()
    _show_partners(played, console)
    console.print()
    _show_figures(played, console)
    console.print()
    title = f"The way of case {played.shown_case}"
    for line in draw(played.way, title=title):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print("Go on with this state, and open the address it prints:", highlight=False)
    console.print(f"  siraba up --state-dir {state_dir}", highlight=False)
    console.print(
        f"  siraba trace {played.shown_case} --state-dir {state_dir}   (in a second terminal)",
        highlight=False,
    )


def _show_partners(played: Played, console: Console) -> None:
    heads = ["kind", "partner", *(head for _, head in (*_RECEIVED, *_SENT)), "refused"]
    rows = []
    for program in played.programs:
        entry = played.organisations[program.part.code]
        got, sent = program.received(), program.sent()
        counts = [*_counts(got, _RECEIVED), *_counts(sent, _SENT), str(got["request.refused"])]
        kind = f"{entry.kind} ({label('organisation_kind', entry.kind, 'fr')})"
        rows.append([kind, f"{entry.code}  {entry.name_fr}", *counts])
    _table(console, "What each partner received and answered", heads=heads, rows=rows)


def _counts(counter: Counter[str], names: Sequence[tuple[str, str]]) -> list[str]:
    return [str(counter[name]) for name, _ in names]


def _show_figures(played: Played, console: Console) -> None:
    _table(
        console,
        "The committee's figures",
        heads=["figure", "value", "unit"],
        rows=list(_figure_rows(played.figures["figures"])),
    )


def _figure_rows(figures: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, text in _FIGURES.items():
        figure = figures[name]
        value = figure["value"]
        if isinstance(value, dict):
            value = ", ".join(f"{state} {count}" for state, count in value.items() if count)
        elif isinstance(value, float):
            value = f"{value:.2f}"
        yield [text, "none" if value is None else str(value), figure["unit"]]


def _table(
    console: Console, title: str, *, heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    if console.is_terminal:
        table = Table(*heads, title=title, title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    console.print(title, highlight=False)
    for row in rows:
        pairs = (f"{head}: {value}" for head, value in zip(heads, row, strict=True))
        console.print("  " + " | ".join(pairs), markup=False, highlight=False, soft_wrap=True)

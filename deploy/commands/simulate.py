"""`siraba simulate`: invented years, to see reports of ten years and forty thousand persons."""

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from contracts.intake import CaseRegistered
from deploy.commands.context import (
    failing_clearly,
    platform_settings,
    running_state,
    with_tables_of,
)
from deploy.directory import load_directory
from deploy.embedded.processes import ServerError
from deploy.simulation.decade import Plan, a_decade
from deploy.state import State
from services.reporting.use_cases import Happened, SomebodyIsCounted, take_invented

_YEARS = re.compile(r"(\d{4}):(\d{4})", re.ASCII)


@failing_clearly
def simulate(
    *,
    years: Annotated[str, typer.Option(help="First and last year, both included.")] = "2016:2025",
    cases: Annotated[int, typer.Option(min=1, max=1_000_000, help="Persons found.")] = 60_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same years.")] = 1,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
) -> None:
    """Fill reporting with invented years, to try reports and figures on.

    Only on an embedded platform on which nobody was counted yet: start one for
    it with `siraba up --state-dir .siraba/decade`. All persons, files and
    answers are invented, at rates that were published where there are any;
    only reporting hears of them, no stream and no partner. A run that is
    interrupted leaves nothing. `siraba reporting rebuild` forgets all of it.

    Examples:

      siraba simulate --state-dir .siraba/decade

      siraba simulate --years 2024:2025 --cases 3000 --seed 7
    """
    first, last = _years(years)
    settings = platform_settings(state_dir=state_dir)
    if not (settings.embedded_postgres and settings.embedded_nats):
        raise ServerError("invented years are for an embedded platform only")
    state = running_state(state_dir)
    directory = load_directory(settings.directory_file)
    plan = Plan(first=first, last=last, cases=cases, seed=seed, directory=directory)
    console = Console()
    try:
        events = _with_bar(console, plan, state)
    except SomebodyIsCounted:
        raise ServerError(
            "reporting has counted somebody: start an empty platform, with a --state-dir of its own"
        ) from None
    console.print(f"{events} events on {cases} invented persons are counted.", highlight=False)


def _years(given: str) -> tuple[int, int]:
    found = _YEARS.fullmatch(given)
    if found is None:
        raise ServerError("--years: two years as 2016:2025")
    first, last = int(found[1]), int(found[2])
    if not 1960 <= first <= last:
        raise ServerError("--years: the first must not be after the last, nor before 1960")
    return first, last


def _with_bar(console: Console, plan: Plan, state: State) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=console)
    bar.disable = not console.is_terminal
    with bar:
        task = bar.add_task("inventing", total=plan.cases)

        def seen(event: Happened) -> Happened:
            if isinstance(event.event, CaseRegistered):
                bar.advance(task)
            return event

        return with_tables_of(
            "reporting", state, lambda engine: take_invented(engine, map(seen, a_decade(plan)))
        )

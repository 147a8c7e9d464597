"""`siraba import FILE`: cases from IOM's HTCDS workbooks and from CSV."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from deploy.commands.context import failing_clearly, running_state
from deploy.embedded.processes import ServerError
from deploy.importing import Outcome, import_rows
from deploy.intake_client import ImportStopped, Sender
from partners.kit import keys
from partners.kit.errors import KitError
from services.intake.imports import ImportFileError, Row, read_cases


@failing_clearly
def import_command(
    file: Annotated[Path, typer.Argument(help="An HTCDS 2.0 workbook (.xlsx) or CSV.")],
    *,
    key_dir: Annotated[
        Path,
        typer.Option("--keys", help="Your organisation's folder, made by `siraba-partner init`."),
    ],
    url: Annotated[
        str | None, typer.Option(help="Siraba's address (default: the platform that runs here).")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of that platform (default .siraba).")
    ] = None,
) -> None:
    """Register the cases of a file in the name of your organisation.

    Reads IOM's own HTCDS 2.0 workbooks as they are, and CSV files with the
    same codes; prs_Gender and prs_Citizenship must be filled in. Four more
    columns make referrals: siraba_needs (services, as `shelter;health`),
    siraba_consent (as `shelter=given;justice=refused:guardian`),
    siraba_region (00 to 19) and siraba_urgency (vital_1h, emergency_24h,
    urgent_72h, normal_14d); a code that is not allowed is refused with those
    that are. A row without them is registered and asks nobody. Rows with the
    same word in siraba_incident were found together, those with the same in
    siraba_family go together; the words themselves are kept nowhere. A wrong
    row refuses itself and no other; the exit code is 1 when there was one.
    The same file again registers nothing twice. What is registered is listed
    with its case's number, by which `siraba explain` and `trace` follow it.

    Examples:

      siraba import cases.xlsx --keys ./my-keys

      siraba import cases.csv --keys ./my-keys --url https://siraba.example
    """
    address = url or str(running_state(state_dir).status()["front_url"])
    outcome = _import(file, key_dir, url=address, console=Console())
    if outcome.refused:
        raise typer.Exit(1)


def _import(file: Path, key_dir: Path, *, url: str, console: Console) -> Outcome:
    try:
        content = file.read_bytes()
        rows = read_cases(content, today=datetime.now(UTC).date())
        ours = keys.load(key_dir)
        sender = Sender(organisation=ours.code, signing=ours.signing)
        outcome = _with_bar(console, rows, content=content, url=url, sender=sender)
    except (OSError, ImportFileError, KitError) as error:
        raise ServerError(str(error)) from None
    except ImportStopped as stopped:
        raise ServerError(f"{stopped}; run the same command again to go on") from None
    report(console, outcome)
    return outcome


def _with_bar(
    console: Console, rows: list[Row], *, content: bytes, url: str, sender: Sender
) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("importing", total=len(rows))
        return asyncio.run(
            import_rows(
                rows, content=content, url=url, sender=sender, progress=lambda: bar.advance(task)
            )
        )


def report(console: Console, outcome: Outcome) -> None:
    """What became of each row, with its case's number where it is new, and the sum."""
    for row, number in sorted(outcome.registered.items()):
        console.print(f"row {row}: {number}", highlight=False)
    if outcome.refused:
        table = Table("row", "column", "rule", "what is wrong", title="Refused", box=None)
        for refusal in outcome.refused:
            table.add_row(str(refusal.row), refusal.column, refusal.rule, refusal.sentence)
        console.print(table)
    console.print(
        f"{len(outcome.registered)} registered, {len(outcome.known)} already there, "
        f"{len(outcome.refused_rows)} rows refused."
    )

"""`siraba doctor`: is what protects people switched on, on the servers that run now."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.topology import SERVICES
from deploy.advisories import Server, check_advisories
from deploy.checks import Check, check_postgres
from deploy.commands.context import failing_clearly, nats_address, platform_settings, state_of
from deploy.doctor import check_nats
from deploy.engines import known_partners, ops_database_url
from deploy.host_checks import check_doors, check_host
from deploy.key_checks import check_months
from deploy.law_checks import check_conservation
from deploy.settings import PlatformSettings
from deploy.state import State


@failing_clearly
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder for everything that is kept (default .siraba).")
    ] = None,
) -> None:
    """Examine the running servers; exit code 1 when anything is not as it must be.

    Asks NATS and PostgreSQL themselves, not their configuration files: that
    acknowledged means on disk, that streams refuse rather than drop, that
    accounts and users can do what they must and nothing else, that no other
    door is open, that the clocks agree, the disk has room, and that keys are
    young and their files closed to others. And the law of conservation: of each stream that a service
    writes or reads, accepted = delivered + pending + parked + dead, or the ids
    of what is missing. And that partners know the keys that they seal to, and that the servers' releases
    have no hole that is in the list of known ones; the line says of what day the list is.

    Examples:

      siraba doctor

      siraba doctor --json | jq '.[] | select(.holds | not)'
    """
    settings = platform_settings(state_dir=state_dir)
    state = state_of(settings)
    report(asyncio.run(_examine(state, settings)), as_json=as_json)


def report(checks: list[Check], *, as_json: bool) -> None:
    """Print the checks; typer.Exit with 1 when one does not hold."""
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        _show(checks)
    if not all(check.holds for check in checks):
        raise typer.Exit(1)


async def _examine(state: State, settings: PlatformSettings) -> list[Check]:
    partners = known_partners(state, settings)
    nats = await check_nats(nats_address(state, settings), state, partners)
    database = ops_database_url(state, settings)
    # Beside an embedded server run those that are named; elsewhere services leave no word here, and
    # then every one is meant.
    status = state.status()
    running = status.get("service_urls") or (() if status.get("nats_ports") else SERVICES)
    law = await check_conservation(database, running)
    months = await check_months(database, state, now=datetime.now(UTC))
    doors = await check_doors(database, clock=lambda: datetime.now(UTC))
    host = check_host(state, now=datetime.now(UTC))
    holes = await check_advisories(
        nats_address(state, settings), database, state, embedded=_embedded(settings)
    )
    return [*nats, *await check_postgres(database), *holes, *doors, *law, months, *host]


def _embedded(settings: PlatformSettings) -> Iterator[Server]:
    if settings.embedded_nats:
        yield "NATS"
    if settings.embedded_postgres:
        yield "PostgreSQL"


def _show(checks: list[Check]) -> None:
    console = Console()
    if console.is_terminal:
        table = Table("", "check", "found")
        for check in checks:
            mark = "[green]ok[/]" if check.holds else "[red]problem[/]"
            table.add_row(mark, check.name, check.found)
        console.print(table)
    else:
        for check in checks:
            typer.echo(f"{'ok' if check.holds else 'problem'}: {check.name} ({check.found})")
    problems = sum(not check.holds for check in checks)
    typer.echo(f"{len(checks)} checks, {problems} problems")

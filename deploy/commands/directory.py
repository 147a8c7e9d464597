"""`siraba directory`: the organisations as people write them down, and who changed what and why."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.directory import DirectoryEntry
from deploy.commands.context import (
    failing_clearly,
    platform_settings,
    running_state,
    state_of,
    with_tables_of,
)
from deploy.directory import Line, load_lines, write_directory
from deploy.directory_publish import at_the_command_line, own_mint
from deploy.embedded.processes import ServerError
from services.referral.store import directory as rows
from services.referral.store.directory import Current, Version
from services.referral.use_cases.changing import Change, ChangedMeanwhile, change_directory

directory = typer.Typer(
    help="The organisations: check and apply a file, show them, and who changed what.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Organisations, as YAML.")]
#: Whose directory it is.
OWNER = "referral"


@directory.command("check")
@failing_clearly
def check(file: File, state_dir: StateDir = None) -> None:
    """Say what is wrong with a file, else what it would change; nothing is changed.

    Without a running platform the file is checked by itself.

    Example:

      siraba directory check organisations.yaml
    """
    lines = load_lines(file)
    state = state_of(platform_settings(state_dir=state_dir))
    if not state.status():
        typer.echo(f"{len(lines)} organisations are in order; no platform runs to compare with.")
        return
    now = with_tables_of(OWNER, state, _current)
    changed = [line for line in lines if _differs(line.entry, now)]
    for line in changed:
        typer.echo(f"{line.entry.code}: {', '.join(_differing(line.entry, now))}")
    passed = [line.entry.code for line in changed if _is_passed(line, now)]
    if passed:
        raise ServerError(f"changed since this file was written: {', '.join(passed)}")
    typer.echo(f"{len(lines)} organisations are in order, {len(changed)} of them would change.")


@directory.command("apply")
@failing_clearly
def apply(
    file: File,
    why: Annotated[str, typer.Option(help="Why, for whoever reads the history; name no person.")],
    state_dir: StateDir = None,
) -> None:
    """Make the directory what the file says: all of it, or nothing where anything is wrong.

    An organisation that the file does not name stays as it is; one that is to
    take no part has `state: suspended`: it is offered nothing new, let in at no
    door, and what is open with it goes to others. A line with a `version`, as
    `show --yaml` writes it, is refused where somebody has changed the entry since.

    Example:

      siraba directory apply organisations.yaml --why "Night duty in Kita"
    """
    changes = [Change(entry=line.entry, on=line.version) for line in load_lines(file)]

    async def applied(engine: AsyncEngine) -> dict[str, int]:
        async with engine.begin() as connection:
            return await change_directory(
                connection, changes, author=at_the_command_line(), why=why, mint=own_mint()
            )

    try:
        changed = with_tables_of(OWNER, running_state(state_dir), applied)
    except ChangedMeanwhile as passed:
        codes = ", ".join(passed.codes)
        raise ServerError(f"changed since this file was written: {codes}") from None
    for code, version in changed.items():
        typer.echo(f"{code}: version {version}")
    typer.echo(f"{len(changed)} of {len(changes)} organisations changed.")


@directory.command("show")
@failing_clearly
def show(
    code: Annotated[str | None, typer.Argument(help="One organisation; without: all.")] = None,
    *,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="As a file that `apply` takes, with versions.")
    ] = False,
    state_dir: StateDir = None,
) -> None:
    """List the organisations, or write them out to be changed and applied again.

    Examples:

      siraba directory show
      siraba directory show CSREF_KITA --yaml > kita.yaml
    """
    found = with_tables_of(OWNER, running_state(state_dir), _current)
    if code is not None:
        found = {code: _known(found, code)}
    if as_yaml or code is not None:
        typer.echo(write_directory([Line(one.entry, one.version) for one in found.values()]))
        return
    table = Table(
        Column("code", no_wrap=True), "kind", "seat", "zones", "services", "state", "version"
    )
    for one in found.values():
        entry = one.entry
        table.add_row(
            entry.code,
            entry.kind,
            entry.units[0].cercle,
            " ".join(entry.zones),
            " ".join(offer.service for offer in entry.services),
            entry.state,
            str(one.version),
        )
    Console().print(table)


@directory.command("history")
@failing_clearly
def history(
    code: Annotated[str, typer.Argument(help="Code of the organisation.")],
    version: Annotated[int | None, typer.Option(help="Write out this one, as `show` does.")] = None,
    state_dir: StateDir = None,
) -> None:
    """Show every version of an entry: when, by whom, why, and which fields changed.

    Examples:

      siraba directory history CSREF_KITA
      siraba directory history CSREF_KITA --version 1
    """

    async def read(engine: AsyncEngine) -> list[Version]:
        async with engine.connect() as connection:
            return await rows.versions(connection, code)

    versions = with_tables_of(OWNER, running_state(state_dir), read)
    by_number = {one.version: one for one in versions}
    if version is not None:
        typer.echo(write_directory([Line(_known(by_number, version).entry, version)]))
        return
    _known(by_number, 1)
    table = Table("version", "when", "by", "why", "changed")
    for one in versions:
        before = by_number.get(one.version - 1)
        table.add_row(
            str(one.version),
            f"{one.changed_at:%Y-%m-%d %H:%M}",
            " ".join(filter(None, (one.author.organisation, one.author.role, one.author.person))),
            one.why,
            ", ".join(_changed(before.entry, one.entry)) if before else "new",
        )
    Console().print(table)


async def _current(engine: AsyncEngine) -> dict[str, Current]:
    async with engine.connect() as connection:
        return await rows.current(connection)


def _known(found: Mapping[Any, Any], key: object) -> Any:
    if key not in found:
        raise ServerError("not in the directory: `siraba directory show` lists what is")
    return found[key]


def _differs(entry: DirectoryEntry, now: Mapping[str, Current]) -> bool:
    return entry.code not in now or now[entry.code].entry != entry


def _differing(entry: DirectoryEntry, now: Mapping[str, Current]) -> list[str]:
    return _changed(now[entry.code].entry, entry) if entry.code in now else ["new"]


def _is_passed(line: Line, now: Mapping[str, Current]) -> bool:
    before = now.get(line.entry.code)
    return line.version is not None and (before is None or before.version != line.version)


def _changed(before: DirectoryEntry, after: DirectoryEntry) -> list[str]:
    """Each field that differs, with what it was and is."""
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return [
        f"{name}: {json.dumps(old[name], ensure_ascii=False)} → "
        f"{json.dumps(new[name], ensure_ascii=False)}"
        for name in new
        if old[name] != new[name]
    ]

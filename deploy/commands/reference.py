"""`siraba reference`: offences, courts and legal holidays as they were on a day, each with its source."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.web.pages import LANGUAGES
from contracts.vocabulary.reference import LISTS, Row, day_of, rows
from deploy.commands.context import (
    failing_clearly,
    platform_settings,
    with_tables_of,
)
from deploy.embedded.processes import ServerError
from deploy.state import State
from services.referral.store.holidays import Declared, declared


@failing_clearly
def reference(
    list_name: Annotated[str, typer.Argument(help="offences, courts or holidays.")],
    *,
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Day to ask of, today unless given; of holidays its year."
        ),
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[str, typer.Option(help="Language of the names: fr or en.")] = "en",
) -> None:
    """List what was in force on a day, and where each line comes from.

    A movable feast is listed only in a year whose date a source gives, or that the committee
    declared on the running platform (PUT /referral/reference/holidays/DAY). Reports on
    proceedings are held to these lists: docs/partners.md.

    Examples:

      siraba reference courts --on 2025-06-12

      siraba reference holidays --json
    """
    for said, known, name in ((list_name, LISTS, "list"), (lang, LANGUAGES, "language")):
        if said not in known:
            raise ServerError(f"unknown {name}: choose one of {', '.join(known)}")
    day = (on or datetime.now(UTC)).date()
    found = [line for row in rows(list_name) if (line := _line(row, list_name, day.isoformat()))]
    if list_name == "holidays":
        found += _declared(state_dir, day.year)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in sorted(found, key=lambda line: line.get("on", "")):
        typer.echo(_words(line, lang))


def _declared(state_dir: Path | None, year: int) -> list[dict[str, str]]:
    """Days off of this year that the committee declared; where nothing runs, a word that they are missing."""
    state = State(platform_settings(state_dir=state_dir).state_dir.resolve())
    if not state.status().get("front_url"):
        typer.echo("Nothing runs here: days off that were declared are not listed.", err=True)
        return []

    async def read(engine: AsyncEngine) -> list[Declared]:
        async with engine.connect() as connection:
            return await declared(connection, year)

    return [
        {"code": "declared", "fr": one.fr, "en": one.en, "source": one.source}
        | {name: one.day.isoformat() for name in ("valid_from", "valid_to", "on")}
        for one in with_tables_of("referral", state, read)
    ]


def _line(row: Row, list_name: str, day: str) -> dict[str, str] | None:
    """One line as it is shown; None where it was not in force."""
    asked = datetime.fromisoformat(day).date()
    when = day_of(row, asked.year) if list_name == "holidays" else asked
    if when is None or not row.is_valid(when):
        return None
    said = {name: value for name, value in asdict(row).items() if name != "about"}
    shown = {name: str(value) for name, value in said.items() if value}
    about = {name: value for name, value in row.about.items() if value and name != "day"}
    return shown | about | ({"on": when.isoformat()} if list_name == "holidays" else {})


def _words(line: dict[str, str], lang: str) -> str:
    period = f"{line.get('valid_from', '…')} – {line.get('valid_to', '…')}"
    law = " ".join(line[name] for name in ("law", "article") if name in line)
    named = " · ".join(part for part in (line[lang], law, line.get("cercle", "")) if part)
    under = [line["source"], *([line["note"]] if "note" in line else [])]
    return "\n  ".join([f"{line.get('on', period)}  {line['code']}: {named}", *under])

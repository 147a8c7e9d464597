"""The platform that runs, as the commands on partners reach it: its directory, and taking changes up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.directory_keys import load_keys
from contracts.keyring import PublicKey
from deploy.commands.context import (
    database_url,
    platform_settings,
    running_state,
    with_tables_of,
)
from deploy.directory_publish import at_the_command_line, own_mint
from deploy.embedded.processes import ServerError
from deploy.onboarding import take_up
from deploy.settings import PlatformSettings
from deploy.state import State
from services.referral.store import directory
from services.referral.store.directory import Standing
from services.referral.use_cases.changing import Change, ChangedMeanwhile, change_directory

StateDir = Annotated[Path | None, typer.Option(help="State folder (default .siraba).")]
Code = Annotated[str, typer.Argument(help="Code of the organisation.")]
Why = Annotated[str, typer.Option(help="Why, for whoever reads the history; name no person.")]
#: Whose directory it is.
OWNER = "referral"
_OPEN = text("""
    select count(*) from referrals
    where organisation = :code and state in ('offered', 'received', 'accepted', 'started')
""")

_R = TypeVar("_R")


def running(state_dir: Path | None) -> tuple[State, PlatformSettings]:
    """The state and the settings of the platform that runs. Raises ServerError when none does."""
    return running_state(state_dir), platform_settings(state_dir=state_dir)


def take_up_now(state: State, settings: PlatformSettings) -> None:
    """Let NATS and the directory follow what lies in the state."""
    asyncio.run(take_up(state, settings, database_url=database_url(state, f"{OWNER}_work")))
    if not state.status().get("nats_ports"):
        typer.echo("NATS is external: run `siraba provision --emit DIR --reload` now.", err=True)


def looked_up(state: State, look: Callable[[AsyncConnection], Awaitable[_R]]) -> _R:
    """What this finds in referral's tables."""

    async def asked(engine: AsyncEngine) -> _R:
        async with engine.connect() as connection:
            return await look(connection)

    return with_tables_of(OWNER, state, asked)


def known_keys(state: State) -> list[PublicKey]:
    """Every key that the directory ever had, good or not."""
    return looked_up(state, load_keys)


def known_standings(state: State) -> dict[str, Standing]:
    """How each organisation of the directory stands, by code."""
    return {one.code: one for one in looked_up(state, directory.standings)}


def require_known(state: State, code: str) -> Standing:
    """How it stands. Raises ServerError."""
    found = known_standings(state).get(code)
    if found is None:
        raise ServerError(f"{code}: not in the directory: see `siraba directory show`")
    return found


def with_keys_that_count(keys: list[PublicKey], now: datetime) -> set[str]:
    """The codes of those who can be let in."""
    return {key.owner for key in keys if key.use == "signing" and key.counts(now)}


def count_open(state: State, code: str) -> int:
    """Referrals that were made to it and have not come to an end."""

    async def counted(connection: AsyncConnection) -> int:
        return int((await connection.execute(_OPEN, {"code": code})).scalar_one())

    return looked_up(state, counted)


def set_state(state: State, code: str, to: str, *, why: str, gone: bool = False) -> None:
    """Change an organisation's state in the directory, as a version that says why.

    gone: it is removed with the same transaction. Raises ServerError.
    """

    async def changed(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            found = (await directory.current(connection, [code]))[code]
            entry = found.entry.model_copy(update={"state": to})
            await change_directory(
                connection,
                [Change(entry=entry, on=found.version)],
                author=at_the_command_line(),
                why=why,
                mint=own_mint(),
            )
            if gone:
                await directory.remove(connection, code)

    try:
        with_tables_of(OWNER, state, changed)
    except ChangedMeanwhile:
        raise ServerError(f"{code}: somebody has changed its entry just now: try again") from None

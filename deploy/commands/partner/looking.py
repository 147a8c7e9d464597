"""Who takes part and who does not, and with which keys since when."""

from collections.abc import Mapping
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.table import Column, Table

from contracts.keyring import PublicKey
from deploy.commands.context import failing_clearly
from deploy.commands.partner.at_hand import (
    Code,
    StateDir,
    known_keys,
    known_standings,
    require_known,
    running,
    with_keys_that_count,
)
from deploy.keys import registered_partners
from deploy.onboarding import login_keys
from deploy.state import State
from services.referral.store.directory import Standing

_MINUTE = "%Y-%m-%d %H:%M"


@failing_clearly
def keys(code: Code, state_dir: StateDir = None) -> None:
    """List every key that an organisation ever had, and from when until when each was good.

    A key that has ended is kept: what it signed in its time stays good.

    Example:

      siraba partner keys SHELTER_A
    """
    state, _ = running(state_dir)
    require_known(state, code)
    now = datetime.now(UTC)
    table = Table("use", "id", "from", "until", "state")
    for key in (key for key in known_keys(state) if key.owner == code):
        end = min((one for one in (key.valid_until, key.suspect_from) if one), default=None)
        until = f"{end:{_MINUTE}}" if end else ""
        table.add_row(key.use, key.id, f"{key.valid_from:{_MINUTE}}", until, _fault(key, now))
    Console().print(table)
    for login in login_keys(state, code):
        typer.echo(f"logs in to NATS with {login}")


@failing_clearly
def show(state_dir: StateDir = None) -> None:
    """List the organisations with a feed, and whoever has keys: how each stands.

    Example:

      siraba partner show
    """
    state, _ = running(state_dir)
    have_part = with_keys_that_count(known_keys(state), datetime.now(UTC))
    had_part = {key.owner for key in known_keys(state)}
    table = Table(Column("organisation", no_wrap=True), "channel", "stands")
    standings = known_standings(state)
    for code, one in standings.items():
        if one.channel != "desk" or code in had_part:
            table.add_row(code, one.channel, _stands(one, state, have_part, had_part=had_part))
    for stranger in registered_partners(state):
        if stranger.code not in standings:
            table.add_row(stranger.code, "", "has keys and is not in the directory")
    Console().print(table)


def _stands(one: Standing, state: State, have_part: set[str], *, had_part: set[str]) -> str:
    words: Mapping[str, bool] = {
        "removed": one.is_removed,
        "waits to be activated": (state.waiting / f"{one.code}.json").exists(),
        "revoked": one.code in had_part - have_part,
        "suspended": one.is_suspended,
        "takes part": one.code in have_part,
    }
    return next((word for word, holds in words.items() if holds), "has no keys")


def _fault(key: PublicKey, now: datetime) -> str:
    fault = key.fault(now)
    return "good" if fault is None else fault.removeprefix("key_").replace("_", " ")

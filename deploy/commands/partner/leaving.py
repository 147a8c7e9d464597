"""How organisations go: suspended for a while, cut off for good, and gone with their streams."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.commands.context import failing_clearly
from deploy.commands.partner.at_hand import (
    Code,
    StateDir,
    Why,
    count_open,
    known_keys,
    looked_up,
    require_known,
    running,
    set_state,
    take_up_now,
    with_keys_that_count,
)
from deploy.embedded.processes import ServerError
from deploy.leaving import clear_away, lies_there
from deploy.onboarding import login_keys, put_away
from deploy.state import State

_OWNED = text("select count(*) from cases where owner = :code")


@failing_clearly
def suspend(code: Code, why: Why, state_dir: StateDir = None) -> None:
    """Let an organisation take no part for a while: `siraba partner resume` takes it back.

    Its connections end at both doors, what it asks is refused, and it is asked
    for nothing; its keys stay good and its feed goes on being written. Its open
    referrals, also those that it has begun, are taken back within seconds: the
    next in rank is asked, or at high risk the owner. They do not come back.

    Example:

      siraba partner suspend SHELTER_A --why "Flooded until June"
    """
    state, settings = running(state_dir)
    if require_known(state, code).is_suspended:
        raise ServerError(f"{code}: is suspended already")
    left = count_open(state, code)
    set_state(state, code, "suspended", why=why)
    take_up_now(state, settings)
    typer.echo(f"{code} is suspended. Open referrals that go to others: {left}.")


@failing_clearly
def resume(code: Code, why: Why, state_dir: StateDir = None) -> None:
    """Let an organisation that was suspended take part again, with the keys and feed that it had.

    What came in its feed meanwhile waits for it.

    Example:

      siraba partner resume SHELTER_A --why "Open again"
    """
    state, settings = running(state_dir)
    standing = require_known(state, code)
    if standing.is_removed or not standing.is_suspended:
        raise ServerError(f"{code}: is not suspended")
    keys = [key for key in known_keys(state) if key.owner == code]
    if keys and not with_keys_that_count(keys, datetime.now(UTC)):
        raise ServerError(f"{code}: its keys were revoked: `siraba partner add` new ones first")
    set_state(state, code, "active", why=why)
    take_up_now(state, settings)
    typer.echo(f"{code} takes part again.")


@failing_clearly
def revoke(code: Code, why: Why = "its keys were revoked", state_dir: StateDir = None) -> None:
    """Cut an organisation off: its connection ends, its keys count for nothing from now on.

    What it signed before stays good, and its feed is kept. It is suspended as
    well, so that nobody is referred to it and its open referrals go to others.
    With keys that were stolen it comes back by `siraba partner add`, and then
    `siraba partner resume`.

    Example:

      siraba partner revoke SHELTER_A
    """
    state, settings = running(state_dir)
    standing, left = require_known(state, code), count_open(state, code)
    put_away(state, code, now=datetime.now(UTC))
    take_up_now(state, settings)  # first: a thief may be in
    if not standing.is_suspended:
        set_state(state, code, "suspended", why=why)
    typer.echo(f"{code} is cut off. Open referrals that go to others: {left}.")


@failing_clearly
def remove(
    code: Code,
    why: Why,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Also where something is left.")] = False,
    state_dir: StateDir = None,
) -> None:
    """Clear away what an organisation that was revoked had: account, place in its feed, ingress.

    Says first what is left of it, and does nothing then without --yes: messages
    it never confirmed, which nobody will read and OUT lets go after 90 days;
    requests that were not drawn into the inbox, which are lost; open referrals,
    which go to others; cases that it owns, which stay. What the inbox has goes on.
    Its entry, its keys and what it has signed are kept.

    Example:

      siraba partner remove SHELTER_A --why "Closed"
    """
    state, settings = running(state_dir)
    require_known(state, code)
    if login_keys(state, code):
        raise ServerError(f"{code}: takes part: `siraba partner revoke {code}` first")
    left = _left(state, code)
    for what, count in left.items():
        if count:
            typer.echo(f"{code} leaves {count} {what}.")
    if any(left.values()) and not yes:
        raise ServerError(f"{code}: nothing was done; --yes leaves them behind")
    set_state(state, code, "suspended", why=why, gone=True)
    take_up_now(state, settings)
    asyncio.run(clear_away(state, code))
    (state.waiting / f"{code}.json").unlink(missing_ok=True)
    typer.echo(f"{code} is removed.")


def _left(state: State, code: str) -> dict[str, int]:
    async def owned(connection: AsyncConnection) -> int:
        return int((await connection.execute(_OWNED, {"code": code})).scalar_one())

    lies = asyncio.run(lies_there(state, code))
    return {
        "messages of its feed that it never confirmed": lies.unread,
        "requests that the inbox has not drawn": lies.undrawn,
        "open referrals": count_open(state, code),
        "cases that it owns": looked_up(state, owned),
    }

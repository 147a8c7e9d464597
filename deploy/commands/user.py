"""`siraba user`: people with a browser get an account by an invitation, and lose it at once."""

from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.callers import Caller
from deploy.commands.context import failing_clearly, running_state, with_tables_of
from deploy.embedded.processes import ServerError
from services.referral.store import accounts, recoveries
from services.referral.use_cases.inviting import (
    ACCOUNTS,
    OPERATOR,
    Invitation,
    InvitationRefused,
    disable,
    invite,
)
from services.referral.use_cases.recovering import (
    Agreement,
    RecoveryRefused,
    agree_recovery,
    ask_recovery,
)

user = typer.Typer(
    help="Give people accounts for the pages, and take them away.",
    no_args_is_help=True,
    add_completion=False,
)
StateDir = Annotated[
    Path | None, typer.Option(help="State folder of the running platform (default .siraba).")
]
Login = Annotated[str, typer.Argument(help="The name that somebody signs in with.")]
_REASONS: Final = {
    "login": "a name has 2 to 40 of a–z, 0–9, dot, dash and underscore, and begins with a letter or digit",
    "role": f"the role must be one of {', '.join(ACCOUNTS)}",
    "organisation": "the directory has no such organisation, or it is suspended: `siraba directory show`",
    "joined": "somebody signs in with this name already; who has lost password or telephone: `siraba user recover`",
    "taken": "somebody of another organisation has this name: choose another",
}
_LOST: Final = {
    "unknown": "nobody signs in with this name: `siraba user list`",
    "new": "whoever has this name has not joined yet: `siraba user invite`",
    "same": "you have said so already: a focal point must say it too",
    "asked": "an address was given out already; it is good for three days",
}
_MINUTE: Final = "%Y-%m-%d %H:%M"


@user.command("invite")
@failing_clearly
def invite_command(
    login: Login,
    *,
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ACCOUNTS)}.")] = "focal_point",
    state_dir: StateDir = None,
) -> None:
    """Print an address by which somebody makes an account.

    It works once, for three days. Hand it over on a way that nobody else
    reads: whoever opens it first chooses password and codes.

    Example:

      siraba user invite a.diarra --organisation HOPITAL_KAYES
    """
    state = running_state(state_dir)
    secret, now = token_urlsafe(32), datetime.now(UTC)
    asked = Invitation(account_id=uuid4(), organisation=organisation, role=role, login=login)

    async def act(engine: AsyncEngine) -> datetime:
        async with engine.begin() as connection:
            by = Caller(organisation, OPERATOR)
            return await invite(connection, asked, secret=secret, now=now, by=by)

    try:
        until = with_tables_of("referral", state, act)
    except InvitationRefused as refused:
        raise ServerError(_REASONS[refused.reason]) from None
    typer.echo(f"{state.status()['front_url']}/join?token={secret}")
    typer.echo(f"Works once, until {until:{_MINUTE}} UTC.", err=True)


@user.command("list")
@failing_clearly
def list_command(state_dir: StateDir = None) -> None:
    """List all accounts: who has joined, who is invited, who rests or is disabled.

    Example:

      siraba user list
    """
    state = running_state(state_dir)

    async def act(engine: AsyncEngine) -> Any:
        async with engine.connect() as connection:
            return await accounts.listed(connection)

    table = Table("name", "organisation", "role", "state", "last seen", title="Accounts")
    for row in with_tables_of("referral", state, act):
        seen = f"{row.seen_at:{_MINUTE}}" if row.seen_at else ""
        table.add_row(
            row.login, row.organisation, row.role, _standing(row, datetime.now(UTC)), seen
        )
    Console().print(table if table.row_count else "Nobody has an account: `siraba user invite`.")


@user.command("disable")
@failing_clearly
def disable_command(login: Login, state_dir: StateDir = None) -> None:
    """Let nobody in by this name from now on; open sessions end at once. An invitation undoes it.

    Example:

      siraba user disable a.diarra
    """
    state = running_state(state_dir)
    now = datetime.now(UTC)

    async def act(engine: AsyncEngine) -> bool:
        async with engine.begin() as connection:
            return await disable(connection, login, now=now, by=Caller("", OPERATOR))

    if not with_tables_of("referral", state, act):
        raise ServerError("nobody signs in with this name: `siraba user list`")
    typer.echo("Disabled; whoever was signed in is out.")


@user.command("recover")
@failing_clearly
def recover_command(login: Login, state_dir: StateDir = None) -> None:
    """Say that somebody has lost password or telephone; two must say so before anything happens.

    The other one is a focal point, on the page for people. Whoever says it
    second gets an address for that person, who chooses password and codes anew.

    Example:

      siraba user recover a.diarra
    """
    state = running_state(state_dir)
    secret, now = token_urlsafe(32), datetime.now(UTC)

    async def act(engine: AsyncEngine) -> datetime | None:
        async with engine.begin() as connection:
            return await _recover(connection, login, secret=secret, now=now)

    try:
        until = with_tables_of("referral", state, act)
    except RecoveryRefused as refused:
        raise ServerError(_LOST[refused.reason]) from None
    if until is None:
        typer.echo("A focal point must say so too, on the page for people, within three days.")
        return
    typer.echo(f"{state.status()['front_url']}/join?token={secret}")
    typer.echo(f"Works once, until {until:{_MINUTE}} UTC.", err=True)


async def _recover(
    connection: AsyncConnection, login: str, *, secret: str, now: datetime
) -> datetime | None:
    """The second word where a first is there, and else the first; until when the address is good."""
    account = await accounts.find(connection, login)
    if account is None:
        raise RecoveryRefused("unknown")
    by = Caller(account.organisation, OPERATOR)
    if waits := await recoveries.of_login(connection, login):
        one = Agreement(recovery_id=waits.recovery_id, secret=secret)
        return await agree_recovery(connection, one, by=by, now=now)
    await ask_recovery(connection, account.account_id, recovery_id=uuid4(), by=by, now=now)
    return None


def _standing(row: Any, now: datetime) -> str:
    if row.disabled_at is not None:
        return "disabled"
    if row.rests_until is not None and row.rests_until > now:
        return "rests"
    if row.has_joined:
        return "joined"
    is_open = row.invited_until is not None and row.invited_until > now
    return "invited" if is_open else "invitation over"

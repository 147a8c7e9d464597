"""`siraba user`: people with a browser get an account by an invitation, and lose it at once."""

from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any, Final
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.callers import Caller
from deploy.commands.context import failing_clearly, running_state, with_tables_of
from deploy.embedded.processes import ServerError
from services.referral.store import accounts
from services.referral.use_cases.inviting import (
    PEOPLE,
    Invitation,
    InvitationRefused,
    disable,
    invite,
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
OPERATOR: Final = "operator"
_REASONS: Final = {
    "login": "a name has 2 to 40 of a–z, 0–9, dot, dash and underscore, and begins with a letter or digit",
    "role": f"the role must be one of {', '.join(PEOPLE)}",
    "organisation": "the directory has no such organisation, or it is suspended: `siraba directory show`",
    "taken": "somebody of another organisation has this name: choose another",
}
_MINUTE: Final = "%Y-%m-%d %H:%M"


@user.command("invite")
@failing_clearly
def invite_command(
    login: Login,
    *,
    organisation: Annotated[str, typer.Option(help="Code of the organisation.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(PEOPLE)}.")] = "focal_point",
    state_dir: StateDir = None,
) -> None:
    """Print an address by which somebody makes an account, or a lost one usable again.

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
            return await disable(connection, login, now=now, by_role=OPERATOR)

    if not with_tables_of("referral", state, act):
        raise ServerError("nobody signs in with this name: `siraba user list`")
    typer.echo("Disabled; whoever was signed in is out.")


def _standing(row: Any, now: datetime) -> str:
    if row.disabled_at is not None:
        return "disabled"
    if row.rests_until is not None and row.rests_until > now:
        return "rests"
    if row.has_joined:
        return "joined"
    is_open = row.invited_until is not None and row.invited_until > now
    return "invited" if is_open else "invitation over"

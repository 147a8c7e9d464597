"""What several commands need: settings with overrides, and failures without tracebacks."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import TextClause
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from chassis.database import open_engine
from contracts.callers import Caller
from deploy.embedded.processes import ServerError
from deploy.migrate import OPERATIONS
from deploy.settings import PlatformSettings
from deploy.state import State

#: Whoever sits at the server has no account.
AT_THE_SERVER: Final = Caller("PLATFORM", "operator")
_P = ParamSpec("_P")
_R = TypeVar("_R")


def platform_settings(**given: Any) -> PlatformSettings:
    """The settings of the environment, with what was given on the command line instead."""
    return PlatformSettings(**{name: value for name, value in given.items() if value is not None})


def state_of(settings: PlatformSettings) -> State:
    """The state folder, with its subfolders made."""
    state = State(settings.state_dir.resolve())
    state.prepare()
    return state


def nats_address(state: State, settings: PlatformSettings) -> str:
    """The external server's address, or that of the platform which runs on this state."""
    address = settings.nats_url or state.status().get("nats_url")
    if not address:
        raise ServerError(f"nothing runs on {state.root}: start `siraba up` or set SIRABA_NATS_URL")
    return str(address)


def running_state(state_dir: Path | None) -> State:
    """The state of a platform that runs. Raises ServerError when none does."""
    state = state_of(platform_settings(state_dir=state_dir))
    if not state.status().get("front_url"):
        raise ServerError(f"nothing runs on {state.root}: start `siraba up`")
    return state


def database_url(state: State, role: str) -> str:
    """How one of our roles reaches the database of the running platform."""
    database = state.status()["database"]
    url = URL.create(
        "postgresql+asyncpg",
        username=role,
        password=state.password(role),
        host=database["host"],
        port=database["port"],
        database=database["database"],
    )
    return url.render_as_string(hide_password=False)


def with_tables_of(service: str, state: State, act: Callable[[AsyncEngine], Awaitable[_R]]) -> _R:
    """What this gives back when it works as the service's own role on the running platform."""

    async def running() -> _R:
        url = database_url(state, f"{service}_work")
        engine = open_engine(url, schema=service, pool_size=1)
        try:
            return await act(engine)
        finally:
            await engine.dispose()

    return asyncio.run(running())


def operator_rows(state: State, statement: TextClause) -> Sequence[Any]:
    """What this question finds, asked with the rights of an operator, who may only read."""

    async def asked() -> Sequence[Any]:
        url = database_url(state, OPERATIONS)
        engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
        try:
            async with engine.connect() as connection:
                return (await connection.execute(statement)).all()
        finally:
            await engine.dispose()

    return asyncio.run(asked())


def failing_clearly(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Turn what an operator can act on into one message and exit code 1."""

    @functools.wraps(command)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except ValidationError as error:
            faults = "; ".join(_fault(fault) for fault in error.errors())
            typer.echo(f"siraba: settings: {faults}", err=True)
        except (ServerError, ValueError) as error:
            typer.echo(f"siraba: {error}", err=True)
        raise typer.Exit(1)

    return wrapped


def _fault(found: ErrorDetails) -> str:
    """What is wrong with which setting; a rule on several names them itself."""
    named = [str(part) for part in found["loc"][:1]]
    return ": ".join((*named, found["msg"].removeprefix("Value error, ")))

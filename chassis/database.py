"""Connections to PostgreSQL: one engine per role, and the transactions the edges open."""

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import to_json
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

# SQLSTATE classes that say the server is away or busy: connection, resources, shutdown, retry me.
_OUTAGES = ("08", "40", "53", "57")


# Every statement of a working role finds its few rows by an index; statistics that are an hour old
# must not talk the planner into reading a whole table that has grown meanwhile.
BY_INDEX = {
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "jit": "off",
}
# A line on which nothing comes through is given up after ten seconds, at both ends: by default the
# kernel goes on for a quarter of an hour, we would wait as long for an answer, and PostgreSQL would
# keep the locks of a relay that nobody can reach.
DEAD_AFTER_SECONDS = 10
_PROBES = {"IDLE": 4, "INTVL": 2, "CNT": 3}
_AT_THE_SERVER = {
    "tcp_keepalives_idle": str(_PROBES["IDLE"]),
    "tcp_keepalives_interval": str(_PROBES["INTVL"]),
    "tcp_keepalives_count": str(_PROBES["CNT"]),
    "tcp_user_timeout": f"{DEAD_AFTER_SECONDS}s",
}
# For what may be done again after a crash: such a commit need not wait for the disk.
MAY_BE_LOST = text("set local synchronous_commit = off")
# Where commits wait for a second disk, one that writes: it ends after all before it.
_AFTER_ALL = """
    select case when current_setting('synchronous_standby_names') <> ''
    then pg_logical_emit_message(true, 'siraba', '') end
"""


def open_engine(
    url: str,
    *,
    schema: str,
    pool_size: int,
    planner: Mapping[str, str] | None = None,
    answers: bool = False,
) -> AsyncEngine:
    """An engine whose errors never carry parameters and whose tables are those of one schema.

    answers: callers and partners are told what it shows, so that it shows nothing that one disk
    alone holds where there are two. Operators look without waiting.
    """
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        # The same few again and again: each has its plans, its statements and its memory warm.
        pool_use_lifo=True,
        hide_parameters=True,
        pool_pre_ping=False,
        connect_args={
            "server_settings": {"search_path": schema, **_AT_THE_SERVER, **(planner or {})},
            "timeout": 5,
        },
    )
    event.listen(engine.sync_engine, "connect", _watch_line)
    if answers:
        event.listen(engine.sync_engine, "connect", _wait_for_both_disks)
    return engine


def _watch_line(connection: Any, _: Any) -> None:
    """The same at our end, of a new connection; not every system has every option."""
    line = connection.driver_connection._transport.get_extra_info("socket")
    if line.family == socket.AF_UNIX:
        return
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        if (option := getattr(socket, f"TCP_KEEP{name}", None)) is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)
    if (option := getattr(socket, "TCP_USER_TIMEOUT", None)) is not None:
        line.setsockopt(socket.IPPROTO_TCP, option, DEAD_AFTER_SECONDS * 1000)


def _wait_for_both_disks(connection: Any, _: Any) -> None:
    """What a new connection sees lies on the second disk, too, where there is one.

    PostgreSQL shows a commit once it is there, but after a restart at once, and every connection
    is new then: a caller who asks again would be answered for what one disk holds (ADR 0032).
    """
    try:
        connection.run_async(lambda line: line.execute(_AFTER_ALL))
    except BaseException:
        connection.terminate()  # the pool does not have it yet
        raise


@asynccontextmanager
async def reading_as(engine: AsyncEngine, organisation: str) -> AsyncIterator[AsyncConnection]:
    """A transaction that sees the rows of one organisation only (row-level security)."""
    async with engine.begin() as connection:
        await connection.execute(
            text("select set_config('siraba.org', :organisation, true)"),
            {"organisation": organisation},
        )
        yield connection


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows for one statement, with ids and moments in the text that PostgreSQL reads."""
    return to_json(rows).decode()


def is_outage(error: BaseException) -> bool:
    """True when the failure is the server's state, not the message's: it costs no try."""
    if isinstance(error, OSError | TimeoutError | PoolTimeout | InterfaceError | OperationalError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state[:2] in _OUTAGES


@asynccontextmanager
async def by_itself(connection: AsyncConnection) -> AsyncIterator[None]:
    """A block of one statement that is its own transaction: no BEGIN and COMMIT around it.

    Each time that the execution option `isolation_level` is set, SQLAlchemy keeps a callback until
    the connection is given back, and the relay's never is.
    """
    driver: Any = (await connection.get_raw_connection()).dbapi_connection
    driver.autocommit = True
    try:
        async with connection.begin():
            yield
    finally:
        driver.autocommit = False

"""That the canary run would find a leak: the same search, over what libraries do by default."""

import io
import logging
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.ledger import Figure
from tests.servers import Database, PostgresServer
from tests.trust.canaries import Hit, canary, hits

pytestmark = pytest.mark.share("sealed")
PLAIN_LOG = """
    set log_min_messages = warning;
    set log_error_verbosity = default;
    set log_min_error_statement = error;
"""


async def test_the_same_search_finds_what_libraries_show_by_default(
    postgres_server: PostgresServer, fresh_database: Database, figure: Figure
) -> None:
    found = {
        "a 422": await by_fastapi(),
        "a log of the service": await by_sqlalchemy(fresh_database),
        "a log of PostgreSQL": await by_postgres(postgres_server, fresh_database),
    }

    assert all(found.values()), found
    figure("sealed.canary.control_hits", sum(map(len, found.values())))


async def by_fastapi() -> list[Hit]:
    """A framework's own answer to a body that breaks a rule."""
    app = FastAPI()

    class Person(BaseModel):
        age: int

    @app.post("/persons")
    async def register(body: Person) -> None: ...

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://plain") as client:
        answer = await client.post("/persons", json={"age": canary(1)})
    return list(hits("a 422", answer.content))


async def by_sqlalchemy(database: Database) -> list[Hit]:
    """An engine as it is opened everywhere, and `logger.exception`."""
    log, kept = logging.getLogger("plain"), io.StringIO()
    log.addHandler(handler := logging.StreamHandler(kept))
    engine = create_async_engine(database.url("referral_work"))
    try:
        async with engine.begin() as connection:
            await connection.execute(text("select :name from nowhere"), {"name": canary(2)})
    except DBAPIError:
        log.exception("failed")
    finally:
        log.removeHandler(handler)
        await engine.dispose()
    return list(hits("a log of the service", kept.getvalue().encode()))


async def by_postgres(server: PostgresServer, database: Database) -> list[Hit]:
    """The same two errors, first with our settings and then with those that it comes with."""
    log = server.server.log
    connection = await asyncpg.connect(database.superuser_url.replace("+asyncpg", ""))
    try:
        await connection.execute("create temporary table names (name text unique)")
        ours = await _errors(connection, log)
        await connection.execute(PLAIN_LOG)
        plain = await _errors(connection, log)
    finally:
        await connection.close()
    assert not list(hits("a log of PostgreSQL", ours))
    return list(hits("a log of PostgreSQL", plain))


async def _errors(connection: asyncpg.Connection, log: Path) -> bytes:
    """What is written when a name comes twice, and when it is taken for a number."""
    before = log.stat().st_size
    for statement in ("insert into names values ($1), ($1)", "select $1::text::int"):
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute(statement, canary(3))
    return log.read_bytes()[before:]

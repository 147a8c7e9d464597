"""Makes the database, its roles and schemas, and brings every schema to its newest migration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, AdaptedConnection, ExecutionContext, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from contracts.topology import SERVICES
from deploy.embedded.processes import ServerError
from deploy.scram import scram_verifier

DATABASE: Final = "siraba"
OWNER: Final = "siraba_owner"
OPERATIONS: Final = "siraba_ops"
TELEMETRY: Final = "telemetry"
SCHEMAS: Final = (*SERVICES, TELEMETRY)
WEB_ROLES: Final = tuple(f"{service}_web" for service in SERVICES)
WORK_ROLES: Final = tuple(f"{service}_work" for service in SERVICES)
#: Every role that logs in, besides the administrator's.
ROLES: Final = (OWNER, *WEB_ROLES, *WORK_ROLES, OPERATIONS)
MINIMUM_VERSION: Final = 15

_ROOT: Final = Path(__file__).parent.parent
#: Two platforms on one external database take turns.
_LOCK: Final = 0x5149_5241_4241
#: How often a schema's migrations are tried where they meet services that run.
TRIES: Final = 5
_DEADLOCK: Final = asyncpg.DeadlockDetectedError.sqlstate


@dataclass(frozen=True, slots=True)
class Administration:
    """How to reach the server with the right to make roles and databases.

    `url` is `postgresql+asyncpg://…` of an existing database; `database` is the one to make.
    """

    url: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    database: str = DATABASE


def role_url(admin: Administration, role: str) -> str:
    """The URL of one role on our database."""
    url = make_url(admin.url).set(
        username=role, password=admin.passwords[role], database=admin.database
    )
    return url.render_as_string(hide_password=False)


def migrations_folder(schema: str) -> Path:
    """Where a schema's migrations lie: `<folder>/versions/*.py`."""
    owner = _ROOT / "chassis" if schema == TELEMETRY else _ROOT / "services" / schema
    return owner / "migrations"


async def prepare_database(admin: Administration) -> None:
    """Roles, database, schemas and rights. Safe to repeat. Raises ServerError."""
    connection = await _connected(make_url(admin.url))
    try:
        await _require_version(connection)
        for role in ROLES:
            await _make_role(connection, role, admin.passwords[role])
        await _make_database(connection, admin.database)
    finally:
        await connection.close()
    connection = await _connected(make_url(admin.url).set(database=admin.database))
    try:
        await connection.execute(_schemas_sql(admin.database))
    finally:
        await connection.close()


async def migrate(admin: Administration) -> dict[str, str | None]:
    """Run each schema's migrations as the owner; the revision each schema is at afterwards.

    Services that run lock tables in an order of their own: a deadlock with them undid all of a
    schema's migrations, and they are tried again.
    """
    return {schema: await _migrate_beside_services(admin, schema) for schema in SCHEMAS}


async def _migrate_beside_services(admin: Administration, schema: str) -> str | None:
    for _ in range(TRIES - 1):
        try:
            return await _migrate_schema(admin, schema)
        except (DBAPIError, asyncpg.DeadlockDetectedError) as error:
            # A script's error comes from the driver as it is (`_run_script`).
            if getattr(getattr(error, "orig", error), "sqlstate", None) != _DEADLOCK:
                raise
    return await _migrate_schema(admin, schema)


async def _migrate_schema(admin: Administration, schema: str) -> str | None:
    folder = migrations_folder(schema)
    if not (folder / "versions").is_dir():
        return None
    engine = create_async_engine(
        role_url(admin, OWNER),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={"server_settings": {"search_path": schema}},
    )
    event.listen(engine.sync_engine, "do_execute", _run_script, named=True)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade, folder, schema)
    finally:
        await engine.dispose()


def _run_script(
    *, statement: str, parameters: object, context: ExecutionContext, **_: object
) -> bool | None:
    """Let a migration execute a script: asyncpg prepares, and only single statements can be."""
    if parameters or ";" not in statement.strip().rstrip(";"):
        return None
    adapted = context.root_connection.connection.dbapi_connection
    if not isinstance(adapted, AdaptedConnection):
        return None
    adapted.run_async(lambda driver: driver.execute(statement))
    return True


def _upgrade(connection: Connection, folder: Path, schema: str) -> str | None:
    connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    script = ScriptDirectory(str(folder))

    def to_head(revision: object, _: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # as alembic.command

    with EnvironmentContext(Config(), script, fn=to_head, destination_rev="head") as environment:
        # Alembic would commit by itself; the transaction is the caller's, with the lock in it.
        environment.configure(
            connection, version_table="alembic_version", version_table_schema=schema
        )
        environment.run_migrations()
    return script.get_current_head()


async def _connected(url: URL) -> "asyncpg.Connection":
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        return await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError) as error:
        # The class says what is wrong; the text may hold the address with its password.
        raise ServerError(f"PostgreSQL: {type(error).__name__}") from None


async def _require_version(connection: "asyncpg.Connection") -> None:
    version = int(await connection.fetchval("show server_version_num")) // 10_000
    if version < MINIMUM_VERSION:
        raise ServerError(f"PostgreSQL {version}: Siraba needs {MINIMUM_VERSION} or newer")


async def _make_role(connection: "asyncpg.Connection", role: str, password: str) -> None:
    known = await connection.fetchval("select true from pg_roles where rolname = $1", role)
    verb = "alter" if known else "create"
    rights = "login nosuperuser nocreatedb nocreaterole noinherit nobypassrls noreplication"
    if not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user"):
        rights = "login"  # only a superuser may name the others; they are off for a new role
    verifier = scram_verifier(password)
    await connection.execute(f"{verb} role {role} {rights} password '{verifier}'")


async def _make_database(connection: "asyncpg.Connection", name: str) -> None:
    if await connection.fetchval("select true from pg_database where datname = $1", name):
        return
    if not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user"):
        await connection.execute(f"grant {OWNER} to current_user")
    # Whatever the cluster's own encoding is, names and codes need all of Unicode.
    await connection.execute(
        f"create database \"{name}\" owner {OWNER} template template0 encoding 'UTF8' locale 'C'"
    )


def _schemas_sql(database: str) -> str:
    logins = ", ".join(ROLES)
    lines = [
        f'revoke all on database "{database}" from public',
        f'grant connect on database "{database}" to {logins}',
        # Readiness fills a temporary table: only that tells a full disk from a quiet one.
        f'grant temporary on database "{database}" to {", ".join(WORK_ROLES)}',
        "revoke all on schema public from public",
    ]
    for schema in SCHEMAS:
        lines.append(f"create schema if not exists {schema} authorization {OWNER}")
        lines.append(f"grant usage on schema {schema} to {OPERATIONS}")
    for service in SERVICES:
        lines.append(f"grant usage on schema {service} to {service}_web, {service}_work")
    # Every service writes its spans there.
    writers = ", ".join((*WEB_ROLES, *WORK_ROLES))
    lines.append(f"grant usage on schema {TELEMETRY} to {writers}")
    return ";\n".join(lines)

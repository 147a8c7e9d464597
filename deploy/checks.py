"""One line of the doctor's report, and the questions put to PostgreSQL."""

from dataclasses import dataclass
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from contracts.topology import SERVICES
from deploy.embedded.processes import ServerError
from deploy.migrate import MINIMUM_VERSION, ROLES, SCHEMAS

_WANTED: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "password_encryption": "scram-sha-256",
    "data_checksums": "on",
}
#: Tables whose rows are protected must protect them from their owner's session too.
_UNFORCED: Final = """
    select n.nspname || '.' || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and c.relrowsecurity and not c.relforcerowsecurity
"""
#: What nobody may change must refuse it, and be nobody's to change.
_SHRINKING: Final = """
    select service || '.' || held from unnest($1::text[]) as service
    cross join unnest(array['audit', 'roots']) as held
    where has_table_privilege(service || '_work', service || '.' || held, 'update, delete, truncate')
       or not exists (
           select from pg_trigger join pg_proc on pg_proc.oid = tgfoid
           where tgrelid = (service || '.' || held)::regclass and tgenabled = 'O'
             and proname = 'refuse_change')
"""
_MIGHTY: Final = """
    select rolname from pg_roles
    where rolname = any($1) and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)
"""
#: Whoever holds what another has waited for longer than any work of ours lasts; locks show to every role.
_HOLDING_UP: Final = """
    select distinct a.pid || ' (' || coalesce(a.usename, '?') || coalesce(', ' || nullif(a.application_name, ''), '') || ')'
    from pg_locks w cross join unnest(pg_blocking_pids(w.pid)) as holder
    join pg_stat_activity a on a.pid = holder
    where not w.granted and w.waitstart < clock_timestamp() - make_interval(secs => $1)
"""
_WAITED: Final = 5.0
#: Whether anybody is connected for whom commits wait; no row where they wait for nobody.
RECEIVED: Final = """
    select count(*) from pg_stat_replication
    where position(application_name in current_setting('synchronous_standby_names')) > 0
    having current_setting('synchronous_standby_names') <> ''
"""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, whether it is as it must be, and what was found."""

    name: str
    holds: bool
    found: str


async def check_postgres(url: str) -> list[Check]:
    """Durability, password storage, roles and row-level security, as the ops role sees them."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError) as error:
        return [Check("PostgreSQL answers", False, type(error).__name__)]
    try:
        return [
            await _version(connection),
            *[await _setting(connection, name, wanted) for name, wanted in _WANTED.items()],
            await _none(connection, "PostgreSQL roles hold no special right", (_MIGHTY, ROLES)),
            await _none(connection, "row-level security is forced", (_UNFORCED, SCHEMAS)),
            await _none(connection, "looks and roots are only added to", (_SHRINKING, SERVICES)),
            await _received(connection),
            await _none(connection, "nobody holds up others in PostgreSQL", (_HOLDING_UP, _WAITED)),
        ]
    finally:
        await connection.close()


async def _version(connection: "asyncpg.Connection") -> Check:
    number = int(await connection.fetchval("show server_version_num")) // 10_000
    return Check(
        f"PostgreSQL is at least {MINIMUM_VERSION}", number >= MINIMUM_VERSION, str(number)
    )


async def _setting(connection: "asyncpg.Connection", name: str, wanted: str) -> Check:
    live = await connection.fetchval("select current_setting($1)", name)
    return Check(f"PostgreSQL {name} = {wanted}", live == wanted, str(live))


async def _received(connection: "asyncpg.Connection") -> Check:
    count = await connection.fetchval(RECEIVED)
    found = "no second disk" if count is None else f"{count} receive"
    return Check("commits reach the second disk, where they must", count != 0, found)


async def _none(
    connection: "asyncpg.Connection", name: str, question: tuple[str, tuple[str, ...] | float]
) -> Check:
    rows = await connection.fetch(*question)
    found = ", ".join(row[0] for row in rows)
    return Check(name, not rows, found or "none otherwise")


def failed(name: str, error: ServerError) -> Check:
    """A check that could not be made counts as a problem."""
    return Check(name, False, str(error).splitlines()[0])

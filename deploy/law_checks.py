"""The doctor's lines on the law of conservation, as each service's auditor last found it."""

from collections.abc import Iterable
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from contracts.topology import SERVICES
from deploy.checks import Check

#: An auditor looks each minute.
_STALE: Final = "5 minutes"
_NAMED: Final = 5

_STANDINGS: Final = """
    select *, checked_at < clock_timestamp() - $1::text::interval as stale
    from {service}.conservation order by consumer
"""
_BREACHES: Final = """
    select name from {service}.watched
    where consumer = $1 and state in ('missing', 'unfounded') and looks > 1 order by name limit $2
"""


async def check_conservation(url: str, services: Iterable[str] = SERVICES) -> list[Check]:
    """One line for each border of these services; one that never looked counts as a problem."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError) as error:
        return [Check("conservation can be read", False, type(error).__name__)]
    try:
        return [check for service in services for check in await _of(connection, service)]
    finally:
        await connection.close()


async def _of(connection: "asyncpg.Connection", service: str) -> list[Check]:
    rows = await connection.fetch(_STANDINGS.format(service=service), _STALE)
    if not rows:
        return [Check(f"conservation of {service}", False, "never looked at")]
    return [await _line(connection, service, row) for row in rows]


async def _line(connection: "asyncpg.Connection", service: str, row: Any) -> Check:
    parts = [f"{row[state]} {state}" for state in ("delivered", "pending", "parked", "dead")]
    found = f"{row['accepted']} accepted = {' + '.join(parts)}"
    broken = row["missing"] + row["unfounded"]
    if broken:
        named = await connection.fetch(_BREACHES.format(service=service), row["consumer"], _NAMED)
        ids = ", ".join(one["name"] for one in named)
        found += f"; {row['missing']} missing, {row['unfounded']} unfounded: {ids}"
    if row["stale"]:
        found += f"; last looked at {row['checked_at']:%Y-%m-%d %H:%M:%S} UTC"
    name = f"conservation of {service}: {row['consumer']}"
    return Check(name, not broken and not row["stale"], found)

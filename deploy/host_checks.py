"""The doctor's lines on the machine: clock, disk, files and age of keys, PostgreSQL's own door."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from contracts.topology import SERVICES
from deploy.checks import Check
from deploy.signing_keys import platform_keys
from deploy.state import State

_CLOCKS: Final = timedelta(seconds=2)
_FREE: Final = 0.1
_KEY_AGE: Final = timedelta(days=400)
#: No role has it: a server that lets it in asks for none.
_WRONG_PASSWORD: Final = "not-the-password"  # noqa: S105 - that is its point
_LOOPBACK: Final = frozenset({"", "localhost", "127.0.0.1", "::1"})
_LISTENING: Final = "select current_setting('listen_addresses'), current_setting('ssl')"


async def check_doors(url: str, *, clock: Callable[[], datetime]) -> list[Check]:
    """Whether PostgreSQL asks for the password, where it listens, and what time it has."""
    plain = make_url(url).set(drivername="postgresql")
    asks = await _asks_for_password(plain.set(password=_WRONG_PASSWORD).render_as_string(False))
    try:
        connection = await asyncpg.connect(plain.render_as_string(False), timeout=10)
    except (OSError, asyncpg.PostgresError) as error:
        return [asks, Check("PostgreSQL's door and clock", False, type(error).__name__)]
    try:
        listening, ssl = await connection.fetchrow(_LISTENING)
        before = clock()
        there = await connection.fetchval("select clock_timestamp()")
        return [asks, _listens(listening, ssl), clock_check(before, there, clock())]
    finally:
        await connection.close()


async def _asks_for_password(url: str) -> Check:
    name = "PostgreSQL demands a password"
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
        return Check(name, True, "a wrong one is refused")
    except (OSError, asyncpg.PostgresError) as error:
        return Check(name, False, type(error).__name__)
    await connection.close()
    return Check(name, False, "lets in whoever comes (trust)")


def _listens(addresses: str, ssl: str) -> Check:
    inside = {one.strip() for one in addresses.split(",")} <= _LOOPBACK
    found = addresses or "a socket only"
    return Check("PostgreSQL listens on loopback or with TLS", inside or ssl == "on", found)


def clock_check(before: datetime, there: datetime, after: datetime) -> Check:
    """The server's clock against ours, read before and after it was asked."""
    off = max(before - there, there - after, timedelta())
    found = f"{off.total_seconds():.1f} s apart"
    return Check("PostgreSQL's clock and ours agree", off <= _CLOCKS, found)


def check_host(state: State, *, now: datetime) -> list[Check]:
    """Room on the disk of the state folder, its secrets' modes, and how old signing keys are."""
    usage = shutil.disk_usage(state.root)
    free = usage.free / usage.total
    room = Check("the disk has a tenth free", free >= _FREE, f"{free:.0%} free")
    return [room, _closed(state), _young(state, now)]


def _closed(state: State) -> Check:
    """Whether nobody but their owner can read or change the secrets."""
    paths = [state.secrets, *state.secrets.rglob("*")]
    open_ones = [str(one.relative_to(state.root)) for one in paths if one.stat().st_mode & 0o077]
    found = ", ".join(sorted(open_ones)) or f"{len(paths)} files and folders"
    return Check("secrets are closed to others", not open_ones, found)


def _young(state: State, now: datetime) -> Check:
    """Whether each service has a signing key, and one that is no older than some thirteen months."""
    keys, stale = platform_keys(state), []
    for service in SERVICES:
        current = keys.current(service, use="signing", at=now)
        newest = max((key.valid_from for key in current), default=None)
        if newest is None or now - newest > _KEY_AGE:
            stale.append(service)
    found = f"{', '.join(stale)}: `siraba keys rotate`" if stale else "all"
    return Check("signing keys are younger than 400 days", not stale, found)

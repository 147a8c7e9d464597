"""Between backups: each commit lies on a second disk before it counts, and whoever is erased is noted."""

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from sqlalchemy.engine import make_url

from chassis.secrets import keep_names
from deploy.backup.places import SEALED, Places, recipient, seal_file
from deploy.backup.taking import connection_environment
from deploy.embedded.postgres import programs
from deploy.embedded.processes import (
    Child,
    ChildSpec,
    ServerError,
    open_private,
    spawn,
    wait_until,
)
from deploy.state import State

#: As PostgreSQL knows it: commits wait for whoever reports under this name.
STANDBY: Final = "siraba_backup"
_SLOT: Final = "siraba_backup"
_RESERVE: Final = "select pg_create_physical_replication_slot($1, true)"
LOOK_SECONDS: Final = 1.0
#: As `initdb` makes it where nobody says otherwise.
_SEGMENT_BYTES: Final = 16 * 1024**2
_SEGMENT: Final = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history")
_ERASED: Final = """
    select case_id::text, destroyed_at from intake.person_keys
    where destroyed_at is not null order by destroyed_at, case_id
"""


class WalReceiver:
    """`pg_receivewal`, which has each record on the backup's disk before the commit is answered."""

    def __init__(self, state: State, places: Places, *, admin_url: Callable[[], str]) -> None:
        self.child: Child | None = None
        self._log = state.run / "backup.log"
        self._places = places
        self._admin_url = admin_url

    def prepare(self) -> None:
        """The folder, and a slot: what was not received stays in PostgreSQL until it is.

        Raises ServerError.
        """
        self._places.prepare()
        drop_half_made(self._places)
        try:
            is_new = asyncio.run(make_slot(self._admin_url()))
        except (OSError, asyncpg.PostgresError) as error:
            raise ServerError(f"no slot for the backup: {type(error).__name__}") from None
        if is_new:
            # A cluster that knows of no slot is another one, or was restored: it goes on elsewhere.
            self._places.set_aside(datetime.now(UTC))

    def spawn(self) -> None:
        """Start to receive."""
        told, environment = connection_environment(self._admin_url())
        command = [str(programs() / "pg_receivewal"), f"--slot={_SLOT}", "--no-password"]
        command += ["-d", f"{told} application_name={STANDBY}", "-D", str(self._places.wal)]
        command += ["--synchronous", "--status-interval=1"]
        self.child = spawn(
            ChildSpec(
                "wal",
                command=command,
                log=self._log,
                stop_signal=signal.SIGINT,
                environment=environment,
            )
        )

    def wait_ready(self) -> None:
        """Block until something is received."""
        wait_until(lambda: any(self._places.wal.iterdir()), self.child, timeout=60)

    def stop(self) -> None:
        """End in order."""
        if self.child is not None:
            self.child.stop()
            self.child = None


async def follow(state: State, places: Places, *, admin_url: str) -> None:
    """Seal whole segments and note who was erased, each second, until cancelled."""
    to = recipient(state)
    while True:
        await asyncio.to_thread(seal_segments, places, to)
        with suppress(OSError, asyncpg.PostgresError):
            await note_erased(places, admin_url=admin_url)
        await asyncio.sleep(LOOK_SECONDS)


async def make_slot(admin_url: str) -> bool:
    """Have PostgreSQL keep, from here on, what is not received yet; whether there was no slot.

    `pg_receivewal --create-slot` reserves nothing: a crash before the next checkpoint brought back a
    slot that keeps nothing, what had not been received was gone, and commits waited for ever.
    """
    async with _connected(admin_url) as connection:
        try:
            await connection.fetchval(_RESERVE, _SLOT)
        except asyncpg.DuplicateObjectError:
            return False
    return True


def drop_half_made(places: Places) -> None:
    """A segment is filled with zeros before anything is received into it; `pg_receivewal` that was killed
    meanwhile refuses the rest of that for ever, and every commit would wait for it."""
    for file in places.wal.glob("*.partial"):
        if file.stat().st_size not in (0, _SEGMENT_BYTES):
            file.unlink()


def seal_segments(places: Places, to: X25519PublicKey) -> int:
    """Seal what PostgreSQL has filled, and only then drop it; how many segments."""
    whole = sorted(file for file in places.wal.iterdir() if _SEGMENT.fullmatch(file.name))
    for file in whole:
        with file.open("rb") as source:
            seal_file(source, places.sealed_wal / (file.name + SEALED), to=to)
        file.unlink()
    return len(whole)


async def note_erased(places: Places, *, admin_url: str) -> int:
    """Add whoever is not noted yet, on disk when this returns; how many."""
    url = make_url(admin_url).set(database="siraba").render_as_string(hide_password=False)
    async with _connected(url) as connection:
        rows = await connection.fetch(_ERASED)
    known = {line["case_id"] for line in erased_lines(places.erased)}
    new = [row for row in rows if row["case_id"] not in known]
    if new:
        _append(places.erased, new)
    return len(new)


def erased_lines(file: Path) -> list[dict[str, Any]]:
    """Who was erased, and when. A line that was not finished is none."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    found = []
    for line in lines:
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


@asynccontextmanager
async def _connected(admin_url: str) -> AsyncIterator["asyncpg.Connection"]:
    url = make_url(admin_url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(url, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


def _append(file: Path, rows: list[Any]) -> None:
    lines = [
        json.dumps({"case_id": row["case_id"], "at": row["destroyed_at"].isoformat()})
        for row in rows
    ]
    with open_private(file, append=True) as open_file:
        # A line before that was cut off by a power cut must not swallow this one.
        open_file.write(("\n" + "\n".join(lines) + "\n").encode())
        open_file.flush()
        os.fsync(open_file.fileno())
    keep_names(file.parent)

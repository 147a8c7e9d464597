"""Bringing a backup back onto an empty state folder; `siraba up` starts what comes of it."""

import asyncio
import os
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts.topology import SERVICES, service_stream
from deploy.backup.following import erased_lines
from deploy.backup.places import SEALED, Places, open_file, verify
from deploy.backup.sealed_files import BackupDamaged
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import ServerError, free_port
from deploy.embedded.user import unprivileged_user
from deploy.engines import NatsPorts, embedded_nats, embedded_postgres, write_nats_config
from deploy.jetstream import connected, listed_streams
from deploy.keys import PROVISIONER, seed_file
from deploy.state import State

_REPLAY_SECONDS: Final = 540
#: What a cluster is told while it recovers, and never again.
_RECOVERING: Final = ("restore_command", "recovery_target_time", "recovery_target_action")
_AGAIN: Final = """
    with again as (
        update {service}.outbox set sent_at = null, stream_sequence = null, delivered_at = null
        where stream = $1 and stream_sequence > $2 and body is not null
          and withdrawn_at is null and erased_at is null
        returning position
    ),
    untaken as (delete from {service}.unconfirmed where position in (select position from again)),
    taken as (delete from {service}.confirmed where position in (select position from again))
    select count(*) from again
"""
_GONE: Final = """
    select count(*) from {service}.outbox
    where stream = $1 and stream_sequence > $2 and body is null and erased_at is null
"""


@dataclass(frozen=True, slots=True)
class Restored:
    """again: events that are sent again; gone: events that our streams no longer tell of."""

    backup: str
    segments: int
    again: int
    gone: int
    erased: int


async def restore(
    state: State,
    places: Places,
    *,
    key: X25519PrivateKey,
    wal: bool = True,
    until: datetime | None = None,
) -> Restored:
    """Restore the newest backup and, with `wal`, every commit since. Raises ServerError, BackupDamaged.

    The vault's keys must lie in `vault/` of the state folder already: they come from elsewhere.
    until: the moment to go back to; the backup is then the newest from before it.
    """
    backup = places.newest(until=until)
    _require_room(state)
    if wrong := verify(backup, key):
        raise BackupDamaged("; ".join(wrong))
    state.prepare()
    _unpack(backup / f"state{SEALED}", state.root, key=key)
    _unpack(backup / f"streams{SEALED}", state.nats, key=key)
    server = embedded_postgres(state, 0)
    laid = _Laid(backup, places if wal else None, until)
    segments = await asyncio.to_thread(_lay_cluster, server, laid, key=key)
    again, gone = await _with_engines(state, server)
    shutil.rmtree(server.folder / "wal", ignore_errors=True)
    return Restored(backup.name, segments, again, gone, _bring_erased(state, places))


def _require_room(state: State) -> None:
    if any((state.root / name).exists() for name in ("postgres", "secrets")):
        raise ServerError(f"{state.root} is not empty: restore into a folder of its own")
    if not any((state.vault / "kek").glob("*.key")):
        raise ServerError(f"lay the vault's keys into {state.vault} first: no backup holds them")


def _unpack(sealed: Path, folder: Path, *, key: X25519PrivateKey) -> None:
    with tempfile.TemporaryFile(dir=folder) as plain:
        open_file(sealed, plain, key=key)
        plain.seek(0)
        with tarfile.open(fileobj=plain, mode="r:gz") as tar:
            tar.extractall(folder, filter="data")


@dataclass(frozen=True, slots=True)
class _Laid:
    """What a cluster is made of; since: where the commits after the backup lie, if they count."""

    backup: Path
    since: Places | None
    until: datetime | None


def _lay_cluster(server: EmbeddedPostgres, laid: _Laid, *, key: X25519PrivateKey) -> int:
    """The cluster's files, and what it is to read beyond them; how many segments that is."""
    data, beside = server.folder / "data", server.folder / "wal"
    for folder in (server.folder, data, beside):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    _unpack(laid.backup / f"base{SEALED}", data, key=key)
    segments = _lay_wal(laid.since, beside, key) if laid.since else 0
    # The end of what is there, or the moment, is where it stops; then it is a cluster like any other.
    (data / "recovery.signal").touch()
    told = {"restore_command": f'cp "{beside}/%f" "%p"'}
    if laid.until:
        told |= {
            "recovery_target_time": laid.until.isoformat(),
            "recovery_target_action": "promote",
        }
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in told.items())
    _give(server.folder)
    return segments


def _lay_wal(places: Places, beside: Path, key: X25519PrivateKey) -> int:
    for file in sorted(places.sealed_wal.glob(f"*{SEALED}")):
        with (beside / file.name.removesuffix(SEALED)).open("wb") as plain:
            open_file(file, plain, key=key)
    for file in sorted(places.wal.iterdir()):
        # The last one is not full; the server stops where its records end.
        shutil.copyfile(file, beside / file.name.removesuffix(".partial"))
    return len(list(beside.iterdir()))


def _give(folder: Path) -> None:
    user = unprivileged_user()
    if user is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user.uid, user.gid)


async def _with_engines(state: State, server: EmbeddedPostgres) -> tuple[int, int]:
    """Replay, and have sent again what the streams' copies do not hold yet."""
    server.prepare()
    server.spawn()
    try:
        await asyncio.to_thread(server.wait_ready, _REPLAY_SECONDS)
        connection = await asyncpg.connect(server.url("siraba").replace("+asyncpg", ""))
        try:
            await _recovered(connection)
            return await _agree(state, connection)
        finally:
            await connection.close()
    finally:
        await asyncio.to_thread(server.stop)


async def _recovered(connection: "asyncpg.Connection") -> None:
    for _ in range(_REPLAY_SECONDS * 10):
        if not await connection.fetchval("select pg_is_in_recovery()"):
            for name in _RECOVERING:
                await connection.execute(f"alter system reset {name}")
            return
        await asyncio.sleep(0.1)
    raise ServerError("PostgreSQL does not come to the end of what it replays")


async def _agree(state: State, connection: "asyncpg.Connection") -> tuple[int, int]:
    ports = NatsPorts(free_port(), free_port())
    write_nats_config(state, ports, ())
    broker = embedded_nats(state, ports)
    await asyncio.to_thread(broker.prepare)
    broker.spawn()
    try:
        await asyncio.to_thread(broker.wait_ready)
        async with connected(broker.url, PROVISIONER, seed_file(state, PROVISIONER)) as client:
            there = await listed_streams(client)
    finally:
        await asyncio.to_thread(broker.stop)
    again = gone = 0
    for service in SERVICES:
        stream = service_stream(service).name
        last = there[stream]["state"]["last_seq"] if stream in there else 0
        again += await connection.fetchval(_AGAIN.format(service=service), stream, last)
        gone += await connection.fetchval(_GONE.format(service=service), stream, last)
    return again, gone


def _bring_erased(state: State, places: Places) -> int:
    """Lay beside the vault's keys who was erased: intake carries it out as it starts."""
    lines = erased_lines(places.erased)
    if lines:
        shutil.copyfile(places.erased, state.vault / places.erased.name)
        (state.vault / places.erased.name).chmod(0o600)
    return len(lines)

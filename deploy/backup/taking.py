"""One backup: our own streams as they lie on disk, then PostgreSQL, then the state; no vault's key."""

import asyncio
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from contracts.topology import SERVICES, service_stream
from deploy.backup.places import MANIFEST, SEALED, Places, recipient, seal_file, stamp
from deploy.embedded.postgres import SUPERUSER, programs
from deploy.embedded.processes import ServerError
from deploy.key_rotation import BACKUP_LIFE
from deploy.settings import inherited_environment
from deploy.state import State, write_secret

STREAMS: Final = tuple(service_stream(service).name for service in SERVICES)
#: Of the state folder; the vault's folder is the one that must never be here.
KEPT: Final = ("secrets", "partners", "waiting", "doors.json")
#: What nats-server makes anew from the messages themselves, and what belongs to consumers.
_DERIVED: Final = ("index.db", "obs")
#: Of this session alone, and from the next commit on.
_SLOT: Final = "select pg_create_physical_replication_slot($1, true, true)"


def take(state: State, places: Places, *, admin_url: str, at: datetime) -> Path:
    """Write a backup; its folder. Raises ServerError. Nothing stands still meanwhile.

    Streams first: what they hold the database knows then, and what it has sent since is sent again
    after a restore. They are append-only (deny_delete, deny_purge), so that a copy of the files of a
    running server is a beginning of them.
    """
    places.prepare()
    to = recipient(state)
    folder = places.root / stamp(at)
    folder.mkdir(mode=0o700)
    files: dict[str, Any] = {}
    for name, pack in (("streams", _streams), ("state", _state)):
        with _packed(pack, state) as source:
            files[name + SEALED] = seal_file(source, folder / (name + SEALED), to=to)
    files["base" + SEALED] = _base(folder / ("base" + SEALED), admin_url, state)
    said = {"made_at": at.isoformat(), "files": files}
    write_secret(folder / MANIFEST, json.dumps(said, indent=1))
    places.forget(before=at - BACKUP_LIFE)
    return folder


def connection_environment(admin_url: str) -> tuple[str, Mapping[str, str]]:
    """What PostgreSQL's own tools are told; the password goes by no command line."""
    url = make_url(admin_url)
    told = f"host={url.host} port={url.port or 5432} user={url.username or SUPERUSER}"
    given = {"PGPASSWORD": str(url.password)} if url.password else {}
    return told, {**inherited_environment(), **given}


@contextmanager
def wal_kept(admin_url: str) -> Iterator[None]:
    """Have the server keep all commits from now on until the backup has them, however long it takes.

    pg_basebackup fetches them at its end, and PostgreSQL forgets them at its second checkpoint. The
    slot goes with its connection, so that one of a backup that died fills no disk.
    """
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(admin_url.replace("+asyncpg", "")))
        try:
            named = f"siraba_backup_{os.getpid()}"
            runner.run(connection.execute(_SLOT, named))
            yield
        finally:
            runner.run(connection.close())


def _base(target: Path, admin_url: str, state: State) -> dict[str, Any]:
    told, environment = connection_environment(admin_url)
    command = [str(programs() / "pg_basebackup"), "-d", told, "-D", "-", "--format=tar"]
    command += ["--wal-method=fetch", "--checkpoint=fast", "--gzip", "--no-password"]
    with (
        wal_kept(admin_url),
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running,
    ):
        if running.stdout is None or running.stderr is None:
            raise ServerError("pg_basebackup has no output")
        written = seal_file(running.stdout, target, to=recipient(state))  # type: ignore[arg-type]  # a pipe reads as a file does
        said = running.stderr.read().decode(errors="replace")
    if running.returncode != 0:
        raise ServerError(f"pg_basebackup failed: {said.strip()[-500:]}")
    return written


def _streams(tar: tarfile.TarFile, state: State) -> None:
    for stream in STREAMS:
        for folder in sorted((state.nats / "store").glob(f"jetstream/*/streams/{stream}")):
            for file in sorted(folder.rglob("*")):
                if file.is_file() and not set(_DERIVED) & set(file.relative_to(folder).parts):
                    _add_beginning(tar, file, str(file.relative_to(state.nats)))


def _add_beginning(tar: tarfile.TarFile, file: Path, name: str) -> None:
    """As long as it is now: it may grow while it is read."""
    content = file.read_bytes()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _state(tar: tarfile.TarFile, state: State) -> None:
    for name in KEPT:
        if (state.root / name).exists():
            tar.add(state.root / name, arcname=name)


@contextmanager
def _packed(pack: Callable[[tarfile.TarFile, State], None], state: State) -> Iterator[BinaryIO]:
    """The tar as it is made: it may be longer than memory. What fails in there fails here."""
    reads, writes = os.pipe()

    def write() -> None:
        with os.fdopen(writes, "wb") as end, tarfile.open(fileobj=end, mode="w|gz") as tar:
            pack(tar, state)

    with os.fdopen(reads, "rb") as source, ThreadPoolExecutor(1) as pool:
        packing = pool.submit(write)
        yield source
        packing.result()

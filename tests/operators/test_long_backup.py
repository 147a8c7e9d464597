"""A backup that takes long has every commit that was made meanwhile, though the server forgets its own."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from deploy.backup import taking
from deploy.backup.places import Places, seal_file
from deploy.commands.backup import key
from deploy.embedded.processes import ServerError
from deploy.platform import make_secrets
from deploy.state import State
from tests.servers import PostgresServer, running_postgres

pytestmark = pytest.mark.share("operators")
AT = datetime(2026, 11, 29, 8, tzinfo=UTC)
_WRITE = "select pg_logical_emit_message(false, 'x', 'x'), pg_switch_wal()"


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresServer]:
    """One of its own: a backup is of all databases, and others come and go in the shared one."""
    with running_postgres() as server:
        yield server


class Slow:
    """What pg_basebackup writes, read so slowly that the server goes through several checkpoints."""

    def __init__(self, source: BinaryIO, server: PostgresServer):
        self._source, self._server, self._is_late = source, server, False

    def read(self, size: int) -> bytes:
        if not self._is_late:
            self._is_late = True
            asyncio.run(forget(self._server))
        return self._source.read(size)


async def forget(server: PostgresServer) -> None:
    """What the server does in some minutes."""
    for _ in range(4):
        await server.execute(_WRITE)
        await server.execute("checkpoint")


def long_backup(server: PostgresServer, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `siraba backup take` does."""
    state = State(place / "state")
    state.prepare()
    make_secrets(state, now=AT)
    key(place / "opens", state.root)
    sealed = seal_file

    def slowly(source: BinaryIO, target: Path, **given: Any) -> Any:
        read: Any = Slow(source, server) if target.name.startswith("base") else source
        return sealed(read, target, **given)

    monkeypatch.setattr(taking, "seal_file", slowly)
    url = server.server.url("postgres")
    return taking.take(state, Places(place / "second"), admin_url=url, at=AT)


def test_a_backup_that_outlasts_the_servers_memory_is_whole(
    cluster: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (long_backup(cluster, tmp_path, monkeypatch) / "manifest.json").exists()


def test_without_the_slot_the_server_has_forgotten_what_a_long_backup_needs(
    cluster: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_kept(_: str) -> AbstractContextManager[None]:
        return nullcontext()

    monkeypatch.setattr(taking, "wal_kept", nothing_kept)
    with pytest.raises(ServerError, match="pg_basebackup failed"):
        long_backup(cluster, tmp_path, monkeypatch)

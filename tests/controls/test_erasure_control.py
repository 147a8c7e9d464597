"""That the erasure's tests would see a key left behind: the same, but only rows are deleted."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from secrets import token_bytes
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.store import erasures
from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.store.person_keys import destroy_key
from services.intake.vault import Vault
from tests.intake.vaults import FIRST, key_files, registered, work_engine
from tests.servers import Database, PostgresServer
from tests.trust.restored import dump, restore

pytestmark = pytest.mark.share("sealed")
Erase = Callable[[AsyncConnection, UUID], Awaitable[None]]


async def rows_only(connection: AsyncConnection, case_id: UUID) -> None:
    await erasures.forget(connection, case_id)


async def key_and_rows(connection: AsyncConnection, case_id: UUID) -> None:
    await destroy_key(connection, case_id, at=FIRST)
    await erasures.forget(connection, case_id)


@pytest.mark.parametrize(("erase", "left"), [(rows_only, 5), (key_and_rows, 0)])
async def test_a_backup_of_the_sections_is_readable_unless_the_key_was_destroyed(
    fresh_database: Database,
    postgres_server: PostgresServer,
    tmp_path: Path,
    *,
    erase: Erase,
    left: int,
) -> None:
    vault = Vault(key_files(tmp_path, FIRST), token_bytes)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        async with engine.begin() as connection:
            written = await registered(connection, vault, 5)
        backup = await dump(fresh_database)
        async with engine.begin() as connection:
            for case_id in written:
                await erase(connection, case_id)
    later = postgres_server.new_database()
    keys = (await dump(fresh_database))["person_keys"]
    await restore({**backup, "person_keys": keys}, later)
    opened = 0
    async with work_engine(later.url("intake_work")) as engine, engine.connect() as connection:
        for case_id, dossier in written.items():
            try:
                found = await open_dossier(connection, case_id, ("identity", "notes"), vault=vault)
            except DossierErased:
                continue
            opened += found == dossier
    postgres_server.drop(later)
    assert opened == left

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.store.person_keys import destroy_key, uses
from services.intake.vault import (
    KeyDamaged,
    KeyUnavailable,
    SealedSection,
    SectionDamaged,
    Vault,
    WrappedKey,
)
from services.intake.vault.sections import Place, open_section, seal_section
from tests.intake.vaults import FIRST, a_vault, key_files, registered, work_engine
from tests.servers import Database

pytestmark = pytest.mark.share("sealed")
ALL = ("identity", "contact", "notes")
DAY = timedelta(days=1)


@pytest.fixture
async def connection(fresh_database: Database) -> AsyncIterator[AsyncConnection]:
    """As intake works; rolled back after the test."""
    async with work_engine(fresh_database.url("intake_work")) as engine, engine.connect() as opened:
        yield opened


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """With its first key."""
    return a_vault(tmp_path)


async def run(connection: AsyncConnection, statement: str, **parameters: Any) -> None:
    await connection.execute(text(statement), parameters)


async def test_a_dossier_opens_by_the_sections_that_are_asked_for(
    connection: AsyncConnection, vault: Vault
) -> None:
    for case_id, dossier in (await registered(connection, vault, 3)).items():
        assert await open_dossier(connection, case_id, ALL, vault=vault) == dossier
        one = await open_dossier(connection, case_id, ("notes", "medical"), vault=vault)
        assert one == {"notes": dossier["notes"]}
        assert await open_dossier(connection, case_id, (), vault=vault) == {}


async def test_the_newest_version_of_a_section_is_read(
    connection: AsyncConnection, vault: Vault
) -> None:
    ((case_id, _),) = (await registered(connection, vault, 1)).items()
    (row,) = await connection.execute(text("select kek_id, wrapped from person_keys"))
    key = await vault.keys.unwrap(WrappedKey(row.kek_id, row.wrapped), case_id)
    newer = seal_section(
        {"name": "corrected"}, Place(case_id, "identity", 2), person_key=key, entropy=token_bytes
    )
    await run(
        connection,
        "insert into dossiers values (:case_id, 'identity', 2, :nonce, :ciphertext)",
        case_id=case_id, nonce=newer.nonce, ciphertext=newer.ciphertext,
    )  # fmt: skip

    opened = await open_dossier(connection, case_id, ("identity",), vault=vault)
    assert opened == {"identity": {"name": "corrected"}}


SWAPS = {
    "another case's section": (
        "update dossiers set nonce = other.nonce, ciphertext = other.ciphertext from dossiers other"
        " where dossiers.case_id = :mine and other.case_id = :theirs"
        " and other.section = dossiers.section"
    ),
    "another section of the case": (
        "update dossiers set nonce = other.nonce, ciphertext = other.ciphertext from dossiers other"
        " where dossiers.case_id = :mine and other.case_id = :mine and :theirs is not null"
        " and other.section <> dossiers.section"
    ),
    "another version": "update dossiers set version = 7 where case_id = :mine or case_id = :theirs",
    "another case's key": (
        "update person_keys set wrapped = other.wrapped from person_keys other"
        " where person_keys.case_id = :mine and other.case_id = :theirs"
    ),
    "a bit of a section": (
        "update dossiers set ciphertext = set_byte(ciphertext, 3, get_byte(ciphertext, 3) # 1)"
        " where case_id = :mine or case_id = :theirs"
    ),
    "a bit of a key": (
        "update person_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)"
        " where case_id = :mine or case_id = :theirs"
    ),
}


async def test_what_was_changed_in_the_tables_is_refused_and_nothing_of_it_shown(
    connection: AsyncConnection, vault: Vault
) -> None:
    mine, theirs = await registered(connection, vault, 2)
    for what, statement in SWAPS.items():
        nested = await connection.begin_nested()
        await run(connection, statement.replace(":theirs", f"'{theirs}'::uuid"), mine=mine)
        with pytest.raises((SectionDamaged, KeyDamaged)) as refused:
            await open_dossier(connection, mine, ALL, vault=vault)
        assert str(refused.value) in {"section identity is damaged", ""}, what
        await nested.rollback()
    assert await open_dossier(connection, mine, ALL, vault=vault)


async def test_a_destroyed_key_leaves_nothing_that_any_surviving_key_opens(
    connection: AsyncConnection, tmp_path: Path
) -> None:
    keys = key_files(tmp_path, *(FIRST + days * DAY for days in range(3)))
    vault = Vault(keys, token_bytes)
    gone, *others = await registered(connection, vault, 20)
    assert await destroy_key(connection, gone, at=FIRST)
    assert not await destroy_key(connection, gone, at=FIRST)

    with pytest.raises(DossierErased):
        await open_dossier(connection, gone, ALL, vault=vault)
    kept = text("select section, version, nonce, ciphertext from dossiers where case_id = :gone")
    rows = await connection.execute(kept, {"gone": gone})
    left = [SealedSection(**row._mapping) for row in rows]
    assert len(left) == 2
    rows = await connection.execute(text("select * from person_keys where wrapped is not null"))
    surviving = [
        await keys.unwrap(WrappedKey(row.kek_id, row.wrapped), row.case_id) for row in rows
    ]
    for section in left:
        for key in (*surviving, *files_of(keys.folder)):
            with pytest.raises(SectionDamaged):
                open_section(gone, section, person_key=key)
    for case_id in others:
        assert await open_dossier(connection, case_id, ALL, vault=vault)


def files_of(folder: Path) -> list[bytes]:
    """The key-encryption keys themselves."""
    return [base64.urlsafe_b64decode(path.read_bytes()) for path in folder.iterdir()]


async def test_a_case_without_a_key_is_as_one_that_was_erased(
    connection: AsyncConnection, vault: Vault
) -> None:
    ((case_id, _),) = (await registered(connection, vault, 1)).items()
    await run(connection, "delete from person_keys")

    for absent in (case_id, uuid4()):
        with pytest.raises(DossierErased):
            await open_dossier(connection, absent, ALL, vault=vault)
    assert await uses(connection) == {}


async def test_a_missing_key_encryption_key_is_no_damage_and_no_erasure(
    connection: AsyncConnection, tmp_path: Path
) -> None:
    vault = a_vault(tmp_path)
    ((case_id, _),) = (await registered(connection, vault, 1)).items()
    elsewhere = Vault(key_files(tmp_path / "other", FIRST + DAY), token_bytes)

    with pytest.raises(KeyUnavailable):
        await open_dossier(connection, case_id, ALL, vault=elsewhere)


async def test_every_case_has_a_key_even_without_a_dossier(
    connection: AsyncConnection, vault: Vault
) -> None:
    await registered(connection, vault, 5)
    await run(connection, "delete from dossiers")

    assert sum((await uses(connection)).values()) == 5


async def test_no_other_role_can_read_keys_or_sections(fresh_database: Database) -> None:
    for role in ("intake_web", "siraba_ops", "referral_work", "reporting_work"):
        engine = create_async_engine(fresh_database.url(role), poolclass=NullPool)
        for table in ("person_keys", "dossiers", "left_keks"):
            async with engine.connect() as connection:
                with pytest.raises(ProgrammingError, match="permission denied"):
                    await connection.execute(text(f"select * from intake.{table}"))
        await engine.dispose()

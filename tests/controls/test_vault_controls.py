"""That the vault's tests would see a swap: the same ones, with one key for all and nothing bound."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from services.intake.store.dossiers import open_dossier
from services.intake.vault import SealedDossier, SealedSection, Vault, WrappedKey
from tests.intake.test_dossiers import SWAPS
from tests.intake.vaults import FIRST, key_files, registered, work_engine
from tests.servers import Database

pytestmark = pytest.mark.share("sealed")
ONE_KEY = AESGCM(b"k" * 32)


@dataclass(frozen=True, slots=True)
class OneKeyVault(Vault):
    """AES-256-GCM as well, but one key for all persons and no associated data."""

    async def seal(self, case_id: UUID, dossier: Mapping[str, Mapping[str, str]]) -> SealedDossier:
        sections = [
            SealedSection(
                section=section,
                version=1,
                nonce=(nonce := token_bytes(12)),
                ciphertext=ONE_KEY.encrypt(nonce, json.dumps(dict(fields)).encode(), None),
            )
            for section, fields in dossier.items()
        ]
        return SealedDossier(key=WrappedKey("1", token_bytes(60)), sections=sections)

    async def open(self, case_id: UUID, sealed: SealedDossier) -> dict[str, dict[str, str]]:
        return {
            one.section: json.loads(ONE_KEY.decrypt(one.nonce, one.ciphertext, None))
            for one in sealed.sections
        }


async def test_one_key_without_associated_data_takes_every_swap_for_the_truth(
    fresh_database: Database, tmp_path: Path
) -> None:
    vault = OneKeyVault(key_files(tmp_path, FIRST), token_bytes)
    async with (
        work_engine(fresh_database.url("intake_work")) as engine,
        engine.connect() as connection,
    ):
        written = await registered(connection, vault, 2)
        mine, theirs = written
        taken = {}
        for what, statement in SWAPS.items():
            if "a bit of" in what:
                continue
            nested = await connection.begin_nested()
            swap = text(statement.replace(":theirs", f"'{theirs}'::uuid"))
            await connection.execute(swap, {"mine": mine})
            taken[what] = await open_dossier(connection, mine, ("identity", "notes"), vault=vault)
            await nested.rollback()

    assert taken["another case's section"] == written[theirs]
    assert taken["another section of the case"]["identity"] == written[mine]["notes"]
    assert taken["another version"] == taken["another case's key"] == written[mine]

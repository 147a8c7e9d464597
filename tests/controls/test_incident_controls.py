"""That the tests of incidents would see a name in clear, and a person registered twice."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.form import PersonSubmission
from services.intake.store import incidents
from services.intake.use_cases.gathering import Gathered, open_incident, register_some
from services.intake.use_cases.registering import Keeping, Submitted, register_cases
from services.intake.vault import SealedDossier, SealedSection, Vault, WrappedKey
from tests.builders import TODAY, a_mint
from tests.intake.gatherings import NAME, a_person
from tests.intake.vaults import FIRST, key_files, work_engine
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")
PERSONS = 6
MINT = a_mint()


@dataclass(frozen=True, slots=True)
class ClearVault(Vault):
    """Keeps what it is given."""

    async def seal(self, case_id: UUID, dossier: Mapping[str, Mapping[str, str]]) -> SealedDossier:
        sections = [
            SealedSection(
                section=name, version=1, nonce=b"0", ciphertext=json.dumps(dict(fields)).encode()
            )
            for name, fields in dossier.items()
        ]
        return SealedDossier(key=WrappedKey("1", token_bytes(60)), sections=sections)

    async def open(self, case_id: UUID, sealed: SealedDossier) -> dict[str, dict[str, str]]:
        return {one.section: json.loads(one.ciphertext) for one in sealed.sections}


async def submitted(connection: AsyncConnection, keeping: Keeping) -> None:
    persons = {nth: PersonSubmission.model_validate(a_person(nth)) for nth in range(1, PERSONS + 1)}
    gathered = Gathered(
        organisation="POLICE_A",
        key="key-of-this-night",
        digest=b"digest",
        detected_on=TODAY,
        region=None,
        cercle=None,
        persons=persons,
        refused={},
        trace=None,
    )
    await open_incident(connection, gathered, mint=MINT, keeping=keeping)


@pytest.mark.parametrize("is_clear", [False, True])
async def test_a_vault_that_seals_nothing_shows_a_name(
    fresh_database: Database, tmp_path: Path, is_clear: bool
) -> None:
    vault = (ClearVault if is_clear else Vault)(key_files(tmp_path, FIRST), token_bytes)
    async with (
        work_engine(fresh_database.url("intake_work")) as engine,
        engine.begin() as connection,
    ):
        await submitted(connection, Keeping(vault, b"p" * 32))
        rows = await connection.execute(text("select ciphertext from incident_persons"))
        held = [bytes(row.ciphertext) for row in rows]

    assert len(held) == PERSONS
    assert any(NAME.encode() in one for one in held) is is_clear


async def cut_off(engine: AsyncEngine, keeping: Keeping, *, is_careful: bool) -> None:
    """Register a chunk and die before it is written down who was in it."""
    if is_careful:
        async with engine.connect() as connection, connection.begin() as transaction:
            await register_some(connection, mint=MINT, keeping=keeping)
            await transaction.rollback()
        return
    async with engine.begin() as connection:
        chunk = await incidents.waiting(connection, size=PERSONS)
        assert chunk is not None
        assert chunk.key is not None
        sealed = SealedDossier(key=chunk.key, sections=chunk.persons)
        opened = await keeping.vault.open(chunk.incident_id, sealed)
        naive = [
            Submitted(
                organisation=chunk.owner,
                key=str(uuid4()),
                digest=b"digest",
                facts=PersonSubmission.model_validate_json(form["form"]),
                dossier={},
                trace=None,
            )
            for form in opened.values()
        ]
        await register_cases(connection, naive, mint=MINT, keeping=keeping)


@pytest.mark.parametrize("is_careful", [True, False])
async def test_a_chunk_that_is_committed_before_it_is_written_down_registers_twice(
    fresh_database: Database, tmp_path: Path, is_careful: bool
) -> None:
    keeping = Keeping(Vault(key_files(tmp_path, FIRST), token_bytes), b"p" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        async with engine.begin() as connection:
            await submitted(connection, keeping)
        await cut_off(engine, keeping, is_careful=is_careful)
        async with engine.begin() as connection:
            assert (await register_some(connection, mint=MINT, keeping=keeping)).taken == PERSONS
            count = await connection.scalar(text("select count(*) from cases"))

    assert count == (PERSONS if is_careful else 2 * PERSONS)

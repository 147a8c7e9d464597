"""Vaults over key files in a folder of the test's, and dossiers with a canary in each."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from chassis.outbox import Outgoing
from contracts.intake import CaseRegistered
from services.intake.store import cases
from services.intake.vault import KeyFiles, Vault
from tests.builders import CANARY, coded_facts

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DOSSIER = {"identity": {"name": CANARY, "phone": "66012345"}, "notes": {"said": "Aminata a peur"}}


def key_files(folder: Path, *made: datetime) -> KeyFiles:
    """The keys of a folder, with versions made at these moments."""
    folder.mkdir(exist_ok=True)
    keys = KeyFiles(folder / "kek", token_bytes)
    for at in made:
        keys.make(at)
    return keys


def a_vault(folder: Path) -> Vault:
    """A vault with its first key."""
    return Vault(key_files(folder, FIRST), token_bytes)


@asynccontextmanager
async def work_engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """As intake works: its role, its schema."""
    engine = create_async_engine(
        database_url,
        poolclass=NullPool,
        connect_args={"server_settings": {"search_path": "intake"}},
    )
    try:
        yield engine
    finally:
        await engine.dispose()


async def registered(
    connection: AsyncConnection, vault: Vault, count: int, *, prefix: str = "case"
) -> dict[UUID, dict[str, dict[str, str]]]:
    """So many cases as intake writes them; each one's dossier by its id."""
    written = {
        uuid4(): {"identity": {"name": f"{CANARY} {nth}"}, "notes": {"n": str(nth)}}
        for nth in range(count)
    }
    new = [
        cases.NewCase(
            organisation="POLICE_A",
            key=f"{prefix}-{nth}",
            digest=b"d",
            answer={},
            case_id=case_id,
            number=f"ML-{prefix}-{nth}",
            registered_at=FIRST,
            dossier=await vault.seal(case_id, dossier),
            fingerprints=(),
            message=_message(case_id),
        )
        for nth, (case_id, dossier) in enumerate(written.items())
    ]
    await cases.save(connection, new)
    return written


def _message(case_id: UUID) -> Outgoing:
    facts = coded_facts(owner="POLICE_A", registered_on="2026-11-24")
    event = CaseRegistered.model_validate(facts)
    return Outgoing(
        id=uuid4(), stream="INTAKE", message=event, subject=str(case_id), case_id=case_id
    )

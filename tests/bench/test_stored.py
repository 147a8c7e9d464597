"""That a copied past is one that the service could have written."""

from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest

from tests.bench.stored import fill_schema
from tests.servers import Database

pytestmark = pytest.mark.share("fire")

CASE = UUID("6f5c1d5e-2f0f-4c39-9b58-7b1f3c1c7a11")
REAL = (
    "insert into cases values ($1, 'ML-12-2026-7K3QXF-C', 'POLICE_A', now(), '{}')",
    "insert into dossiers values ($1, 'identity', 1, 'n', 'c'), ($1, 'contact', 1, 'n', 'c')",
    """insert into outbox (id, stream, name, version, subject, sequence_key, case_id, body, sent_at)
       values ($1, 'INTAKE', 'case.registered', 1, $1::uuid::text, $1::uuid::text, $1, 'b', now())""",
    "insert into sequences values ('INTAKE', $1::uuid::text, 1), ('OUT', 'POLICE_A', 7)",
)
TABLES = ("cases", "dossiers", "outbox", "sequences")
TIED = "select count(*) from intake.dossiers join intake.cases using (case_id)"
APART = """
    select count(*) from intake.outbox where body is null and sent_at < now() - interval '1 day'
        and subject = sequence_key and subject in (select case_id::text from intake.cases)
"""
#: What has happened was long ago, and what is to come still is.
MOMENTS = """
    select count(distinct registered_at), count(distinct followup_due_at) from intake.cases
"""
UNREADY = "select count(*) from pg_index where not (indisready and indisvalid)"


async def test_copies_belong_together_as_the_originals_do(fresh_database: Database) -> None:
    url = fresh_database.superuser_url.replace("+asyncpg", "")
    connection = await asyncpg.connect(url, server_settings={"search_path": "intake"})
    for statement in REAL:
        await connection.execute(statement, CASE)

    await fill_schema(url, "intake", 10)

    counts = [await connection.fetchval(f"select count(*) from intake.{name}") for name in TABLES]
    assert counts == [11, 22, 11, 12]
    assert await connection.fetchval(TIED) == 22
    assert await connection.fetchval(APART) == 10
    assert tuple(await connection.fetchrow(MOMENTS)) == (2, 1)
    assert await connection.fetchval(UNREADY) == 0
    await connection.close()

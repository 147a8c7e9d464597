from dataclasses import replace
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest
from alembic.script import Script

from contracts.topology import SERVICES
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import ServerError
from deploy.migrate import (
    ROLES,
    SCHEMAS,
    Administration,
    migrate,
    migrations_folder,
    prepare_database,
    role_url,
)
from deploy.scram import scram_verifier
from tests.deploy.widening import executed_by, later_than_the_first, narrowing
from tests.servers import Database, open_folder


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def test_a_verifier_is_what_postgresql_would_have_made() -> None:
    """The known answer was made by PostgreSQL 18 for this password and salt."""
    verifier = scram_verifier("pencil", bytes(range(16)))
    assert verifier.startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
    assert len(verifier.split("$")[2]) == 89


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_logs_in_with_its_own_password_only(
    fresh_database: Database, role: str
) -> None:
    assert await ask(fresh_database.url(role), "select current_user") == role
    other = replace(fresh_database.administration, passwords=dict.fromkeys(ROLES, "wrong"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(role_url(other, role), "select 1")


async def test_preparing_and_migrating_again_changes_nothing(fresh_database: Database) -> None:
    first = await migrate(fresh_database.administration)
    await prepare_database(fresh_database.administration)
    assert await migrate(fresh_database.administration) == first
    assert set(first) == set(SCHEMAS)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_does_not_enter_anothers_schema(
    fresh_database: Database, service: str
) -> None:
    for suffix in ("web", "work"):
        question = "select has_schema_privilege($${}$$, $$usage$$)"
        for schema in SCHEMAS:
            allowed = await ask(fresh_database.url(f"{service}_{suffix}"), question.format(schema))
            assert allowed is (schema in (service, "telemetry"))


async def test_no_service_makes_tables(fresh_database: Database) -> None:
    for role in (role for role in ROLES if role != "siraba_owner"):
        for schema in (*SCHEMAS, "public"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ask(fresh_database.url(role), f"create table {schema}.mine (n int)")


async def test_no_password_reaches_the_servers_catalogue_in_clear(
    fresh_database: Database,
) -> None:
    stored = await ask(
        fresh_database.superuser_url,
        "select string_agg(rolpassword, ' ') from pg_authid where rolpassword is not null",
    )
    assert "password-of" not in str(stored)
    assert str(stored).count("SCRAM-SHA-256$") == len(ROLES) + 1


async def test_an_administrator_without_superuser_rights_is_enough() -> None:
    """External databases rarely give more than CREATEROLE and CREATEDB."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", password="superuser", log=folder / "log")
        server.start()
        try:
            url = server.url("postgres")
            await ask(url, "create role dba login createrole createdb password 'dba'")
            url = server.url("postgres", role="dba", password="dba")
            admin = Administration(url, {role: f"of-{role}" for role in ROLES})
            for _ in range(2):
                await prepare_database(admin)
                await migrate(admin)
            assert await ask(role_url(admin, "intake_work"), "select current_user") == "intake_work"
        finally:
            server.stop()


async def test_a_database_that_is_away_is_reported_without_its_address() -> None:
    admin = Administration("postgresql+asyncpg://u:very-secret@127.0.0.1:1/x", {})
    with pytest.raises(ServerError) as failure:
        await prepare_database(admin)
    assert "very-secret" not in str(failure.value)


CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
LATER = [one for schema in SCHEMAS for one in later_than_the_first(migrations_folder(schema))]


def stumbling(migration: Script, changelog: str) -> list[str]:
    """What a migration takes away that no release which is out has stopped to use."""
    release = getattr(migration.module, "unused_since", None)
    if release is not None and f"## [{release}]" in changelog:
        return []
    return narrowing(executed_by(migration))


def test_a_later_migration_only_widens() -> None:
    """Or names, as `unused_since`, the release from which on nobody used what it takes away."""
    assert [stumbling(one, CHANGELOG.read_text()) for one in LATER] == [[] for _ in LATER]


@pytest.mark.parametrize(
    ("statement", "narrows"),
    [
        ("alter table cases drop column region", True),
        ("alter table cases rename column region to area", True),
        ("alter table cases alter column region type int", True),
        ("alter table cases alter column region set not null", True),
        ("alter table cases add column area text not null", True),
        ("alter table cases add column area text not null default null", True),
        ("alter table cases add column area text unique", True),
        ("alter table cases add column area text, drop column region", True),
        ("alter table cases add column area text, add column n int not null", True),
        ("alter table cases add constraint one check (region <> '')", True),
        ("create unique index on cases (region)", True),
        ("create policy mine on cases as restrictive using (false)", True),
        ("create trigger t before insert on cases for each row execute function f()", True),
        ("create or replace function f() returns int as $$ select 1; $$ language sql", True),
        ("do $$ begin drop table cases; end $$", True),
        ("revoke select on cases from intake_web", True),
        ("update cases set region = 'x'", True),
        ("delete from cases", True),
        ("drop index cases_region", True),
        ("comment on table cases is 'a; b'; drop table cases", True),
        ("alter table cases add column area text not null default 'x'", False),
        ("alter table facts_cases add column area text not null default 'x'", False),
        ("alter table cases add column area text", False),
        ("alter table cases add column area numeric(4, 2), add column b int default 1", False),
        ("create index on cases (region)", False),
        ("create index cases_region on cases (region)", False),
        ("-- why; not\ncreate table areas (area text not null); create unique index on areas (area)", False),
        ("create table areas (n int); alter table areas alter column n set not null", False),
        ("create function f() returns int as $$ select 1; $$ language sql", False),
        ("grant select on cases to intake_web", False),
    ],
)  # fmt: skip
def test_what_narrows_a_table_is_seen(statement: str, narrows: bool) -> None:
    assert bool(narrowing(statement)) is narrows


WRITTEN = """
from alembic import op
revision, down_revision = "0002", "0001"
{since}
def upgrade(): op.drop_column("cases", "region")
"""


@pytest.mark.parametrize(
    ("since", "complaints"),
    [
        ("", ["ALTER TABLE cases DROP COLUMN region"]),
        ("unused_since = '7.1.0'", []),
        ("unused_since = '7.2.0'", ["ALTER TABLE cases DROP COLUMN region"]),
    ],
)
def test_what_is_taken_away_must_be_unused_since_a_release_that_is_out(
    tmp_path: Path, since: str, complaints: list[str]
) -> None:
    """Alembic's own operations are seen as well as scripts."""
    (tmp_path / "versions").mkdir()
    first = "revision, down_revision = '0001', None\ndef upgrade(): pass\n"
    (tmp_path / "versions" / "0001_first.py").write_text(first)
    (tmp_path / "versions" / "0002_fewer.py").write_text(WRITTEN.format(since=since))
    (later,) = later_than_the_first(tmp_path)
    assert stumbling(later, "## [7.1.0] 2027-01-01") == complaints

"""Services that run go on with tables that a newer release has widened below them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest
from sqlalchemy.exc import DBAPIError

from contracts.topology import SERVICES
from deploy import migrate as migrating
from deploy.commands.context import AT_THE_SERVER
from deploy.directory import load_directory
from deploy.migrate import OPERATIONS, TRIES
from deploy.settings import PlatformSettings
from deploy.tracing.collect import collect
from tests.journeys.in_process import Town, town
from tests.journeys.programs import Program
from tests.servers import Database, PostgresServer

pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
OWNER, SHELTER, SOCIAL = "POLICE_KAYES", "SHELTER_BENKADI_KAYES", "DRPFEF_KAYES"
ORGANISATIONS: Final = len(load_directory(PlatformSettings().directory_file))
CASE: Final[dict[str, object]] = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "12-14",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "risk": "medium", "needs": ["shelter"],
    "consent": [{"recipient_kind": k, "state": "given", "by": "guardian"} for k in ("shelter", "social")],
    "dossier": {"identity": {"prs_FirstName": "Awa"}},
}  # fmt: skip
#: Received, accepted, started and delivered by the shelter.
STEPS: Final = 4
#: Whatever a migration may do, to every table there is.
WIDER: Final = """
do $$ declare one regclass; begin
    for one in select oid from pg_class where relkind = 'r' and relname <> 'alembic_version'
        and relnamespace = current_schema()::regnamespace
    loop
        execute format('alter table %s add column later_maybe text', one);
        execute format('create index on %s (later_maybe)', one);
        execute format('alter table %s add column later_always int not null default 7', one);
    end loop;
end $$;
create table later (later text primary key);
"""
NARROWER: Final = "alter table cases drop column number cascade"
_MIGRATION: Final = """
from alembic import op
revision, down_revision = {revision!r}, {before!r}
def upgrade(): op.execute({script!r})
"""

#: A deadlock as PostgreSQL says it, so many times; the count outlives what is undone.
STUMBLE: Final = """
create sequence intake.stumbled;
create function intake.stumble(times int) returns int language plpgsql security definer as $$ begin
    if nextval('intake.stumbled') <= times then
        raise exception using errcode = 'deadlock_detected';
    end if;
    return 1;
end $$;
"""


class Release:
    """A newer one: its migrations are ours, and one more after them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for service in SERVICES:
            versions = folder / service / "versions"
            versions.mkdir(parents=True)
            for file in (migrating.migrations_folder(service) / "versions").glob("*.py"):
                (versions / file.name).write_text(file.read_text())

    def folder(self, schema: str) -> Path:
        return self._folder / schema

    def add(self, service: str, script: str) -> None:
        versions = self.folder(service) / "versions"
        last = max(file.name.partition("_")[0] for file in versions.glob("*.py"))
        revision = f"{int(last) + 1:04}"
        text = _MIGRATION.format(revision=revision, before=last, script=script)
        (versions / f"{revision}_later.py").write_text(text)


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    release = Release(tmp_path)
    monkeypatch.setattr(migrating, "migrations_folder", release.folder)
    return release


@asynccontextmanager
async def in_service(server: PostgresServer) -> AsyncIterator[Town]:
    """All services, and a shelter that completes what it is offered."""
    async with town(server, (OWNER, SHELTER, SOCIAL), services=SERVICES) as place:
        await count(place, "intake.organisations", at_least=ORGANISATIONS)
        program = Program(
            SHELTER, place.folder(SHELTER), place.nats.url, lambda *_, **__: "complete"
        )
        task = asyncio.create_task(program.run())
        yield place
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def count(place: Town, table: str, *, at_least: int) -> None:
    async with asyncio.timeout(30):
        while (await place.rows(f"select count(*) from {table}"))[0][0] < at_least:
            await asyncio.sleep(0.05)


async def submitted(place: Town, nth: int) -> int:
    """The status that whoever submits a case is answered with; 500 where the request breaks."""
    try:
        return (await place.post(OWNER, CASE, key=f"a-later-case-{nth}")).status_code
    except DBAPIError:
        return 500


async def travel(place: Town, nth: int) -> None:
    """One more case, from the request until its figures: at once, and nothing is put aside."""
    assert await submitted(place, nth) == 202
    await count(place, "reporting.facts_referral_steps", at_least=STEPS * nth)
    for service in SERVICES:
        assert await place.rows(f"select reason from {service}.dead_letters") == []
        assert await place.rows(f"select consumer from {service}.parked") == []


async def look_at_way(place: Town) -> None:
    """An operator of before does, while the tables of some services are wider than those of others."""
    ((case,),) = await place.rows("select case_id::text from intake.cases limit 1")
    await collect(place.database.url(OPERATIONS), case, by=AT_THE_SERVER)


async def test_code_of_before_goes_on_while_every_table_is_widened_and_not_with_one_column_less(
    postgres_server: PostgresServer, newer: Release
) -> None:
    async with in_service(postgres_server) as place:
        await travel(place, 1)

        for service in SERVICES:
            newer.add(service, WIDER)
            await migrating.migrate(place.database.administration)
            await look_at_way(place)

        await travel(place, 2)
        (wide,) = await place.rows("select count(later_maybe), sum(later_always) from intake.cases")
        assert wide == (0, 14)
        at = await migrating.migrate(place.database.administration)
        assert {at[service] for service in SERVICES} == {"0002"}

        # The control: what the rule that migrations only add keeps away.
        newer.add("intake", NARROWER)
        await migrating.migrate(place.database.administration)
        assert await submitted(place, 3) == 500


@pytest.mark.parametrize(
    "script", ["select intake.stumble({})", "select intake.stumble({}); select 1"]
)
async def test_a_migration_that_meets_a_deadlock_with_a_running_service_is_tried_again_and_not_for_ever(
    fresh_database: Database, postgres_server: PostgresServer, newer: Release, script: str
) -> None:
    """As one statement and as a script, which reach PostgreSQL on two ways."""
    admin = fresh_database.administration
    await postgres_server.execute(STUMBLE, database=fresh_database.name)
    newer.add("intake", script.format(TRIES - 1))
    assert (await migrating.migrate(admin))["intake"] == "0002"

    newer.add("intake", script.format(2 * TRIES))
    with pytest.raises((DBAPIError, asyncpg.DeadlockDetectedError)):
        await migrating.migrate(admin)

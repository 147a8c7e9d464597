from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from secrets import token_bytes

import pytest

from deploy.key_rotation import BACKUP_LIFE, retire, rotate
from services.intake.vault import KeyFiles
from tests.intake.vaults import work_engine
from tests.ledger import Figure, Form
from tests.parts import Site, site
from tests.servers import Database, PostgresServer
from tests.trust.erased_world import Lived, broken_chains, lived, started_again, stored
from tests.trust.population import fields_of
from tests.trust.readable import (
    Fields,
    in_clear,
    in_the_feeds,
    in_the_outbox,
    in_the_vault,
    lying_in,
)
from tests.trust.restored import dump, restore

__all__ = ["site"]
pytestmark = [pytest.mark.share("sealed"), pytest.mark.timeout(1800)]
KEPT = 3


@pytest.fixture
async def restored(postgres_server: PostgresServer) -> AsyncIterator[list[Database]]:
    databases = [postgres_server.new_database() for _ in range(3)]
    yield databases
    for one in databases:
        postgres_server.drop(one)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """Where we look for what should be gone; what should have stayed shows that we can see."""

    site: Site
    world: Lived
    kept: Fields

    @property
    def keys(self) -> KeyFiles:
        """The key-encryption keys that are left; a running service forgets one within a second."""
        return KeyFiles(self.site.folder / "kek", token_bytes)

    async def in_place(self) -> Fields:
        """Tables, vault, outbox, feeds and NATS's own files of the world as it is."""
        files = self.site.server.state.nats
        assert await in_clear(self.site.database, files) == []
        lying = in_the_feeds(lying_in(files, self.world.told), self.world.sealing)
        return await self.whole(self.site.database) | self.but_kept(lying, of=self.told)

    @property
    def told(self) -> Fields:
        """What the recipients were told before."""
        return in_the_feeds(self.world.told, self.world.sealing)

    async def after_a_restore(self, database: Database) -> Fields:
        """A whole backup brings the persons back, until intake has heard INTAKE again."""
        await restore(self.world.backup, database)
        await started_again(
            replace(self.site, database=database), erased=len(self.world.cases) - KEPT
        )
        return await self.whole(database)

    async def under_todays_keys(self, database: Database) -> Fields:
        """A backup of the sections, where the persons' keys are kept apart from them."""
        keys = (await dump(self.site.database))["person_keys"]
        await restore({**self.world.backup, "person_keys": keys}, database)
        return self.but_kept(await in_the_vault(database, self.keys))

    async def a_month_later(self, database: Database) -> Fields:
        """A backup that outlived its key-encryption key, which was rotated away and retired."""
        (old,) = self.keys.ids()
        now = datetime.now(UTC)
        async with work_engine(self.site.database.url("intake_work")) as engine:
            await rotate(engine, self.keys, at=now, settle_seconds=0)
            month = BACKUP_LIFE + timedelta(days=1)
            await retire(engine, self.keys, kek_id=old, at=now + month)
        await restore(self.world.backup, database)
        assert await in_the_vault(self.site.database, self.keys) == self.kept
        return await in_the_vault(database, self.keys)

    async def whole(self, database: Database) -> Fields:
        """All that is open with our keys and with the recipients'."""
        feeds = in_the_feeds(await stored(self.site, "OUT"), self.world.sealing)
        return (
            self.but_kept(await in_the_vault(database, self.keys))
            | self.but_kept(feeds, of=self.told)
            | await in_the_outbox(database, self.world.sealing) - self.kept
        )

    def but_kept(self, found: Fields, *, of: Fields | None = None) -> Fields:
        """What was found besides those who stayed, all of whom must be there."""
        wanted = self.kept if of is None else self.kept & of
        assert wanted
        assert wanted <= found
        return found - wanted


async def test_of_erased_persons_nothing_can_be_read_also_out_of_backups_and_all_still_verifies(
    site: Site, restored: list[Database], form: Form, figure: Figure
) -> None:
    count = form.pick(short=10, long=500)
    gone, kept = fields_of(range(count)), fields_of(range(count, count + KEPT))
    world = await lived(site, erased=count, kept=KEPT)
    look = Looking(site=site, world=world, kept=kept)

    readable = await look.in_place()
    assert world.figures[0] == world.figures[1]
    ends = {one.place: one.name for one in await stored(site, "INTAKE")}
    assert [ends[str(one.id)] for one in world.cases[:count]] == ["case.erased"] * count
    assert await broken_chains(site) == []

    again, apart, late = restored
    await restore(world.backup, again)
    brought_back = await in_the_vault(again, look.keys) & gone
    assert brought_back == gone
    readable |= await look.after_a_restore(again)
    readable |= await look.under_todays_keys(apart)
    readable |= await look.a_month_later(late)

    figure("sealed.erase.readable", len(readable), control=len(brought_back))

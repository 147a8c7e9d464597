"""Both sides end equal, however many act at once and however their messages come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from chassis.database import open_engine
from services.intake.use_cases.disclosing import Discloser
from tests.builders import a_mint, an_organisation
from tests.intake.transferred import World
from tests.intake.vaults import a_vault, work_engine
from tests.ledger import Form
from tests.machines.grounds import a_consumer
from tests.machines.two_sides import TwoSides
from tests.referral.offices import publish
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")
SEED, CASES, AT_ONCE = 20261129, 6, 3


@asynccontextmanager
async def two_sides(
    database: Database, folder: Path, *, ordered: bool = True
) -> AsyncIterator[TwoSides]:
    """Both, with their cases told of, and two shelters to ask."""
    by = Discloser(mint=a_mint(), vault=a_vault(folder), feed_key=b"f" * 32)
    referral = open_engine(database.url("referral_work"), schema="referral", pool_size=4)
    async with work_engine(database.url("intake_work")) as engine:
        world = World(engine, by, Random(SEED))
        await world.place(CASES)
        shelters = [an_organisation(f"SHELTER_{n}", "shelter", "shelter") for n in (1, 2)]
        async with referral.begin() as connection:
            await publish(connection, shelters, mint=a_mint(2))
        consumer = a_consumer(referral, a_mint(3), ordered=ordered)
        opened = TwoSides(world, referral, consumer, Random(SEED))
        opened.register()
        yield opened
    await referral.dispose()


async def test_both_sides_end_with_the_same_owners_and_the_same_words(
    fresh_database: Database, tmp_path: Path, form: Form
) -> None:
    async with two_sides(fresh_database, tmp_path) as sides:
        for _ in range(form.pick(short=10, long=1_000)):
            await sides.act(AT_ONCE)
        await sides.end()

        say(f"seed {SEED}: {sides.world.done}, {len(sides.sent)} messages")
        assert await sides.differences() == 0
        assert min(sides.world.done.get(kind, 0) for kind in ("offer", "merge")) >= 1

"""However many offer, accept and merge at once: a person's cases have one owner, and events say which."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from services.intake.use_cases.disclosing import Discloser
from tests.builders import a_mint
from tests.intake.transferred import World
from tests.intake.vaults import a_vault, work_engine
from tests.ledger import Figure, Form
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")
SEED, CASES, AT_ONCE = 20261128, 6, 6


async def test_a_person_has_one_owner_whoever_offers_accepts_and_merges_at_once(
    fresh_database: Database, tmp_path: Path, form: Form, figure: Figure
) -> None:
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        world = World(engine, by, Random(SEED))
        await world.place(CASES)
        found = 0
        for _ in range(form.pick(short=80, long=2_000)):
            await asyncio.gather(*(world.act() for _ in range(AT_ONCE)))
            found = max(found, await world.violations())

    say(f"seed {SEED}: {world.done}")
    assert min(world.done[kind] for kind in ("offer", "accept", "end", "merge", "unmerge")) >= 5
    figure("lifecycle.owner.violations", found, seed=SEED)

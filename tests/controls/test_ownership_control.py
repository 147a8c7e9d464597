"""Whoever accepts an offer without asking whose the case is now, takes it from its owner."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from services.intake.domain import transfers
from services.intake.use_cases.disclosing import Discloser
from tests.builders import a_mint
from tests.intake.test_ownership import AT_ONCE, CASES, SEED
from tests.intake.transferred import World
from tests.intake.vaults import a_vault, work_engine
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")


def believe(offer: transfers.Offer, **_: object) -> None:
    """As `require_open`, and nothing is asked."""


async def test_without_the_owner_s_check_a_case_is_taken_from_whoever_has_it(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "require_open", believe)
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        world = World(engine, by, Random(SEED))
        await world.place(CASES)
        found, rounds = 0, 0
        while not found and rounds < 80:
            rounds += 1
            await asyncio.gather(*(world.act() for _ in range(AT_ONCE)))
            found = await world.violations()

    say(f"{found} cases taken from their owners after {rounds} rounds")
    assert found

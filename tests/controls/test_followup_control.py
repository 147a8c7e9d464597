"""Whoever looks at what is due without holding it, tells it twice or not at all."""

import asyncio
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.intake.store import followups
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.following_up import tell_due
from tests.builders import a_mint
from tests.intake.test_followups import AGED
from tests.intake.transferred import World
from tests.intake.vaults import a_vault, work_engine
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")


async def test_without_the_lock_several_tell_the_same(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unheld = followups._CLAIM.text.replace("for update skip locked", "")
    monkeypatch.setattr(followups, "_CLAIM", text(unheld))
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        await (world := World(engine, by, Random(1))).place(12)
        async with engine.begin() as connection:
            await connection.exec_driver_sql(f"update cases set {AGED}")

        async def look() -> None:
            async with world.engine.begin() as connection:
                await tell_due(connection, by=by)

        came = await asyncio.gather(*(look() for _ in range(8)), return_exceptions=True)

    # The table's own rule is the second net: whoever comes late loses all that it was to tell.
    assert any(isinstance(one, IntegrityError) for one in came)

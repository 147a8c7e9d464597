"""Whoever looks at the room without holding it lets too many in."""

import asyncio
from collections.abc import Collection

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.places import Places
from services.referral.store import places
from tests.referral.offices import a_count, an_answer, open_office
from tests.referral.test_counting import PERSONS, PLACES, offered
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")


async def look(
    connection: AsyncConnection, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Places]:
    """As `places.lock`, and nothing is locked."""
    if not pairs:
        return {}
    found = {
        (one.organisation, one.service): one
        for one in await places.of_service(connection, "shelter")
    }
    await connection.execute(text("select pg_sleep(0.01)"))
    return found


async def test_without_the_lock_more_are_let_in_than_there_are_places(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "lock", look)
    async with open_office(fresh_database, at_once=20) as office:
        ids = await offered(office, PERSONS)
        await office.count(a_count("SHELTER_B", places=PLACES, free=PLACES))
        await asyncio.gather(*(office.answer(an_answer("SHELTER_B", one, "accept")) for one in ids))
        taken = (await office.referrals()).count(("SHELTER_B", "shelter", "accepted", 1))

    say(f"{taken} persons in {PLACES} places")
    assert taken > PLACES

"""Whoever looks at what is due without holding it acts twice."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.deadlines import LIMITS
from services.referral.store import timers
from services.referral.store.timers import Due
from tests.builders import an_organisation
from tests.referral.days import days_of
from tests.servers import Database
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
PERSONS, PROCESSES = 40, 4
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
)


_DUE = text("""
    select matter_id, step from timers
    where due_at <= clock_timestamp() and step <> :but limit :room
""")


async def look(connection: AsyncConnection, *, room: int, but: str) -> list[Due]:
    """As `timers.claim`, and nothing is locked."""
    found = await connection.execute(_DUE, {"room": room, "but": but})
    return [Due(*row) for row in found]


async def reminders(database: Database) -> int:
    """How often somebody is reminded whom several processes find to be late at the same moment."""
    async with days_of(database, DIRECTORY, at_once=2 * PROCESSES) as days:
        await days.office.offer(*[{"age_band": "25-34"}] * PERSONS)
        await days.clock.go_on(LIMITS["urgent_72h"] / 2 + timedelta(minutes=1))
        await asyncio.gather(*(days.office.timekeeper().once() for _ in range(PROCESSES)))
        return Counter(name for name, _ in await days.office.said())["referral.reminded"]


async def test_with_the_lock_each_is_reminded_once(fresh_database: Database) -> None:
    assert await reminders(fresh_database) == PERSONS


async def test_without_the_lock_some_are_reminded_again(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "claim", look)
    found = await reminders(fresh_database)

    say(f"{found} reminders for {PERSONS} persons")
    assert found > PERSONS

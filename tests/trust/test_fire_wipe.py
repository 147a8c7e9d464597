"""The broker loses everything: what nobody had taken comes again by itself, once."""

import asyncio
from random import Random
from time import monotonic

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest

from tests.ledger import Figure, Form
from tests.trust.auditor import Audit, compare
from tests.trust.campaign import Campaign, campaign
from tests.trust.evidence import Evidence
from tests.trust.faults.wiped import wipe_store
from tests.trust.load import come_to_rest
from tests.trust.telling import say

# Long form only until its short form has been seen to hold on a busy machine too.
pytestmark = [pytest.mark.connected, pytest.mark.share("fire"), pytest.mark.long]
SEED = 20261204
BACK_SECONDS = 300
STEPS = """
    select convert_from(body, 'UTF8')::jsonb->>'referral_id' as referral, split_part(name, '.', 2) as step
    from referral.outbox where stream = 'REFERRAL' and name like 'referral.%'
      and name <> 'referral.unplaced' and body is not null
"""
FEEDS = """
    select organisation, id::text from intake.outbox where stream = 'OUT'
    union all select organisation, id::text from referral.outbox where stream = 'OUT'
"""


@pytest.mark.timeout(1500)
async def test_a_broker_that_lost_its_store_gets_back_what_nobody_had_taken(
    form: Form, figure: Figure
) -> None:
    wipes, random = form.pick(short=1, long=20), Random(SEED)
    # Nobody declines: who is asked does not hang on requests, which only their sender can repeat.
    async with campaign(seed=SEED, choices=("accept", "receive")) as fire:
        for _ in range(wipes):
            async with fire.under_load():
                await asyncio.sleep(random.uniform(1, 4))
                await wipe_store(fire.road.platform)
                await asyncio.sleep(2)
            began = monotonic()
            await come_to_rest(fire.road, within=BACK_SECONDS)
            say(f"all back {monotonic() - began:.1f} s after the last answer")
        found = await what_arrived(fire, await fire.evidence())

    say(found)
    assert found.count("doubled") == found.count("unexpected") == 0, found
    figure("fire.wipe.lost", found.count("lost"), seed=SEED)


async def what_arrived(fire: Campaign, evidence: Evidence) -> Audit:
    """Streams forgot what was taken before the wipe; tables and partners did not."""
    cases = [case for _, _, case in evidence.cases]
    holding = evidence.holding
    feeds = [(code, one) for code, one in await rows(fire, FEEDS) if code in holding]
    return Audit(
        [
            compare(
                "a case that was answered 202 is in the table",
                acked=[key for key, _ in evidence.acked],
                found=[key for key, _, _ in evidence.cases],
                attempted=evidence.attempted,
            ),
            compare("referral knows each case once", acked=cases, found=evidence.known),
            compare(
                "each organisation that routing says is asked once",
                acked=[row[:4] for row in evidence.expected],
                found=[row[:4] for row in evidence.referrals],
            ),
            compare(
                "each step is with the case's owner once",
                acked=await rows(fire, STEPS),
                found=evidence.steps,
            ),
            compare("each message of a feed is handled once", acked=feeds, found=evidence.handled),
        ]
    )


async def rows(fire: Campaign, query: str) -> list[tuple[str, ...]]:
    server = fire.road.platform.supervisor.servers["postgres"]
    url = server.url("siraba").replace("+asyncpg", "")  # type: ignore[attr-defined]  # it is the embedded one
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()

"""Under load and kills the law of conservation holds, and no auditor ever cries."""

import asyncio
import logging
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from tests.journeys.road import SERVICES, Road
from tests.ledger import Figure, Form
from tests.trust.campaign import campaign
from tests.trust.killer import Killer
from tests.trust.lawful import Alarms, Law, lawful
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261210
SETTLED = 2
BORDERS = {
    "relay-INTAKE", "relay-REFERRAL", "relay-OUT",
    "referral-INTAKE", "reporting-INTAKE", "intake-REFERRAL", "reporting-REFERRAL", "referral-INBOX",
}  # fmt: skip

_PLANT = text("""
    insert into inbox (consumer, source, id, digest, stream_sequence)
    values ('referral-INBOX', '/partners/NOBODY', :id, '', 1)
""")


@pytest.mark.timeout(600)
async def test_under_kills_nobody_cries_and_in_the_end_the_sum_is_exact(
    form: Form, figure: Figure
) -> None:
    kills = form.pick(short=2, long=60)
    alarms = Alarms()
    logging.getLogger("siraba.conservation").addHandler(alarms)
    async with campaign(seed=SEED) as fire, lawful(fire.road, settled=SETTLED) as law:
        victims = ("postgres", "nats", *SERVICES)
        killer = Killer(fire.road.platform, victims, SEED, pause=(1.0, 2.5))
        watching = asyncio.create_task(law.watch(every=1.0))
        async with fire.under_load(per_second=20, writers=8):
            await killer.run(kills)
        evidence = await fire.evidence(within=120)
        law.is_over = True
        await watching
        await asyncio.sleep(SETTLED)
        stands = await exact(law)
        shown = await numbers(fire.road)
        cried = list(alarms.heard)
        planted = await plant(law)

    say(f"{dict(killer.killed)}; {law.looks} looks; {stands}")
    assert cried == []
    assert law.looks > kills
    assert alarms.heard == [f"referral-INBOX unfounded ['{planted}']"]
    assert set(stands) >= BORDERS
    for name, stored in (("INTAKE", "referral-INTAKE"), ("REFERRAL", "intake-REFERRAL")):
        assert stands[stored] == len(evidence.streams[name])
    assert 'siraba_conservation_messages{consumer="referral-INTAKE"' in shown
    broken = len(cried)
    figure("fire.conservation.false_alarms", broken, unit="alarms", bound="0", holds=broken == 0,
           seed=SEED)  # fmt: skip


async def exact(law: Law) -> dict[str, int]:
    """How many messages crossed each border; at rest all of them were delivered."""
    found = await law.look()
    found |= await law.look()
    for one in found.values():
        assert one.accepted == one.delivered, one
    return {name: one.delivered for name, one in found.items()}


async def plant(law: Law) -> UUID:
    """The same auditors hear of an effect that nobody asked for, within two looks."""
    (keeper,) = (one for one in law.keepers if one.wire.name == "referral")
    planted = uuid4()
    async with keeper.engine.begin() as connection:
        await connection.execute(_PLANT, {"id": planted})
    await asyncio.sleep(SETTLED + 0.2)
    await keeper.once()
    await keeper.once()
    return planted


async def numbers(road: Road) -> str:
    """What Prometheus gets of referral."""
    answer = await road.http.get(f"{road.platform.service_urls['referral']}/metrics")
    assert answer.status_code == 200
    return answer.text

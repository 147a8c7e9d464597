import asyncio
from uuid import uuid4

import pytest

from chassis.assembly import assemble
from tests.chassis.outgoing import ids, inside, queue, stored, unsent
from tests.ledger import Figure, Form
from tests.parts import Site, until
from tests.trust.auditor import compare
from tests.trust.faults.wire_proxy import BadLine

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]


@pytest.mark.timeout(600)
async def test_a_line_that_delays_goes_half_open_and_breaks_carries_each_event_once(
    site: Site, form: Form, figure: Figure
) -> None:
    rounds = form.pick(short=2, long=20)
    written: list[str] = []
    failures: list[str] = []
    async with BadLine(site.server.ports.client) as line:
        url = f"nats://127.0.0.1:{line.port}"
        parts = assemble(
            "referral",
            site.settings("referral").model_copy(update={"nats_url": url}),
            source="/siraba/referral",
            on_failure=lambda: failures.append("referral"),
        )
        async with parts.running():
            for _ in range(rounds):
                for delay, hears in ((0.2, True), (0.0, False), (0.0, True)):
                    line.delay, line.down = delay, hears
                    events = [inside(uuid4()) for _ in range(30)]
                    await queue(parts, events)
                    await parts.wake_relay()
                    written += ids(events)
                    await asyncio.sleep(1)
                # What was swallowed never comes: such a connection ends in a break.
                line.reset()

            async def all_sent() -> bool:
                return await unsent(site) == 0

            await until(all_sent, seconds=40)

    found = compare("each event is there once", acked=written, found=ids(await stored(site)))
    assert not any((found.doubled, found.unexpected)), found
    lost = len(found.lost)
    figure("fire.line.lost", lost, unit="events", bound="0", holds=lost == 0)
    assert not failures, "the process asked to be ended"

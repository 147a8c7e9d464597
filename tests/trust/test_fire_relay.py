import asyncio
from collections.abc import Sequence
from random import Random
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import outbox
from chassis.database import open_engine
from chassis.outbox import Outgoing
from contracts.identifiers import Mint
from deploy.keys import PROVISIONER
from tests.builders import a_case
from tests.controls.relay_by_position import RelayByPosition
from tests.ledger import Figure, Form
from tests.parts import Site, until
from tests.trust.auditor import Audit, compare, in_order
from tests.trust.streams import read_streams
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261201
CONNECTIONS = 50
TOGETHER = 4
LONGEST_DELAY = 0.2


@pytest.mark.timeout(1200)
async def test_no_event_is_skipped_however_late_its_transaction_commits(
    site: Site, form: Form, figure: Figure
) -> None:
    count = form.pick(short=4_000, long=100_000)
    writing = _engine(site, CONNECTIONS)
    control_engine = _engine(site, 1)
    control = RelayByPosition(control_engine)
    async with site.parts("intake") as parts:
        relays = [asyncio.create_task(parts.relay.run()), asyncio.create_task(control.run())]
        written = await _write(writing, parts.mint, count=count)

        async def all_sent() -> bool:
            unsent = "select count(*) from intake.outbox where sent_at is null"
            return await site.rows(unsent) == [(0,)]

        await until(all_sent, seconds=60 + count / 500)
        await asyncio.sleep(0.1)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
    await writing.dispose()
    await control_engine.dispose()
    seed = site.server.seed_file(PROVISIONER)
    stored = (await read_streams(site.server.url, seed, ["INTAKE"]))["INTAKE"]

    numbers = [(one.place, int(one.headers["ce-casesequence"])) for one in stored]
    ids = [str(identity) for identity in written]
    found = Audit(
        [
            compare(
                "each committed event is in the stream", acked=ids, found=[m.id for m in stored]
            ),
            in_order("each case's numbers have no gap", numbers),
        ]
    )
    skipped = compare("the control sends each event", acked=written, found=control.sent)
    say(f"{found}\n{skipped}")
    assert found.count("doubled") == found.count("unexpected") == found.count("disordered") == 0
    assert skipped.lost, "the control lost nothing: this test would not see a skip"
    figure("fire.relay.skipped", found.count("lost"), control=len(skipped.lost), seed=SEED)


def _engine(site: Site, connections: int) -> AsyncEngine:
    url = site.database.url("intake_work")
    return open_engine(url, schema="intake", pool_size=connections)


async def _write(engine: AsyncEngine, mint: Mint, *, count: int) -> list[UUID]:
    """Each connection commits a few events of shared cases at a time, after a random delay."""
    random = Random(SEED)
    cases = [mint.opaque_id() for _ in range(count // 10)]
    written: list[UUID] = []

    async def write() -> None:
        for _ in range(count // CONNECTIONS // TOGETHER):
            events = [_event(mint, random.choice(cases)) for _ in range(TOGETHER)]
            async with engine.begin() as connection:
                await outbox.add(connection, events)
                await asyncio.sleep(random.uniform(0, LONGEST_DELAY))
            written.extend(_ids(events))

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(write())
    return written


def _ids(events: Sequence[Outgoing]) -> list[UUID]:
    return [event.id for event in events]


def _event(mint: Mint, case_id: UUID) -> Outgoing:
    return Outgoing(
        id=mint.message_id(),
        stream="INTAKE",
        message=a_case(),
        subject=str(case_id),
        case_id=case_id,
    )

"""The auditor reads no message again that came to its own process, and every other one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.assembly import Parts
from chassis.inbox import Consumer
from chassis.inbox.seen import Deliveries
from contracts.envelope import Envelope
from tests.chassis.test_conservation import acknowledged, counts, keeper_of, look, named
from tests.chassis.test_requests import A, Told, a_consumer, send, taken
from tests.parts import Site, make_effects

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]

SENT = 12
#: A look asks for what its streams and its durable hold: so many answers at most.
ANSWERS = 6
BORN = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("room", [0, 5, 100])
async def test_only_what_came_to_no_process_of_its_own_is_read(
    site: Site, caplog: pytest.LogCaptureFixture, room: int
) -> None:
    ids = [uuid4() for _ in range(SENT)]
    await make_effects(site)
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_consumer(parts, Told())
        consumer.deliveries = Deliveries(room=room)
        await ask(parts, client, consumer, ids)
        lost = [ids[0], ids[-1]]
        await site.run("delete from referral.inbox where id = any(:ids)", ids=lost)

        before = received(parts)
        found = (await look(keeper_of(parts, consumer)))[consumer.name]
        unknown = max(0, SENT - room)
        assert unknown <= received(parts) - before <= unknown + ANSWERS

        assert counts(found) == {"accepted": SENT, "delivered": SENT - 2, "pending": 2}
        await look(keeper_of(parts, consumer))
    assert named(caplog) == [(consumer.name, "missing", sorted(map(str, lost)))]


async def ask(parts: Parts, client: Client, consumer: Consumer, ids: list[UUID]) -> None:
    for identity in ids:
        await send(client, A, identity=identity)
    await taken(parts, consumer, len(ids))
    await acknowledged(parts, consumer)


def received(parts: Parts) -> int:
    """By the service's own connection, of whatever kind."""
    return int(parts.wire.jetstream._nc.stats["in_msgs"])


def test_what_lay_there_before_a_stream_was_made_anew_is_not_known() -> None:
    deliveries = Deliveries()
    for place in (1, 2):
        take(deliveries, place, at=BORN + timedelta(seconds=place))

    assert list(deliveries.among([1, 2, 3], since=BORN)) == [1, 2]
    assert list(deliveries.among([1, 2, 3], since=BORN + timedelta(seconds=2))) == [2]


def test_a_first_delivery_that_goes_back_in_time_ends_what_is_known() -> None:
    deliveries = Deliveries()
    for place in (7, 8):
        take(deliveries, place, at=BORN + timedelta(days=1))
    take(deliveries, 7, at=BORN + timedelta(days=1), tries=2)
    assert list(deliveries.among([7, 8], since=BORN)) == [7, 8]

    take(deliveries, 1, at=BORN)
    assert list(deliveries.among([1, 7, 8], since=BORN)) == [1]


def take(deliveries: Deliveries, place: int, *, at: datetime, tries: int = 1) -> None:
    nanoseconds = int(at.timestamp()) * 1_000_000_000
    reply = f"$JS.ACK.INTAKE.referral-INTAKE.{tries}.{place}.{place}.{nanoseconds}.0"
    raw = deliveries.read(Msg(_client=Client(), subject="x", reply=reply, data=b"{}"))
    deliveries.remember(raw, Envelope(uuid4(), "siraba/intake", "case.registered.v1", "x"))

"""What the tests of the relay share: rows in referral's outbox, and what became of them."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.outbox import Outgoing
from contracts import feed
from contracts.referral import ReferralUnplaced
from tests.parts import Site, writing_as
from tests.servers import partner_jetstream

STREAM, SHELTER, POLICE = "REFERRAL", "SHELTER_B", "POLICE_A"
FACT: dict[str, Any] = {"service": "shelter", "reason": "none_left"}


def inside(case_id: UUID, **changes: Any) -> Outgoing:
    """An event of a case."""
    said: dict[str, Any] = {
        "id": uuid4(),
        "stream": STREAM,
        "message": ReferralUnplaced(**FACT),
        "subject": str(case_id),
        "case_id": case_id,
    }
    return Outgoing(**said | changes)


def told(organisation: str, case_id: UUID, **changes: Any) -> Outgoing:
    """A partner's copy, under a pseudonym of the case."""
    said: dict[str, Any] = {
        "id": uuid4(),
        "stream": "OUT",
        "message": feed.Unplaced(**FACT),
        "subject": f"pseudonym of {case_id} for {organisation}",
        "case_id": case_id,
        "organisation": organisation,
    }
    return Outgoing(**said | changes)


async def queue(parts: Parts, messages: Sequence[Outgoing]) -> None:
    """In a transaction of their own."""
    async with parts.work.begin() as connection:
        await outbox.add(connection, messages)


async def drain(parts: Parts, connection: AsyncConnection | None = None) -> int:
    """Carry until nothing is left; how many rows that were."""
    if connection is None:
        async with parts.work.connect() as own:
            return await drain(parts, own)
    carried = 0
    while rows := await parts.relay.carry(connection):
        carried += rows
    return carried


async def stored(site: Site, stream: str = STREAM) -> list[RawStreamMsg]:
    """Everything in a service's stream, in order."""
    found: list[RawStreamMsg] = []
    async with writing_as(site.server, "reporting") as jetstream:
        with suppress(NotFoundError):
            while True:
                found.append(await jetstream.get_msg(stream, len(found) + 1))
    return found


async def feed_of(site: Site, code: str, wanted: int) -> list[Msg]:
    """The next messages of an organisation's feed, as it pulls them itself."""
    async with site.server.partner(code) as client:
        subscription = await partner_jetstream(client, 5).pull_subscribe_bind(code, stream="OUT")
        found: list[Msg] = []
        while len(found) < wanted:
            found += await subscription.fetch(wanted - len(found), timeout=5)
        for message in found:
            await message.ack()
        await client.flush()
    return found


def numbers(messages: Sequence[RawStreamMsg | Msg], header: str) -> list[int]:
    """Their sequence, as the envelope says it."""
    return [int((one.headers or {})[header]) for one in messages]


def ids(messages: Sequence[RawStreamMsg | Msg | Outgoing]) -> list[str]:
    """Which messages these are."""
    return [
        str(one.id) if isinstance(one, Outgoing) else str((one.headers or {})["ce-id"])
        for one in messages
    ]


async def unsent(site: Site) -> int:
    """How many rows no PubAck was seen for."""
    ((count,),) = await site.rows("select count(*) from referral.outbox where sent_at is null")
    return int(count)

"""What the relay is spared, shown by taking one protection away: each loss must happen."""

from dataclasses import dataclass
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.assembly import Parts
from chassis.outbox import Outgoing
from chassis.relay import rows
from chassis.relay.rows import Chain, Row
from chassis.relay.send import send
from tests.chassis.outgoing import drain, ids, inside, numbers, queue, stored, unsent
from tests.parts import Site

pytestmark = pytest.mark.share("fire")

AFTER = text("select position from outbox where position > :last order by position")


@dataclass
class Reader:
    """A relay that remembers how far it has read, as in many tutorials, and not what it has sent."""

    parts: Parts
    last: int = 0

    async def carry(self) -> None:
        async with self.parts.work.connect() as connection:
            async with connection.begin():
                found = list((await connection.execute(AFTER, {"last": self.last})).scalars())
                head = await rows.waiting(connection, 500)
                stamped = await self.parts.relay.stamper.stamp(
                    connection,
                    [row for row in head.rows if row.position in found],
                    chains=head.chains,
                )
            await send(self.parts.wire.jetstream, stamped, service="referral")
            self.last = max(found, default=self.last)


async def written_late(parts: Parts, carry: Reader | None) -> list[Outgoing]:
    """One transaction that writes first and commits last; what both wrote."""
    late, early = inside(uuid4()), inside(uuid4())
    async with parts.work.connect() as slow:
        transaction = await slow.begin()
        await outbox.add(slow, [late])
        await queue(parts, [early])
        await (carry.carry() if carry else drain(parts))
        await transaction.commit()
    await (carry.carry() if carry else drain(parts))
    return [early, late]


async def test_a_relay_that_reads_on_from_the_last_id_skips_what_commits_late(site: Site) -> None:
    async with site.parts("referral") as parts:
        early, late = await written_late(parts, Reader(parts))

        assert ids(await stored(site)) == ids([early])
        assert ids([late])[0] not in ids(await stored(site))


async def test_the_relay_itself_does_not(site: Site) -> None:
    async with site.parts("referral") as parts:
        both = await written_late(parts, None)

        assert ids(await stored(site)) == ids(both)


async def lose_the_mark(site: Site) -> None:
    """As a crash between PubAck and mark leaves it."""
    await site.run("update referral.outbox set sent_at = null, stream_sequence = null")


async def leased(connection: AsyncConnection) -> list[Row]:
    async with connection.begin():
        return await rows.leased(connection, 500)


async def test_a_resend_without_the_message_id_is_a_second_message(site: Site) -> None:
    async with site.parts("referral") as parts, parts.work.connect() as connection:
        await queue(parts, [inside(uuid4()) for _ in range(3)])
        await drain(parts)
        await lose_the_mark(site)
        bare = [without_message_id(row) for row in await leased(connection)]
        await send(parts.wire.jetstream, bare, service="referral")

    assert len(await stored(site)) == 6


def without_message_id(row: Row) -> Row:
    assert row.headers is not None
    return row._replace(headers=row.headers.replace("Nats-Msg-Id:", "Other:"))


async def test_a_resend_that_is_numbered_anew_tears_a_gap_that_no_consumer_can_pass(
    site: Site,
) -> None:
    case_id = uuid4()
    async with site.parts("referral") as parts:
        await queue(parts, [inside(case_id)])
        async with parts.work.begin() as connection:  # leased, and the process dies before sending
            head = await rows.waiting(connection, 500)
            await parts.relay.stamper.stamp(connection, head.rows, chains=head.chains)
        async with parts.work.connect() as connection:
            async with connection.begin():
                unsent_rows = await rows.leased(connection, 500)
                chains = {(row.stream, row.sequence_key): Chain(1, None) for row in unsent_rows}
                again = await parts.relay.stamper.stamp(connection, unsent_rows, chains=chains)
            await send(parts.wire.jetstream, again, service="referral")

    assert numbers(await stored(site), "ce-casesequence") == [2]
    assert await unsent(site) == 1

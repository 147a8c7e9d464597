from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox.refusals import limited, sum_up
from chassis.inbox.rejections import PER_MINUTE
from chassis.outbox import Outgoing
from contracts.feed import RequestRefused
from tests.chassis.outgoing import told
from tests.parts import Site

pytestmark = pytest.mark.share("partners")
A, B = "POLICE_A", "SHELTER_B"


@dataclass
class Told:
    """Collects the numbers that partners would hear."""

    more: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    async def __call__(
        self, _: AsyncConnection, organisation: str, said: Mapping[str, Any]
    ) -> None:
        self.more.append((organisation, said))


def a_refusal(organisation: str = A) -> Outgoing:
    refusal = RequestRefused(
        request_id=uuid4(), request_type="referral.accept", reason="unknown_referral"
    )
    return told(organisation, uuid4(), message=refusal)


async def begin_a_minute(connection: AsyncConnection) -> None:
    """Wait for the next one where this one is nearly over, so that none strikes meanwhile."""
    await connection.execute(
        text("select pg_sleep(greatest(0, extract(second from clock_timestamp()) - 50) * 1.1)")
    )


async def let_through(parts: Parts, messages: list[Outgoing]) -> list[Outgoing]:
    """What of these is told, in a transaction of its own."""
    async with parts.work.begin() as connection:
        return await limited(connection, messages, refusal=RequestRefused)


async def summed(parts: Parts, site: Site, *, minutes: int = 60) -> Told:
    """What is told of the minutes that are over; time passes so far for all of them."""
    await site.run(
        "update referral.refusals set minute = minute - make_interval(mins => :past)", past=minutes
    )
    heard = Told()
    async with parts.work.begin() as connection:
        await sum_up(connection, by=heard)
        await sum_up(connection, by=heard)
    return heard


async def test_of_a_hundred_refusals_sixty_are_told_and_the_rest_once_in_the_words_of_the_last(
    site: Site,
) -> None:
    refusals = [a_refusal() for _ in range(100)]
    async with site.parts("referral") as parts:
        async with parts.work.begin() as connection:
            await begin_a_minute(connection)
            kept = await limited(connection, refusals[:50], refusal=RequestRefused)
            kept += await limited(connection, refusals[50:], refusal=RequestRefused)
        heard = await summed(parts, site)

    assert kept == refusals[:PER_MINUTE]
    last = refusals[-1].message
    assert isinstance(last, RequestRefused)
    ((organisation, said),) = heard.more
    assert organisation == A
    assert RequestRefused.model_validate(said) == last.model_copy(update={"count": 40})


async def test_what_one_organisation_is_refused_costs_another_nothing(site: Site) -> None:
    mixed = [a_refusal(A) if nth % 20 else a_refusal(B) for nth in range(200)]
    async with site.parts("referral") as parts:
        kept = await let_through(parts, mixed)
        heard = await summed(parts, site)

    assert Counter(one.organisation for one in kept) == {A: PER_MINUTE, B: 10}
    assert [one for one in mixed if one in kept] == kept, "in the order they came"
    assert [organisation for organisation, _ in heard.more] == [A]


async def test_every_other_message_passes_however_many_there_are(site: Site) -> None:
    others = [told(A, uuid4()) for _ in range(100)]
    refusals = [a_refusal() for _ in range(70)]
    async with site.parts("referral") as parts:
        kept = await let_through(parts, [*refusals, *others])

        assert kept == [*refusals[:PER_MINUTE], *others]
        assert await let_through(parts, others) == others


async def test_nobody_hears_of_a_number_while_its_minute_lasts_or_where_all_were_told(
    site: Site,
) -> None:
    async with site.parts("referral") as parts:
        await let_through(parts, [a_refusal(B) for _ in range(PER_MINUTE)])
        assert (await summed(parts, site)).more == []
        await let_through(parts, [a_refusal() for _ in range(100)])
        # An hour ahead, so that no clock can strike meanwhile.
        assert (await summed(parts, site, minutes=-60)).more == []
        assert len((await summed(parts, site, minutes=120)).more) == 1

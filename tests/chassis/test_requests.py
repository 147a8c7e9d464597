import json
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.inbox import Consumer, Rejection
from chassis.inbox.rejections import PER_MINUTE, sum_up
from chassis.inbox.share import Shares
from chassis.inbox.sweep import SHARE, Sweep
from contracts.reading import read_request
from contracts.requests import AcceptReferral
from tests.builders import CANARY, request_headers, sent_subject, stored_subject
from tests.parts import Site, effects, fetched, make_effects, take_effect, until
from tests.signing import signed, trust

NAME, STREAM = "referral-INBOX", "INBOX"
A, B = "POLICE_A", "SHELTER_B"


@dataclass
class Told:
    """Collects what senders would hear."""

    rejections: list[Rejection] = field(default_factory=list)

    async def __call__(self, _: AsyncConnection, rejection: Rejection) -> None:
        self.rejections.append(rejection)

    @property
    def reasons(self) -> list[tuple[str, str, str | None]]:
        return [(one.organisation, one.reason, one.field) for one in self.rejections]


def a_consumer(parts: Parts, told: Told, shares: Shares | None = None) -> Consumer:
    return Consumer(
        name=NAME,
        stream=STREAM,
        parts=parts,
        trust=trust(A, B, kind="request"),
        check=read_request,
        handle=take_effect,
        ordered=False,
        tell=told,
        fits=(shares or Shares()).fits,
    )


async def send(
    client: Client,
    code: str,
    *,
    body: bytes | None = None,
    identity: UUID | None = None,
    headers: dict[str, str] | None = None,
) -> None:
    """Publish a request as a partner does, and see it stored."""
    message = AcceptReferral(referral_id=uuid4())
    said = request_headers(code, message, stamped=False, id=identity or uuid4())
    # Another Nats-Msg-Id each time: de-duplication in the ingress is not what is tested here.
    said["Nats-Msg-Id"] = str(uuid4())
    payload = message.encode() if body is None else body
    said = signed(
        said | (headers or {}), payload, subject=stored_subject(code, message), kind="request"
    )
    answer = await client.request(sent_subject(message), payload, headers=said, timeout=5)
    assert "error" not in json.loads(answer.data), answer.data


async def arrived(parts: Parts, count: int) -> None:
    async def holds() -> bool:
        info = await parts.wire.jetstream.consumer_info(STREAM, NAME)
        return (info.num_pending or 0) >= count

    await until(holds)


async def taken(parts: Parts, consumer: Consumer, count: int) -> None:
    await arrived(parts, count)
    await consumer.take(await fetched(parts, STREAM, NAME, wanted=count))
    await consumer.bury_gathered()


async def test_a_request_that_comes_twice_has_one_effect_and_nobody_is_told(site: Site) -> None:
    await make_effects(site)
    told, identity, body = Told(), uuid4(), AcceptReferral(referral_id=uuid4()).encode()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_consumer(parts, told)
        for _ in range(2):
            await send(client, A, identity=identity, body=body)
        await taken(parts, consumer, 2)
        await send(client, A, identity=identity, body=body)
        await taken(parts, consumer, 1)

        assert len(await effects(site)) == 1
        assert told.rejections == []


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "in two"])
async def test_an_id_used_again_for_another_body_is_refused_and_its_sender_told(
    site: Site, together: bool
) -> None:
    await make_effects(site)
    told, identity = Told(), uuid4()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_consumer(parts, told)
        await send(client, A, identity=identity)
        if not together:
            await taken(parts, consumer, 1)
        await send(client, A, identity=identity)
        await taken(parts, consumer, 2 if together else 1)

        assert len(await effects(site)) == 1
        assert told.reasons == [(A, "id_reused", "ce-id")]
        assert told.rejections[0].message_id == str(identity)
        assert await site.rows("select reason from referral.dead_letters") == [("id_reused",)]


async def test_one_id_of_two_organisations_is_two_requests(site: Site) -> None:
    await make_effects(site)
    told, identity = Told(), uuid4()
    async with (
        site.parts("referral") as parts,
        site.server.partner(A) as one,
        site.server.partner(B) as other,
    ):
        await send(one, A, identity=identity)
        await send(other, B, identity=identity)
        await taken(parts, a_consumer(parts, told), 2)

        assert len(await effects(site)) == 2
        assert told.rejections == []


async def test_a_request_that_cannot_be_read_is_dead_at_once_and_told_without_its_content(
    site: Site,
) -> None:
    await make_effects(site)
    told = Told()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        await send(client, A, body=json.dumps({"referral_id": CANARY}).encode())
        await send(client, A, body=b"\xff")
        await send(client, A, headers={"ce-id": "Aminata-66012345"})
        await send(client, A, headers={"ce-source": f"/partners/{B}"})
        await send(client, A, headers={"ce-subject": quote(CANARY), "ce-type": quote(CANARY)})
        await send(client, A)
        await taken(parts, a_consumer(parts, told), 6)

        assert len(await effects(site)) == 1
        assert told.reasons == [
            (A, "wrong_schema", "referral_id"),
            (A, "not_utf8", "body"),
            (A, "missing_attribute", "ce-id"),
            (A, "wrong_source", "ce-source"),
            (A, "unknown_type", "ce-type"),
        ]
        assert "Aminata" not in repr(told.rejections)
        dump = await site.rows("select row_to_json(d)::text from referral.dead_letters d")
        assert len(dump) == 5
        assert "Aminata" not in repr(dump)


async def test_what_a_partner_wrote_into_its_attributes_is_not_kept_when_its_request_dies(
    site: Site,
) -> None:
    told = Told()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_consumer(parts, told)  # no table for effects: every try fails
        await send(client, A, headers={"ce-subject": f"{quote(CANARY)}%00", "ce-casesequence": "7"})
        await arrived(parts, 1)
        (message,) = await fetched(parts, STREAM, NAME, wanted=1)
        for _ in range(5):
            await consumer.take([message])

        found = await site.rows("select reason, row_to_json(d)::text from referral.dead_letters d")
        assert [reason for reason, _ in found] == ["failed:ProgrammingError"]
        assert CANARY not in found[0][1]


async def test_a_flood_waits_its_turn_and_does_not_hold_back_others(site: Site) -> None:
    await make_effects(site)
    told, shares = Told(), Shares(per_second=0.0, burst=5.0)
    async with (
        site.parts("referral") as parts,
        site.server.partner(A) as flooding,
        site.server.partner(B) as modest,
    ):
        consumer = a_consumer(parts, told, shares)
        for _ in range(20):
            await send(flooding, A)
        await send(modest, B)
        await taken(parts, consumer, 21)

        done = await site.rows(
            "select count(*) from referral.inbox group by source order by source"
        )
        assert done == [(5,), (1,)]
        assert await site.rows("select count(*) from referral.redeliveries") == [(15,)]

        await site.run("update referral.redeliveries set due_at = clock_timestamp()")
        await Sweep(consumer).once()

        assert len(await effects(site)) == 21
        assert await site.rows("select count(*) from referral.redeliveries") == [(0,)]
        assert told.rejections == []


async def test_what_cannot_be_read_counts_against_its_senders_share_as_well(site: Site) -> None:
    told, shares = Told(), Shares(per_second=0.0, burst=5.0)
    async with site.parts("referral") as parts, site.server.partner(A) as flooding:
        consumer = a_consumer(parts, told, shares)
        for _ in range(20):
            await send(flooding, A, body=b"garbage")
        await taken(parts, consumer, 20)

        assert await site.rows("select count(*) from referral.dead_letters") == [(5,)]
        waiting = "select organisation, count(*) from referral.redeliveries group by 1"
        assert await site.rows(waiting) == [(A, 15)]


async def test_of_what_waits_the_few_of_one_come_up_beside_the_many_of_another(site: Site) -> None:
    await make_effects(site)
    async with (
        site.parts("referral") as parts,
        site.server.partner(A) as flooding,
        site.server.partner(B) as modest,
    ):
        consumer = a_consumer(parts, Told(), Shares(per_second=0.0, burst=0.0))
        for _ in range(SHARE + 10):
            await send(flooding, A)
        await send(modest, B)
        await taken(parts, consumer, SHARE + 11)
        await site.run("update referral.redeliveries set due_at = clock_timestamp()")
        await Sweep(consumer).once()

        left = await site.rows("select organisation from referral.redeliveries")
        assert left == [(A,)] * 10


async def test_a_request_whose_key_ends_while_it_waits_is_dead_and_its_sender_told(
    site: Site,
) -> None:
    await make_effects(site)
    told = Told()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_consumer(parts, told, Shares(per_second=0.0, burst=0.0))
        await send(client, A)
        await taken(parts, consumer, 1)
        assert told.rejections == []

        consumer.trust = trust(B, kind="request")
        await site.run("update referral.redeliveries set due_at = clock_timestamp()")
        await Sweep(consumer).once()

        assert told.reasons == [(A, "unknown_key", "siraba-signature")]
        assert await site.rows("select reason from referral.dead_letters") == [("unknown_key",)]
        assert await site.rows("select 1 from referral.redeliveries") == []


async def test_deferred_requests_keep_their_order(site: Site) -> None:
    await make_effects(site)
    ids = [uuid4() for _ in range(10)]
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        consumer = a_consumer(parts, Told(), Shares(per_second=0.0, burst=1.0))
        for identity in ids:
            await send(client, A, identity=identity)
        await taken(parts, consumer, 10)
        await site.run("update referral.redeliveries set due_at = clock_timestamp()")
        await Sweep(consumer).once()

        order = await site.rows("select id from referral.effects order by nth")
        assert [identity for (identity,) in order] == ids


async def test_rejections_are_told_sixty_times_a_minute_and_then_once_with_a_count(
    site: Site,
) -> None:
    told = Told()
    async with site.parts("referral") as parts, site.server.partner(A) as client:
        # Two minutes at most: the count starts anew with each.
        for _ in range(2 * PER_MINUTE + 5):
            await send(client, A, body=b"{")
        await taken(parts, a_consumer(parts, told), 2 * PER_MINUTE + 5)
        in_time = len(told.rejections)

        await site.run("update referral.rejections set minute = minute - interval '1 hour'")
        async with parts.work.begin() as connection:
            await sum_up(connection, by=told)
            await sum_up(connection, by=told)

        assert PER_MINUTE <= in_time <= 2 * PER_MINUTE
        counted = sum(one.count for one in told.rejections)
        assert counted == 2 * PER_MINUTE + 5
        assert Counter(one.reason for one in told.rejections[in_time:]).keys() == {"too_many"}
        dead = await site.rows("select count(*) from referral.dead_letters")
        assert dead == [(2 * PER_MINUTE + 5,)]


def test_a_share_refills_by_the_second_up_to_its_burst() -> None:
    shares = Shares(per_second=2.0, burst=4.0)

    def taken_at(now: float, wanted: int) -> int:
        return sum(shares.fits(A, now) for _ in range(wanted))

    assert taken_at(0.0, 10) == 4
    assert taken_at(1.0, 10) == 2
    assert taken_at(100.0, 10) == 4
    assert shares.fits(B, 100.0)
    assert all(shares.fits(None, 100.0) for _ in range(100))

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from contracts.catalogue import REQUESTS, read_message
from contracts.feed import Accepted, RequestRefused
from contracts.requests import AcceptReferral, DeclineReferral, ReceiveReferral, StartReferral
from contracts.topology import ingress_stream
from partners.kit import Edge, Partner, courier
from partners.kit.counters import read_counters
from tests.partners.platform import CODES, TRACE, Platform, offer

pytestmark = pytest.mark.share("partners")


def waiting(folder: Path) -> int:
    counters = read_counters(folder)
    assert counters is not None
    return counters.waiting


async def settled(folder: Path) -> None:
    async with asyncio.timeout(20):
        while waiting(folder):
            await asyncio.sleep(0.1)


async def test_an_answer_is_stored_under_the_senders_name_with_the_agreed_attributes(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    asked = await platform.tell("SHELTER_A", made)
    async with Partner.open(shelter, url=platform.url) as partner:
        delivery = await anext(partner.deliveries())
        request = DeclineReferral(referral_id=made.referral_id, reason="capacity")
        receipt = await partner.send(request, answering=delivery.envelope)
        await delivery.done()

    (stored,) = await platform.requests_of("SHELTER_A")
    envelope, read = read_message(stored.headers, stored.body, types=REQUESTS)
    assert receipt.acknowledged
    assert stored.subject == "in.SHELTER_A.referral.decline.v1"
    assert read == request
    assert envelope.id == receipt.id
    assert envelope.source == "/partners/SHELTER_A"
    assert envelope.subject == envelope.correlation_id == str(made.referral_id)
    assert envelope.causation_id == str(asked)
    assert stored.headers["traceparent"] == TRACE
    assert stored.headers["Nats-Msg-Id"] == str(receipt.id)


async def test_a_request_id_is_a_uuid_of_the_clock_and_dice_it_was_given(
    platform: Platform, shelter: Path
) -> None:
    edge = Edge(now=lambda: datetime(2026, 11, 24, tzinfo=UTC), random=bytes)
    async with Partner.open(shelter, url=platform.url, edge=edge) as partner:
        receipt = await partner.send(AcceptReferral(referral_id=uuid4()))

    assert receipt.id == UUID("01a20ada-2c00-7000-8000-000000000000")


async def test_without_a_named_message_the_last_one_about_the_referral_is_answered(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    step = {"referral_id": made.referral_id, "service": "shelter", "organisation": "SHELTER_A"}
    await platform.tell("SHELTER_A", made)
    last = await platform.tell("SHELTER_A", Accepted.model_validate(step))
    async with Partner.open(shelter, url=platform.url) as partner:
        async for delivery in partner.deliveries(idle=0.3):
            await delivery.done()
        await partner.send(StartReferral(referral_id=made.referral_id))

    (stored,) = await platform.requests_of("SHELTER_A")
    assert stored.headers["ce-causationid"] == str(last)


async def test_a_request_made_while_the_broker_is_down_arrives_once_under_its_first_id(
    platform: Platform, shelter: Path
) -> None:
    async with Partner.open(shelter, url=platform.url) as partner:
        platform.kill()
        receipt = await partner.send(AcceptReferral(referral_id=uuid4()))
        assert not receipt.acknowledged
        await platform.start()
        await settled(shelter)

    assert [stored.headers["ce-id"] for stored in await platform.requests_of("SHELTER_A")] == [
        str(receipt.id)
    ]


async def test_what_waited_when_the_program_ended_goes_out_with_the_next_one_in_order(
    platform: Platform, shelter: Path
) -> None:
    referral = uuid4()
    async with Partner.open(shelter, url=platform.url) as partner:
        platform.kill()
        first = await partner.send(ReceiveReferral(referral_id=referral))
        second = await partner.send(AcceptReferral(referral_id=referral))
    await platform.start()
    async with Partner.open(shelter, url=platform.url) as partner:
        third = await partner.send(StartReferral(referral_id=referral))

    sent = [stored.headers["ce-id"] for stored in await platform.requests_of("SHELTER_A")]
    assert sent == [str(first.id), str(second.id), str(third.id)]


async def test_a_lost_confirmation_leads_to_the_same_bytes_again_and_one_stored_request(
    platform: Platform, shelter: Path
) -> None:
    async with Partner.open(shelter, url=platform.url) as partner:
        receipt = await partner.send(AcceptReferral(referral_id=uuid4()))
        # As after a crash between the platform's confirmation and our note of it.
        database = partner._ledger._database
        database.execute("UPDATE request SET acknowledged_at = NULL")
        assert waiting(shelter) == 1
        again = await partner.deliver(receipt.id)

    assert again.acknowledged
    assert len(await platform.requests_of("SHELTER_A")) == 1


async def test_answering_again_after_a_crash_is_the_same_request(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    await platform.tell("SHELTER_A", made)
    request = AcceptReferral(referral_id=made.referral_id)
    receipts = []
    for _ in range(2):
        async with Partner.open(shelter, url=platform.url) as partner:
            delivery = await anext(partner.deliveries())
            receipts.append(await partner.send(request, answering=delivery.envelope))
            # Never done: the program ends here, and the message comes again.

    assert len({receipt.id for receipt in receipts}) == 1
    assert len(await platform.requests_of("SHELTER_A")) == 1


async def test_asking_again_once_the_message_is_done_is_a_new_request(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    await platform.tell("SHELTER_A", made)
    request = AcceptReferral(referral_id=made.referral_id)
    async with Partner.open(shelter, url=platform.url) as partner:
        async for delivery in partner.deliveries(idle=0.3):
            await delivery.done()
        first = await partner.send(request)
        second = await partner.send(request)

    assert first.id != second.id
    assert len(await platform.requests_of("SHELTER_A")) == 2


async def test_a_platform_that_takes_nothing_from_this_key_is_told_and_loses_nothing(
    platform: Platform, shelter: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = await platform.core()
    await client.jetstream().delete_stream(ingress_stream("SHELTER_A").name)
    await client.close()

    async with Partner.open(shelter, url=platform.url) as partner:
        receipt = await partner.send(AcceptReferral(referral_id=uuid4()))

    assert not receipt.acknowledged
    assert waiting(shelter) == 1
    assert "stored and will be sent again" in caplog.text
    assert "does not know this key under this code" in caplog.text


async def test_what_nothing_has_answered_goes_out_again_once_the_broker_has_lost_its_store(
    platform: Platform, shelter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "RETRY_SECONDS", 0.1)
    one, other = uuid4(), uuid4()
    step = {"referral_id": one, "service": "shelter", "organisation": "SHELTER_A"}
    async with Partner.open(shelter, url=platform.url) as partner:
        await partner.send(AcceptReferral(referral_id=one))
        lost = await partner.send(AcceptReferral(referral_id=other))
        refused = await partner.send(StartReferral(referral_id=other))
        no = RequestRefused(
            request_id=refused.id, request_type="referral.start", reason="wrong_state"
        )
        for told in (Accepted.model_validate(step), no):
            await platform.tell("SHELTER_A", told)
        async for delivery in partner.deliveries(idle=0.3):
            await delivery.done()
        first = await platform.requests_of("SHELTER_A")
        await platform.lose_everything()
        async with asyncio.timeout(20):
            while not await platform.requests_of("SHELTER_A"):
                await asyncio.sleep(0.1)
        await settled(shelter)

    assert await platform.requests_of("SHELTER_A") == first[1:2]
    assert first[1].headers["ce-id"] == str(lost.id)


async def test_a_broker_that_only_was_away_is_sent_nothing_again(
    platform: Platform, shelter: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Partner.open(shelter, url=platform.url) as partner:
        await partner.send(AcceptReferral(referral_id=uuid4()))
        platform.kill()
        await platform.start()
    async with Partner.open(shelter, url=platform.url) as partner:
        await partner.send(StartReferral(referral_id=uuid4()))

    assert "has begun anew" not in caplog.text


async def test_a_full_quota_holds_requests_back_until_there_is_room(
    platform: Platform, shelter: Path
) -> None:
    client = await platform.core()
    jetstream = client.jetstream()
    name = ingress_stream("SHELTER_A").name
    config = (await jetstream.stream_info(name)).config
    await jetstream.update_stream(config.evolve(max_msgs=1))
    async with Partner.open(shelter, url=platform.url) as partner:
        await partner.send(AcceptReferral(referral_id=uuid4()))
        held = await partner.send(AcceptReferral(referral_id=uuid4()))
        assert not held.acknowledged
        await jetstream.update_stream(config)
        await settled(shelter)
    await client.close()

    assert len(await platform.requests_of("SHELTER_A")) == 2


async def test_nothing_a_partner_sends_lands_under_another_name(
    platform: Platform, folders: dict[str, Path]
) -> None:
    async with Partner.open(folders["CLINIC_B"], url=platform.url) as partner:
        await partner.send(AcceptReferral(referral_id=uuid4()))

    assert [len(await platform.requests_of(code)) for code in CODES] == [0, 1]
    (stored,) = await platform.requests_of("CLINIC_B")
    assert list(json.loads(stored.body)) == ["referral_id"]

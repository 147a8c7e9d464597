"""referral between its streams: what comes in over NATS, and what each feed then holds."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from nats.aio.msg import Msg

from chassis.assembly import Parts
from chassis.inbox import Consumer
from contracts.event import Message
from contracts.reading import read_feed
from contracts.requests import AcceptReferral, DeclineReferral
from contracts.topology import feed_durable
from services.referral.consumers import Handlers, consumers
from tests.builders import (
    a_case,
    an_organisation,
    event_headers,
    event_subject,
    request_headers,
    sent_subject,
    stored_subject,
)
from tests.chassis.outgoing import drain, feed_of
from tests.parts import Site, fetched, until, writing_as
from tests.referral.offices import publish
from tests.signing import signed

POLICE, SHELTER = "POLICE_A", "SHELTER_B"


async def never_back(code: str, *, after: int | None, since: datetime | None) -> bool:
    """These tests ask for no replay."""
    raise AssertionError(code, after, since)


class Road:
    """referral with its two consumers, driven by hand: one batch at a time."""

    def __init__(self, site: Site, parts: Parts) -> None:
        self.site, self.parts = site, parts
        self.cases, self.requests = consumers(parts, Handlers(parts, b"k" * 32, never_back))

    async def open_directory(self) -> None:
        entries = [
            an_organisation(POLICE, "police", "health"),
            an_organisation(SHELTER, "shelter", "shelter"),
        ]
        async with self.parts.work.begin() as connection:
            await publish(connection, entries, mint=self.parts.mint)

    async def case(self, case_id: UUID, **facts: Any) -> None:
        event = a_case(age_band="25-34", **facts)
        headers = event_headers(event, case_id=str(case_id), number=1)
        async with writing_as(self.site.server, "intake") as jetstream:
            await jetstream.publish(
                event_subject(event, str(case_id)), event.encode(), headers=headers
            )
        await self.take(self.cases, 1)

    async def request(
        self, code: str, message: Message, *, identity: UUID, body: bytes | None = None
    ) -> None:
        body, subject = body or message.encode(), stored_subject(code, message)
        headers = request_headers(code, message, stamped=False, id=identity)
        headers = signed(headers, body, subject=subject, kind="request")
        async with self.site.server.partner(code) as client:
            await client.request(sent_subject(message), body, headers=headers, timeout=5)

    async def take(self, consumer: Consumer, count: int) -> None:
        async def arrived() -> bool:
            info = await self.parts.wire.jetstream.consumer_info(consumer.stream, consumer.name)
            return (info.num_pending or 0) >= count

        await until(arrived)
        messages = await fetched(self.parts, consumer.stream, consumer.name, wanted=count)
        await consumer.take(messages)
        await consumer.bury_gathered()
        await drain(self.parts)

    async def heard(self, code: str, count: int) -> list[tuple[str, dict[str, Any]]]:
        """(name, body) of an organisation's next messages, each read as its own kit reads it."""
        return [_read(one, code) for one in await feed_of(self.site, code, count)]

    async def heard_all(self, code: str) -> list[tuple[str, dict[str, Any]]]:
        """All that is there, in the same words."""
        durable = feed_durable(code)
        async with writing_as(self.site.server, "provisioner") as jetstream:
            waiting = (await jetstream.consumer_info(durable.stream, durable.name)).num_pending
        return await self.heard(code, waiting or 0)


def _read(message: Msg, code: str) -> tuple[str, dict[str, Any]]:
    _, body = read_feed(message.subject, message.headers or {}, message.data, code=code)
    return body.name, json.loads(message.data)


@asynccontextmanager
async def road(site: Site) -> AsyncIterator[Road]:
    async with site.parts("referral") as parts:
        opened = Road(site, parts)
        await opened.open_directory()
        yield opened


async def test_a_case_becomes_an_offer_its_answer_is_heard_by_both_and_nobody_hears_more(
    site: Site,
) -> None:
    async with road(site) as way:
        await way.case(uuid4())
        ((name, offer),) = await way.heard(SHELTER, 1)
        assert name == "referral.offered"

        accept = AcceptReferral(referral_id=offer["referral_id"])
        await way.request(SHELTER, accept, identity=uuid4())
        await way.take(way.requests, 1)

        told = {"referral_id": offer["referral_id"], "service": "shelter", "organisation": SHELTER}
        assert await way.heard(SHELTER, 1) == [("referral.accepted", told)]
        assert await way.heard(POLICE, 1) == [("referral.accepted", told)]
        assert await site.rows("select count(*) from referral.outbox where sent_at is null") == [
            (0,)
        ]


async def test_a_partner_hears_what_is_wrong_with_its_message_by_field_and_allowed_codes(
    site: Site,
) -> None:
    async with road(site) as way:
        identity = uuid4()
        decline = DeclineReferral(referral_id=uuid4(), reason="capacity")
        body = json.dumps({"referral_id": str(uuid4()), "reason": "too tired"}).encode()
        await way.request(SHELTER, decline, identity=identity, body=body)
        await way.take(way.requests, 1)

        ((name, told),) = await way.heard(SHELTER, 1)
        assert (name, told["reason"], told["field"]) == (
            "message.rejected",
            "unknown_code",
            "reason",
        )
        assert told["message_id"] == str(identity)
        assert "capacity" in told["allowed"]
        assert "tired" not in json.dumps(told)


async def test_an_id_used_twice_is_told_and_changes_nothing(site: Site) -> None:
    async with road(site) as way:
        identity = uuid4()
        await way.request(SHELTER, AcceptReferral(referral_id=uuid4()), identity=identity)
        # The ingress drops what repeats an id within its window, so this comes as after it.
        other = DeclineReferral(referral_id=uuid4(), reason="capacity")
        headers = request_headers(SHELTER, other, stamped=False, id=identity)
        async with site.server.partner(SHELTER) as client:
            await client.request(
                sent_subject(other),
                other.encode(),
                headers=headers | {"Nats-Msg-Id": str(uuid4())},
                timeout=5,
            )
        await way.take(way.requests, 2)

        names = [(name, body["reason"]) for name, body in await way.heard(SHELTER, 2)]
        assert sorted(names) == [
            ("message.rejected", "id_reused"),
            ("request.refused", "unknown_referral"),
        ]


async def test_one_id_of_two_organisations_shows_each_trace_its_own_case(site: Site) -> None:
    async with road(site) as way:
        cases = {SHELTER: uuid4(), POLICE: uuid4()}
        given = [
            {"recipient_kind": kind, "state": "given", "by": "person"}
            for kind in ("shelter", "police")
        ]
        await way.case(cases[SHELTER], consent=given)
        await way.case(cases[POLICE], consent=given, needs=["health"], owner=SHELTER)
        identity = uuid4()
        for code in (SHELTER, POLICE):
            found = await site.rows(
                "select referral_id from referral.referrals where organisation = :code", code=code
            )
            await way.request(code, AcceptReferral(referral_id=found[0][0]), identity=identity)
        await way.take(way.requests, 2)

    shown = {
        str(span.attributes["siraba.organisation"]): span.attributes.get("siraba.case_id")
        for span in site.spans.get_finished_spans()
        if span.name == "process referral.accept" and span.attributes
    }
    assert shown == {code: str(case_id) for code, case_id in cases.items()}

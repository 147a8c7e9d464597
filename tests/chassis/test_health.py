import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from chassis.assembly import Parts
from chassis.health import OLDEST_UNSENT_SECONDS, STALLED_SECONDS, WATCH_SECONDS, Health, probes
from chassis.inbox import Consumer
from tests.chassis.outgoing import drain, inside, queue
from tests.chassis.streams import a_consumer, publish
from tests.parts import Site, until, writing_as


def health_of(site: Site, parts: Parts, *consumers: Consumer) -> Health:
    return Health(
        engine=parts.work,
        wire=parts.wire,
        consumers=consumers,
        on_stall=lambda: site.failures.append("stalled"),
    )


@asynccontextmanager
async def asked(health: Health) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(probes(health))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


def red(report: dict[str, Any]) -> list[str]:
    return [name for name, check in report["checks"].items() if not check["ok"]]


async def test_a_service_that_has_all_it_needs_is_ready_and_says_its_numbers(site: Site) -> None:
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        await publish(jetstream, str(uuid4()), 1)
        consumer = a_consumer(parts)
        async with asked(health_of(site, parts, consumer)) as client:
            answer = await client.get("/readyz")
            assert (await client.get("/healthz")).json() == {"status": "alive"}

    assert answer.status_code == 200
    assert answer.json()["checks"]["referral-INTAKE"] == {"ok": True, "pending": 1, "unacked": 0}


async def test_an_outbox_that_nobody_empties_is_red_and_green_again_once_sent(site: Site) -> None:
    async with site.parts("referral") as parts:
        health = health_of(site, parts)
        await queue(parts, [inside(uuid4())])
        assert red(await health.report()) == []
        await site.run(
            "update referral.outbox set created_at = created_at - make_interval(secs => :age)",
            age=OLDEST_UNSENT_SECONDS + 1,
        )

        assert red(await health.report()) == ["outbox"]
        await drain(parts)
        assert red(await health.report()) == []


async def test_a_consumer_that_does_not_exist_is_red(site: Site) -> None:
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts)
        consumer.name = "referral-NOWHERE"
        async with asked(health_of(site, parts, consumer)) as client:
            answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert red(answer.json()) == ["referral-NOWHERE"]


async def test_without_the_broker_a_service_lives_and_is_not_ready(site: Site) -> None:
    async with site.parts("referral") as parts:
        health = health_of(site, parts, a_consumer(parts))
        site.server.server.stop()

        async def is_cut() -> bool:
            return not parts.wire.is_connected

        await until(is_cut)
        async with asked(health) as client:
            started = monotonic()
            answer = await client.get("/readyz")
            assert (await client.get("/healthz")).status_code == 200

        assert red(answer.json()) == ["nats", "referral-INTAKE"]
        assert monotonic() - started < 4
        site.server.server.start()

        async def is_back() -> bool:
            return red(await health.report()) == []

        await until(is_back)
        assert site.failures == []


async def test_without_the_database_a_service_is_not_ready(site: Site) -> None:
    async with site.parts("referral") as parts:
        await site.run(f"alter database {site.database.name} connection limit 0")
        report = await health_of(site, parts).report()

    assert red(report) == ["postgres", "outbox"]
    assert not report["ready"]


async def test_a_database_that_cannot_be_written_is_red_though_it_answers(site: Site) -> None:
    await site.run("alter role referral_work set default_transaction_read_only = on")
    try:
        async with site.parts("referral") as parts:
            report = await health_of(site, parts).report()
    finally:
        await site.run("alter role referral_work reset default_transaction_read_only")

    assert red(report) == ["postgres"]


async def test_a_consumer_that_takes_nothing_of_what_waits_is_stalled_and_ends_the_process(
    site: Site,
) -> None:
    async with site.parts("referral") as parts, writing_as(site.server, "intake") as jetstream:
        await publish(jetstream, str(uuid4()), 1)
        consumer = a_consumer(parts)
        health = health_of(site, parts, consumer)
        info = await parts.wire.jetstream.consumer_info(consumer.stream, consumer.name)

        health._judge(consumer, info)
        assert site.failures == []
        consumer.progressed_at = monotonic() - WATCH_SECONDS - 1
        health._judge(consumer, info)
        assert site.failures == []
        assert red(await health.report()) == [consumer.name]

        health._stalled_since[consumer.name] -= STALLED_SECONDS
        health._judge(consumer, info)
        assert site.failures == ["stalled"]

        consumer.progressed_at = monotonic()
        health._judge(consumer, info)
        assert red(await health.report()) == []


async def test_a_consumer_with_nothing_to_do_is_not_stalled_however_long_it_is_quiet(
    site: Site,
) -> None:
    async with site.parts("referral") as parts:
        consumer = a_consumer(parts)
        consumer.progressed_at = monotonic() - 10 * STALLED_SECONDS
        health = health_of(site, parts, consumer)
        for _ in range(2):
            info = await parts.wire.jetstream.consumer_info(consumer.stream, consumer.name)
            health._judge(consumer, info)

    assert site.failures == []


@pytest.mark.parametrize("how", ["stops", "is lost"])
async def test_the_process_ends_when_nats_closes_on_it_and_not_when_it_closes_itself(
    site: Site, how: str
) -> None:
    async with site.parts("referral") as parts:
        if how == "is lost":
            assert parts.wire.client is not None
            await parts.wire.client.close()
            await asyncio.sleep(0)

    assert site.failures == (["referral"] if how == "is lost" else [])

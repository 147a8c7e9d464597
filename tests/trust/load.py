"""Callers who submit cases all the time, each key until it is answered; and the wait for rest."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from contracts.topology import all_durables
from deploy.embedded.processes import ServerError
from deploy.jetstream import asked, connected
from deploy.keys import OPERATIONS, seed_file
from partners.kit.counters import read_counters
from tests.journeys.cases import Case
from tests.journeys.road import SERVICES, Road
from tests.trust.evidence import Asking


@dataclass(slots=True)
class Log:
    """What callers know: every case they tried by key, and the number of each that was answered."""

    attempted: dict[str, Case] = field(default_factory=dict)
    acked: dict[str, str] = field(default_factory=dict)


@asynccontextmanager
async def under_load(
    road: Road, cases: Sequence[Case], *, writers: int, per_second: float
) -> AsyncIterator[Log]:
    """While the block runs, `writers` submit; at its end each lets its case in hand be answered."""
    log, ending, waiting = Log(), asyncio.Event(), iter(cases)

    async def write() -> None:
        for case in waiting:
            if ending.is_set():
                return
            log.attempted[case.key] = case
            log.acked[case.key] = await road.submit_until_accepted(case)
            await asyncio.sleep(writers / per_second)
        raise AssertionError("the callers ran out of cases")

    async with asyncio.TaskGroup() as group:
        for _ in range(writers):
            group.create_task(write())
        yield log
        ending.set()


async def stand_up(road: Road, *, within: float) -> None:
    """Wait until every service is ready again. Raises TimeoutError with what is not."""
    busy: list[str] = []
    try:
        async with asyncio.timeout(within):
            while busy := _not_ready(await road.readiness()):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise TimeoutError(f"still down: {busy}") from None


async def come_to_rest(road: Road, *, within: float) -> None:
    """Wait until nothing is on its way anywhere, twice in a row. Raises TimeoutError."""
    quiet = 0
    busy: list[str] = ["not looked yet"]
    try:
        async with asyncio.timeout(within):
            while quiet < 2:
                busy = await _busy(road)
                quiet = quiet + 1 if not busy else 0
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise TimeoutError(f"still busy: {busy}") from None


async def _busy(road: Road) -> list[str]:
    """What still moves, by name."""
    reports = await road.readiness()
    found = _not_ready(reports)
    for name, report in reports.items():
        checks = report.get("checks", {})
        if checks.get("outbox", {}).get("oldest_unsent_seconds", 0):
            found.append(f"outbox of {name}")
    for code in road.programs:
        counters = read_counters(road.folder(code))
        if counters and (counters.waiting or counters.received > counters.handled):
            found.append(f"program of {code}")
    return found + await moving(road) + await _put_aside(road)


def _not_ready(reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Each service that is not, with the checks that fail."""
    return [
        f"{name}: { {check: r for check, r in report['checks'].items() if not r['ok']} }"
        for name, report in reports.items()
        if not report["ready"]
    ]


async def moving(road: Road) -> list[str]:
    """Durables of what runs with something pending or out, and requests that have not reached INBOX."""
    seed = seed_file(road.platform.state, OPERATIONS)
    served = {*road.programs, *road.platform.service_urls}
    found = []
    try:
        async with connected(road.platform.nats_url, OPERATIONS, seed) as client:
            for durable in all_durables(road.keys):
                if durable.name.partition("-")[0] not in served:
                    continue
                place = f"{durable.stream}.{durable.name}"
                info = await asked(client, f"CONSUMER.INFO.{place}")
                if info["num_pending"] or info["num_ack_pending"]:
                    found.append(place)
            counts = [await _count(client, f"IN_{code}") for code in road.keys]
            if sum(counts) != await _count(client, "INBOX"):
                found.append("INBOX")
    except ServerError as error:
        found.append(type(error).__name__)
    return found


async def _put_aside(road: Road) -> list[str]:
    """Services whose consumers have acknowledged a message that has not had its turn yet.

    Of what others send than the programs that run, nobody waits for the end.
    """
    served = f"organisation is null or organisation = any('{{{','.join(road.programs)}}}')"
    found = []
    for service in SERVICES:
        try:
            ask = Asking(road, service)
            if await ask(f"select 1 from {service}.redeliveries where {served} limit 1"):
                found.append(f"redeliveries of {service}")
        except (OSError, asyncpg.PostgresError) as error:
            found.append(f"tables of {service}: {type(error).__name__}")
    return found


async def _count(client: Any, stream: str) -> int:
    return int((await asked(client, f"STREAM.INFO.{stream}"))["state"]["messages"])

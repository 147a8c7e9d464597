"""What Prometheus is told, against a platform that really runs and a partner that is really away."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import httpx
import pytest
from fastapi import FastAPI

from contracts.feed import Offer
from contracts.requests import StartReferral
from deploy.commands.metrics import sources_of
from deploy.embedded.processes import ServerError
from deploy.measures.endpoint import Gather, Latest, measures_router
from deploy.measures.gather import gather
from deploy.measures.samples import MEASURES, Sample, written
from partners.kit import Partner
from tests.journeys.cases import CANARY, Case
from tests.journeys.road import Road, running_road
from tests.operators.hurried import Hurried
from tests.operators.prometheus import Numbers, names, number, numbers

pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
POLICE, SHELTER = "POLICE_KAYES", "SHELTER_BENKADI_KAYES"
BODY = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "25-34",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter"],
    "consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}],
    "dossier": {"identity": {"full_name": f"Kanu {CANARY}"}},
}  # fmt: skip
FEED = {"stream": "OUT", "durable": SHELTER}
#: Told only of what has happened, which this journey does not make happen, and of a second disk, which
#: is another test's (test_restore.py, test_backup.py).
RARE = {"siraba_parked", "siraba_parked_oldest_age_seconds", "siraba_withdrawals_unacknowledged",
        "siraba_withdrawal_oldest_age_seconds", "siraba_backup_receiving", "siraba_backup_age_seconds"}  # fmt: skip
DEAD = """
    insert into referral.dead_letters (consumer, stream, stream_sequence, reason, digest, tries, state)
    values ('referral-INBOX', 'INBOX', 1000000, 'signature', 'x', 1, 'open')
"""


async def _told(road: Road) -> Numbers:
    sources = sources_of(road.platform.settings, road.platform.state)
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        text = written(await gather(sources, http, now=datetime.now(UTC))).decode()
    assert CANARY not in text
    return numbers(text)


async def _until(true: Callable[[], Awaitable[bool]], *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.2)


async def _take_and_answer_wrongly(road: Road) -> None:
    """The shelter takes its offer, and reports a start that nothing was accepted for."""
    async with Partner.open(road.folder(SHELTER), url=road.platform.nats_url) as partner:
        async for delivery in partner.deliveries():
            await delivery.done()
            if isinstance(delivery.message, Offer):
                await partner.send(StartReferral(referral_id=uuid4()))
                return


async def test_what_waits_is_late_or_lost_shows_where_it_is() -> None:
    async with running_road((POLICE, SHELTER), process=Hurried) as road:
        await road.submit_until_accepted(Case(POLICE, "case-00000001", BODY))

        async def offered() -> bool:
            return number(await _told(road), "siraba_durable_pending", **FEED) >= 1

        await _until(offered)
        await asyncio.sleep(1)
        waiting = await _told(road)
        assert number(waiting, "siraba_durable_oldest_age_seconds", **FEED) >= 1
        assert ("siraba_partner_taken_seconds", frozenset()) not in waiting

        await _take_and_answer_wrongly(road)

        async def refused() -> bool:
            key = {"organisation": SHELTER, "answer": "request.refused"}
            labels = frozenset(key.items())
            return (await _told(road)).get(("siraba_partner_turned_down_last_hour", labels)) == 1

        await _until(refused)
        await _execute(road, DEAD)
        await _until(lambda: _all_told(road))
        _judge(await _told(road))
        await _without_a_service(road)


def _judge(found: Numbers) -> None:
    delay = number(found, "siraba_partner_feed_seconds", organisation=SHELTER, quantile="0.99")
    assert 0 < delay < 30
    taken = number(found, "siraba_partner_taken_seconds", organisation=SHELTER, quantile="0.5")
    assert 1 <= taken < 90
    dead = {"service": "referral", "consumer": "referral-INBOX", "reason": "signature"}
    assert number(found, "siraba_dead_letters", **dead) == 1
    events = {"service": "intake", "event": "case.registered"}
    assert number(found, "siraba_events_last_hour", **events) == 1
    assert all(value == 1 for (name, _), value in found.items() if name == "siraba_source_up")
    border = {"service": "reporting", "consumer": "reporting-INTAKE"}
    counted = {
        state: number(found, "siraba_standing_messages", state=state, **border)
        for state in ("accepted", "delivered", "pending", "parked", "dead", "missing")
    }
    assert counted["accepted"] == sum(counted.values()) - counted["accepted"]


async def _all_told(road: Road) -> bool:
    """Every name of the table: a delivery is confirmed each second here, a border each minute."""
    found = await _told(road)
    delivered = names(found) >= MEASURES.keys() - RARE
    border = {"service": "reporting", "consumer": "reporting-INTAKE"}
    key = "siraba_standing_messages", frozenset({*border.items(), ("state", "accepted")})
    return delivered and key in found


async def _without_a_service(road: Road) -> None:
    """A frozen service is a number of its own, and takes no other with it."""
    frozen = road.platform.pids()["reporting"]
    os.kill(frozen, signal.SIGSTOP)
    try:
        found = await _told(road)
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert number(found, "siraba_source_up", source="reporting") == 0
    assert number(found, "siraba_source_up", source="intake") == 1
    assert number(found, "siraba_source_up", source="postgres") == 1


async def _execute(road: Road, statement: str) -> None:
    url = road.platform.database_url("referral_work").replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def serving(rounds: Gather) -> FastAPI:
    """What Prometheus asks, of these rounds."""
    app = FastAPI()
    app.include_router(measures_router(Latest(rounds), token="right"))
    return app


async def _asked(token: str | None, *, times: int = 1) -> tuple[httpx.Response, int]:
    rounds = 0

    async def round_made() -> list[Sample]:
        nonlocal rounds
        rounds += 1
        return [Sample("siraba_disk_free_ratio", (), 0.5)]

    transport = httpx.ASGITransport(serving(round_made))
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        answers = [await client.get("/metrics", headers=headers) for _ in range(times)]
    return answers[-1], rounds


@pytest.mark.parametrize("token", [None, "", "wrong", "rightly"])
async def test_whoever_has_no_token_is_told_nothing_and_nothing_is_asked(token: str | None) -> None:
    answer, rounds = await _asked(token)
    assert answer.status_code == 401
    assert rounds == 0


async def test_however_often_one_scrapes_the_tables_are_asked_once() -> None:
    answer, rounds = await _asked("right", times=20)
    assert answer.text.splitlines()[-1] == "siraba_disk_free_ratio 0.5"
    assert rounds == 1


async def test_while_nothing_runs_the_scrape_fails_and_says_why() -> None:
    async def nothing() -> list[Sample]:
        raise ServerError("nothing runs")

    transport = httpx.ASGITransport(serving(nothing))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        answer = await client.get("/metrics", headers={"Authorization": "Bearer right"})
    assert answer.status_code == 503


def test_a_measure_that_is_in_no_table_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="siraba_made_up"):
        written([Sample("siraba_made_up", (), 1)])

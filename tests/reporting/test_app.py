import asyncio
import re
import signal
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import httpx
import pytest
from asgi_lifespan import LifespanManager
from pydantic import SecretStr

from contracts.callers import issue_token
from contracts.envelope import encode_headers
from contracts.reports import ReportSession
from contracts.topology import internal_subject
from deploy.state import write_secret
from services.reporting.app import create_app
from services.reporting.settings import ReportingSettings
from tests.asked import WELL_FORMED, a_request
from tests.builders import request_headers, sent_subject
from tests.reporting.happenings import Happenings
from tests.servers import Database, NatsServer
from tests.signing import private_key, public_key, signed, write_platform_keys


@pytest.fixture
def nats(nats_server: Callable[..., NatsServer]) -> NatsServer:
    return nats_server("ONG_ABRI")


@pytest.fixture
def failures() -> Iterator[list[int]]:
    """How often the service asked for its own end, which would be ours too: it does so by SIGTERM."""
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    yield asked
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
async def client(
    nats: NatsServer, fresh_database: Database, tmp_path: Path, failures: list[int]
) -> AsyncIterator[httpx.AsyncClient]:
    key = urlsafe_b64encode(token_bytes(32)).decode()
    write_secret(tmp_path / "reporting-session.key", key)
    write_platform_keys(tmp_path)
    settings = ReportingSettings(
        nats_url=nats.url,
        nats_seed_file=nats.seed_file("reporting"),
        database_url_web=SecretStr(fresh_database.url("reporting_web")),
        database_url_work=SecretStr(fresh_database.url("reporting_work")),
        secrets_dir=tmp_path,
    )
    async with (
        LifespanManager(create_app(settings), startup_timeout=20, shutdown_timeout=20) as running,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(running.app), base_url="http://a/reporting"
        ) as client,
    ):
        yield client
        assert failures == []


def a_road() -> Happenings:
    happened = Happenings()
    happened.organisation("COMITE", key=public_key("COMITE"))
    happened.registered(1)
    happened.offered(1, 1)
    happened.stepped(1, 1, "received")
    happened.stepped(1, 1, "accepted")
    happened.unplaced(1)
    return happened


async def publish(nats: NatsServer, happened: Happenings) -> None:
    """Each event by the service that owns it, in the order in which it happened."""
    async with nats.user("intake") as intake, nats.user("referral") as referral:
        streams = {"INTAKE": intake.jetstream(), "REFERRAL": referral.jetstream()}
        for one in happened.events:
            stream, message = one.raw.stream, one.message
            case = one.envelope.subject
            subject = internal_subject(stream.lower(), message.name, 1, subject_id=case)
            headers = signed(encode_headers(one.envelope), message.encode(), subject=subject)
            await streams[stream].publish(subject, message.encode(), headers=headers)


async def participants(client: httpx.AsyncClient, *, wanted: int) -> list[str]:
    """The events behind P1, as soon as it counts so many."""
    asked = {"from": "2026-11-01", "to": "2026-12-01"}
    authorised = {"authorization": f"Bearer {token()}"}
    async with asyncio.timeout(20):
        while True:
            found = (await client.get("/measures/P1", params=asked, headers=authorised)).json()
            if found["whole"]["value"] == wanted:
                return list(found["events"])
            await asyncio.sleep(0.1)


async def fill_in(client: httpx.AsyncClient, **answers: str) -> httpx.Response:
    """Send the form of a session as a browser does, with the id that the page gave it."""
    page = await client.get("/held")
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page.text))
    filled = {"kind": "talk", "held_on": "2026-11-20", "place": "1201", "language": "bambara"}
    return await client.post("/held", data=hidden | filled | answers)


@pytest.mark.connected
async def test_a_session_counts_once_by_whatever_way_it_is_reported(
    client: httpx.AsyncClient, nats: NatsServer
) -> None:
    happened = a_road()
    happened.organisation("ONG_ABRI", key=public_key("ONG_ABRI"))
    await publish(nats, happened)
    await figures_of(client, referrals=6)
    report = a_request("session.report")
    to_come = ReportSession.model_validate(
        WELL_FORMED["session.report"] | {"session_id": uuid4(), "held_on": "2099-01-05"}
    )
    async with nats.partner("ONG_ABRI") as partner:
        for said in (to_come, report):  # of the first, nothing is ever counted
            headers = request_headers("ONG_ABRI", said, stamped=False)
            await partner.request(sent_subject(said), said.encode(), headers=headers, timeout=5)
    authorised = {"authorization": f"Bearer {token()}"}
    body = WELL_FORMED["session.report"] | {"participants": {"boys": 5}}
    assert (await client.post("/sessions", json=body, headers=authorised)).status_code == 202
    assert len(await participants(client, wanted=42 + 5)) == 2

    await client.get("/enter", params={"token": token()})
    empty = await fill_in(client, kind="", women="some")
    nobody = await fill_in(client)
    again = await fill_in(client, organiser="ONG_ABRI", women="31")
    apart = await fill_in(client, held_on="2026-11-19", girls="8")
    assert (empty.status_code, nobody.status_code) == (422, 422)
    assert (again.status_code, apart.status_code) == (303, 303)
    assert 'value="some"' in empty.text
    assert {'id="fault-kind"', 'id="fault-participants"'} <= set(
        re.findall(r'id="fault-\w+"', empty.text)
    )

    await participants(client, wanted=42 + 5 + 8)
    page = (await client.get("/held")).text
    (form,) = re.findall(r'action="/reporting(/held/COMITE/[^"]+/apart)"', page)
    guard = dict(re.findall(r'type="hidden" name="(session_form)" value="([^"]+)"', page))
    assert (await client.post(form)).status_code == 403
    assert (await client.post(form, data=guard)).status_code == 303
    await participants(client, wanted=42 + 5 + 8 + 31)


def token() -> str:
    now = datetime.now(UTC)
    return issue_token(
        private_key("COMITE"),
        organisation="COMITE",
        role="data_officer",
        audience="reporting",
        now=now,
    )


async def figures_of(client: httpx.AsyncClient, *, referrals: int) -> dict[str, Any]:
    """The figures, as soon as so many events of REFERRAL have been counted."""
    async with asyncio.timeout(20):
        while True:
            answer = await client.get("/figures", headers={"authorization": f"Bearer {token()}"})
            body: dict[str, Any] = answer.json()
            positions = {one["stream"]: one["sequence"] for one in body.get("followed", ())}
            if positions.get("REFERRAL") == referrals and "INTAKE" in positions:
                return body
            await asyncio.sleep(0.1)


@pytest.mark.connected
async def test_what_the_streams_say_is_counted_and_shown(
    client: httpx.AsyncClient, nats: NatsServer
) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}

    await publish(nats, a_road())
    figures = (await figures_of(client, referrals=5))["figures"]
    entered = await client.get("/enter", params={"token": token()})
    page = await client.get("/")
    ready = await client.get("/readyz")

    assert figures["victims_referred"] == {"unit": "persons", "value": 1}
    assert figures["referrals_by_state"]["value"]["accepted"] == 1
    assert figures["services_unplaced"]["value"] == 1
    assert 0 <= figures["time_to_answer"]["value"] < 20
    assert (entered.status_code, page.status_code) == (303, 200)
    assert {"reporting-INTAKE", "reporting-REFERRAL"} <= ready.json()["checks"].keys()
    assert (ready.status_code, ready.json()["ready"]) == (200, True)

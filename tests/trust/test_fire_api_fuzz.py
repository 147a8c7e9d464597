"""Nothing that anybody sends to an API is a fault of ours, answered as undeclared, or repeated."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis

from contracts.callers import ROLES, issue_token
from tests.builders import coded_facts
from tests.journeys.in_process import Town, town
from tests.ledger import Figure, Form
from tests.parts import until
from tests.servers import PostgresServer
from tests.serving import serving
from tests.trust.asking import Asker, Asking
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]
SEED = 20261203
OWNER, OTHER = "POLICE_KAYES", "SHELTER_BENKADI_KAYES"
PAGES_PERCENT = 10
PAGE = {"description": "A page.", "content": {"text/html; charset=utf-8": {}}}


class Entrance(NamedTuple):
    """Which role a service lets in at which path; how many of a hundred requests are for it."""

    role: str
    path: str
    percent: int


LET_IN = {
    "intake": Entrance("officer", "/cases", 60),
    "referral": Entrance("officer", "/referrals", 10),
    "reporting": Entrance("data_officer", "/figures", 20),
}


def _parameters(place: str, *names: str) -> list[dict[str, Any]]:
    return [{"in": place, "name": name, "schema": {"type": "string"}} for name in names]


# The pages are for people, and no part of what /openapi.json describes.
PAGES: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "reporting's pages", "version": "1"},
    "paths": {
        "/": {
            "get": {
                "parameters": [
                    *_parameters("query", "from", "to", "as_of", "lang", "more"),
                    *_parameters("header", "Accept-Language"),
                ],
                "responses": {
                    "200": PAGE,
                    "422": PAGE,
                    "401": {"description": "The door, or a problem for who asks for no page."},
                },
            }
        },
        "/enter": {
            "get": {
                "parameters": _parameters("query", "token"),
                "responses": {"401": {"description": "Not by this token."}},
            }
        },
        "/leave": {"post": {"responses": {"303": {"description": "Gone."}}}},
        "/static/{name}": {
            "get": {
                "parameters": [{**_parameters("path", "name")[0], "required": True}],
                "responses": {"200": {"description": "A file."}, "4XX": {"description": "None."}},
            }
        },
    },
}


def _asker(place: Town, service: str, code: str, role: str, **changes: Any) -> Asker:
    def headers() -> Mapping[str, str]:
        said: dict[str, Any] = {
            "organisation": code,
            "role": role,
            "audience": service,
            "now": datetime.now(UTC),
        }
        token = issue_token(place.keys[code].signing, **said | changes)
        return {"Authorization": f"Bearer {token}"}

    return Asker(f"{code} {role}", headers, is_known=not changes)


def _askers(place: Town, service: str) -> list[Asker]:
    """Whom it lets in first; then every role, another organisation, and nobody in particular."""
    passed = datetime.now(UTC) - timedelta(hours=1)
    return [
        _asker(place, service, OWNER, LET_IN[service].role),
        *(_asker(place, service, OWNER, role) for role in ROLES),
        _asker(place, service, OTHER, LET_IN[service].role),
        _asker(place, service, OWNER, "officer", now=passed),
        _asker(place, service, OWNER, "officer", audience="elsewhere"),
        _asker(place, service, OWNER, "officer", organisation=OTHER),
        Asker("nonsense", lambda: {"Authorization": "Bearer a.b.c"}, is_known=False),
        Asker("nobody", dict, is_known=False),
    ]


@asynccontextmanager
async def _three_apis(server: PostgresServer) -> AsyncIterator[tuple[Town, dict[str, str]]]:
    """The real services, served, once they know both organisations; by service its address."""
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(town(server, (OWNER, OTHER), services=[*LET_IN]))
        served = {
            service: await stack.enter_async_context(serving(app)) + f"/{service}"
            for service, app in place.apps.items()
        }
        client = await stack.enter_async_context(httpx.AsyncClient())
        for service, base in served.items():
            for code in (OWNER, OTHER):
                asker = _asker(place, service, code, LET_IN[service].role)
                await until(partial(_is_let_in, client, base + LET_IN[service].path, asker))
        yield place, served


async def _is_let_in(client: httpx.AsyncClient, url: str, asker: Asker) -> bool:
    return (await client.get(url, headers=dict(asker.headers()))).status_code == 200


async def _real_values(place: Town) -> dict[str, list[Any]]:
    """What exists: cases of the one who asks and of somebody else, referrals; and a good body."""
    numbers = []
    for owner in (OWNER, OTHER):
        answer = await place.post(owner, coded_facts(region="01"), key=f"a-case-of-{owner}")
        numbers.append(answer.json()["case_number"])
    referrals = await until(lambda: place.rows("select referral_id::text from referral.referrals"))
    return {
        "number": numbers,
        "referral_id": [identity for (identity,) in referrals],
        "POST /cases": [coded_facts(), coded_facts(dossier={"identity": {"name": "Awa"}})],
        "POST /incidents": [{"detected_on": "2026-11-20", "persons": [coded_facts(family="1")]}],
    }


async def _a_session(place: Town, base: str) -> list[Asker]:
    """A person with a session, and one without."""
    token = _asker(place, "reporting", OWNER, "analyst").headers()["Authorization"].split()[1]
    async with httpx.AsyncClient() as client:
        entered = await client.get(f"{base}/enter", params={"token": token})
    cookie = entered.headers["set-cookie"].partition(";")[0]
    return [Asker("with a session", lambda: {"Cookie": cookie}), Asker("without one", dict)]


# The services under test draw from `random` meanwhile, in another thread.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.timeout(1200)
async def test_whatever_is_sent_to_an_api_is_never_a_fault_of_ours(
    postgres_server: PostgresServer, form: Form, figure: Figure
) -> None:
    wanted = form.pick(short=600, long=11_000)
    async with _three_apis(postgres_server) as (place, served):
        pool = await _real_values(place)
        asked = []
        for service, entrance in LET_IN.items():
            schema = await asyncio.to_thread(
                schemathesis.openapi.from_url, f"{served[service]}/openapi.json"
            )
            asking = Asking(
                base=served[service], schema=schema, askers=_askers(place, service), pool=pool
            )
            await asyncio.to_thread(asking.fuzz, wanted * entrance.percent // 100, salt=SEED)
            asked.append(asking)
        asking = Asking(
            base=served["reporting"],
            schema=schemathesis.openapi.from_dict(PAGES),
            askers=await _a_session(place, served["reporting"]),
            pool={"name": ["siraba.css"]},
        )
        await asyncio.to_thread(asking.fuzz, wanted * PAGES_PERCENT // 100, salt=SEED)
        asked.append(asking)

    for one in asked:
        say(dict(one.answers))
    figure("fire.api.fuzz_5xx", sum(one.faults for one in asked), seed=SEED)
    assert {fault: example for one in asked for fault, example in one.findings.items()} == {}
    total = sum(one.answers.total() for one in asked)
    assert total >= form.pick(short=400, long=10_000)
    assert asked[0].answers["POST /cases", 202] > 0

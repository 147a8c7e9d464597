"""A whole running platform with organisations whose keys we hold, as a caller meets it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.callers import issue_token
from deploy.platform import Platform, running_platform
from deploy.service_process import ServiceProcess
from deploy.settings import PlatformSettings
from partners.kit import Keys, init
from tests.journeys.cases import Case
from tests.journeys.oracle import Decide
from tests.journeys.programs import Program
from tests.servers import open_folder

PARTNERS = ("POLICE_KAYES", "PARQUET_KAYES", "CSREF_KAYES", "SHELTER_BENKADI_KAYES")
SERVICES = ("intake", "referral", "reporting")
RETRY_SECONDS = 0.3
log = logging.getLogger("siraba.tests")


@dataclass(slots=True)
class Road:
    """The platform's one address, and the partners' side of it."""

    platform: Platform
    http: httpx.AsyncClient
    keys: dict[str, Keys]
    programs: dict[str, Program] = field(default_factory=dict)

    def folder(self, code: str) -> Path:
        """Where an organisation keeps its keys and its ledger."""
        return self.platform.state.partners / code

    def url(self, *, by_http: bool) -> str:
        """Where a program comes in."""
        return self.platform.front_url if by_http else self.platform.nats_url

    def headers(
        self, code: str, *, audience: str = "intake", role: str = "officer"
    ) -> dict[str, str]:
        """What somebody of this organisation presents."""
        token = issue_token(
            self.keys[code].signing,
            organisation=code,
            role=role,
            audience=audience,
            now=datetime.now(UTC),
        )
        return {"Authorization": f"Bearer {token}"}

    async def submit(self, case: Case) -> httpx.Response:
        """POST once."""
        headers = self.headers(case.owner) | {"Idempotency-Key": case.key}
        return await self.http.post("/intake/cases", json=case.body, headers=headers)

    async def submit_until_accepted(self, case: Case) -> str:
        """POST with the same key until there is an answer, as a phone does; the case number."""
        while True:
            try:
                answer = await self.submit(case)
            except httpx.TransportError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                return str(answer.json()["case_number"])
            assert answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR, answer.text
            await asyncio.sleep(RETRY_SECONDS)

    async def seen_by_owner(self, owner: str, number: str) -> dict[str, Any]:
        """What the owner is shown of its case."""
        answer = await self.http.get(f"/intake/cases/{number}", headers=self.headers(owner))
        assert answer.status_code == httpx.codes.OK, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def readiness(self) -> dict[str, Any]:
        """`/readyz` of each service, by name."""
        reports = {}
        for name, url in self.platform.service_urls.items():
            try:
                reports[name] = (await self.http.get(f"{url}/readyz")).json()
            except (httpx.TransportError, ValueError) as error:
                checks = {"answer": {"ok": False, "error": type(error).__name__}}
                reports[name] = {"ready": False, "checks": checks}
        return reports


@asynccontextmanager
async def running_road(
    codes: Sequence[str] = PARTNERS,
    *,
    services: Sequence[str] = SERVICES,
    folder: Path | None = None,
    process: type[ServiceProcess] = ServiceProcess,
) -> AsyncIterator[Road]:
    """The platform on a state of its own, with keys for `codes`; their programs do not run yet.

    folder: where the state lies, for tests that prepare the ground.
    process: how a service is run; a control runs another program in its place.
    """
    with nullcontext(folder) if folder else open_folder() as place:
        settings = PlatformSettings(state_dir=place, front_port=0, nats_port=0)
        keys = {code: init(place / "partners" / code, code=code) for code in codes}
        async with AsyncExitStack() as stack:
            platform = await stack.enter_async_context(
                running_platform(settings, services=services, report=log.info, process=process)
            )
            client = httpx.AsyncClient(base_url=platform.front_url, timeout=15)
            http = await stack.enter_async_context(client)
            road = Road(platform, http, keys)
            if {"intake", "referral"} <= set(services):
                await known(road)
            yield road


async def known(road: Road) -> None:
    """Wait until intake has heard of every organisation: the directory travels as events, too."""
    async with asyncio.timeout(30):
        for code in road.keys:
            while (
                await road.http.get("/intake/cases", headers=road.headers(code))
            ).status_code != httpx.codes.OK:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def answering(
    road: Road, decide: Decide, *, by_http: Collection[str] = ()
) -> AsyncIterator[dict[str, Program]]:
    """Every organisation's program runs and answers; a program that fails shows at the end."""
    road.programs = {
        code: Program(code, road.folder(code), road.url(by_http=code in by_http), decide)
        for code in road.keys
    }
    tasks = [asyncio.create_task(program.run()) for program in road.programs.values()]
    try:
        yield road.programs
    finally:
        failed = [task.exception() for task in tasks if task.done()]
        await _end(tasks)
    assert not failed, failed


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Ask until it is done: on Python 3.11 `wait_for` can lose a cancellation."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)
    await asyncio.gather(*tasks, return_exceptions=True)

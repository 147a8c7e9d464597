"""The one address with real services behind it, and people with browsers before it."""

import base64
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html import unescape
from secrets import token_bytes, token_urlsafe
from typing import Any
from uuid import uuid4

import httpx
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from chassis.assembly import Assembly, assemble
from chassis.notify import SPOOL
from chassis.settings import ServiceSettings
from chassis.trust import PlatformKeys
from contracts.callers import Caller
from contracts.referral import OrganisationRegistered
from deploy.front import Front
from deploy.front_server import front_paths
from deploy.measures.endpoint import Latest
from deploy.measures.gather import Sources, gather
from deploy.measures.samples import Sample
from deploy.operations import Watch, layout, operations_app, pages_entrance
from services.intake.app import create_app as create_intake
from services.intake.settings import IntakeSettings
from services.referral.app import create_app as create_referral
from services.referral.domain.one_time_codes import STEP_SECONDS, code_at
from services.referral.settings import ReferralSettings
from services.referral.use_cases.inviting import Invitation, invite
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from tests.parts import Site, until
from tests.people.hashing import hashing
from tests.referral.offices import open_office

HTML = "text/html,application/xhtml+xml"
BASE = "http://siraba.example"
PASSWORD = "les-moutons-de-kita"
SERVICES: Mapping[str, tuple[Callable[..., FastAPI], type[ServiceSettings]]] = {
    "referral": (create_referral, ReferralSettings),
    "intake": (create_intake, IntakeSettings),
    "reporting": (create_reporting, ReportingSettings),
}


class Behind(httpx.AsyncBaseTransport):
    """What the front has behind it, by host; and what each service was sent."""

    def __init__(self, apps: Mapping[str, FastAPI]) -> None:
        self._apps = {name: httpx.ASGITransport(app) for name, app in apps.items()}
        self.seen: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand it to the app that its host names."""
        self.seen.append(request)
        if request.url.host not in self._apps:
            raise httpx.ConnectError("away")
        return await self._apps[request.url.host].handle_async_request(request)


@dataclass(slots=True)
class Address:
    """The front, with what its services keep."""

    site: Site
    behind: Behind
    front: Front
    apps: Mapping[str, FastAPI]

    @asynccontextmanager
    async def browser(
        self, base: str = BASE, *, comes_from: str = "127.0.0.1"
    ) -> AsyncIterator["Browser"]:
        """Somebody's browser, which knows nothing yet."""
        transport = httpx.ASGITransport(self.front, client=(comes_from, 5000))
        headers = {"accept": HTML}
        async with httpx.AsyncClient(
            transport=transport, base_url=base, headers=headers, follow_redirects=True
        ) as client:
            yield Browser(client, address=self)

    async def invite(
        self, login: str, organisation: str = "SHELTER_B", role: str = "focal_point"
    ) -> str:
        """What the address of a new invitation holds."""
        secret = token_urlsafe(32)
        asked = Invitation(account_id=uuid4(), organisation=organisation, role=role, login=login)
        async with open_office(self.site.database, seed=4) as office, office.engine.begin() as made:
            by = Caller(organisation, "operator")
            await invite(made, asked, secret=secret, now=datetime.now(UTC), by=by)
        return secret


@dataclass(slots=True)
class Visitor:
    """A browser at whatever address; forms say where they come from, as browsers do."""

    client: httpx.AsyncClient
    key: bytes = b""

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Open a page."""
        return await self.client.get(path, params=query)

    async def send(self, path: str, **form: str) -> httpx.Response:
        """Send a form from a page of this address."""
        origin = str(self.client.base_url).rstrip("/")
        return await self.client.post(path, data=form, headers={"origin": origin})

    async def press(self, page: httpx.Response, path: str, **form: str) -> httpx.Response:
        """Send the form of a page that goes to this path, with all that it holds."""
        return await self.send(path, **(hidden(page, path) | form))

    async def join(
        self, secret: str, *, password: str = PASSWORD, again: str | None = None
    ) -> httpx.Response:
        """Take up an invitation."""
        page = await self.get("/join", token=secret)
        shown = re.search(r"secret=([A-Z2-7]+)", page.text)
        assert shown is not None
        self.key = base64.b32decode(shown[1])
        return await self.press(
            page, "/join", password=password, again=again or password, code=self.code()
        )

    async def log_in(self, login: str, **changes: str) -> httpx.Response:
        """Sign in; what is entered may differ."""
        said = {"login": login, "password": PASSWORD, "code": self.code()}
        return await self.send("/login", **(said | changes))

    def code(self, ahead: int = 0) -> str:
        """What the telephone shows now, or shows so many steps later."""
        step = int(datetime.now(UTC).timestamp()) // STEP_SECONDS
        return code_at(self.key, step + ahead)


@dataclass(slots=True, kw_only=True)
class Browser(Visitor):
    """One at an address whose services keep what we can look into."""

    address: Address

    async def arrive(self, login: str, **who: str) -> httpx.Response:
        """Invited, joined and signed in."""
        assert (await self.join(await self.address.invite(login, **who))).status_code == 200
        return await self.log_in(login)


def hidden(page: httpx.Response, path: str) -> dict[str, str]:
    """What the form of a page that goes to this path carries unseen."""
    form = re.search(
        rf'<form[^>]*action="{re.escape(path)}"[^>]*>(.*?)</form>', page.text, re.DOTALL
    )
    assert form is not None, f"no form to {path}"
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form[1]))


def words(answer: httpx.Response) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


def operations_of(site: Site, services: Behind) -> FastAPI:
    """The operators' pages on what a test runs."""
    clock = partial(datetime.now, UTC)
    sources = Sources(
        nats_url=site.server.url,
        nats_seed=site.server.seed_file("ops"),
        database_url=site.database.url("siraba_ops"),
        service_urls={name: f"http://{name}" for name in SERVICES},
        monitor_url=None,
        state_folder=site.folder,
        backup_folder=None,
    )

    async def measured() -> list[Sample]:
        async with httpx.AsyncClient(transport=services) as http:
            return await gather(sources, http, now=clock())

    watch = Watch(
        database_url=lambda: sources.database_url,
        latest=Latest(measured),
        spool=site.folder / SPOOL,
        pages=layout(),
        entrance=pages_entrance(
            secret=token_bytes(32), clock=clock, ring=PlatformKeys(site.folder).look, secure=False
        ),
        clock=clock,
    )
    return operations_app(watch, token=token_urlsafe(32), secure=False)


async def _know_each_other(
    site: Site, organisations: Sequence[OrganisationRegistered], services: Sequence[str]
) -> bool:
    """Whether every service has heard of the keys of all: who comes before is turned away."""
    told = {key.owner for one in organisations for key in one.keys}
    query = " union all ".join(
        f"select owner from (select distinct owner from {name}.organisation_keys) {name}"
        for name in services
    )
    heard = Counter(owner for (owner,) in await site.rows(query))
    return all(heard[owner] == len(services) for owner in told)


@asynccontextmanager
async def open_address(
    site: Site,
    *organisations: OrganisationRegistered,
    secure: bool = False,
    services: Sequence[str] = ("referral", "intake"),
    assemble: Assembly = assemble,
    limits: Mapping[str, Any] | None = None,
    operations: bool = False,
    full_hashes: bool = False,
) -> AsyncIterator[Address]:
    """These services behind the front, their directory holding these; secure: as with TLS.

    limits: settings that differ, such as how much may be asked. operations: with those pages, too.
    full_hashes: a password takes as long as in the product.
    """
    changes: dict[str, Any] = {"secure_cookies": secure, **(limits or {})}
    async with open_office(site.database, seed=2) as office:
        await office.publish(*organisations)
    apps: dict[str, FastAPI] = {}
    async with AsyncExitStack() as stack:
        stack.enter_context(hashing(full=full_hashes))
        for name in services:
            create, kind = SERVICES[name]
            settings: Any = site.settings(name, kind).model_copy(update=changes)
            assembly = partial(assemble, on_failure=lambda: site.failures.append("lost"))
            apps[name] = create(settings, assembly=assembly)
            manager = LifespanManager(apps[name], startup_timeout=30, shutdown_timeout=30)
            await stack.enter_async_context(manager)
        if operations:
            apps["operations"] = operations_of(site, Behind(apps))
        await until(partial(_know_each_other, site, organisations, services))
        behind = Behind(apps)
        front = Front(front_paths({name: f"http://{name}" for name in apps}), behind)
        yield Address(site, behind, front, apps)

"""The whole platform in one process tree: what `siraba up`, the demo and the tests start."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from chassis.database import open_engine
from chassis.ending import end
from contracts.topology import SERVICES
from deploy.backup.attaching import awaited, receive, seal_meanwhile
from deploy.directory_publish import publish_directory, witnesses_of
from deploy.doors import copy_doors
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import ServerError, free_port
from deploy.engines import (
    NatsPorts,
    administration,
    choose_ports,
    embedded_nats,
    embedded_postgres,
    join_nats,
    known_partners,
    let_in,
    write_nats_config,
)
from deploy.front_server import front_paths, serve_front
from deploy.key_announcing import announce_new_months
from deploy.key_rotation import make_first_key, monthly_keys
from deploy.keys import PROVISIONER, seed_file
from deploy.migrate import OPERATIONS, Administration, migrate, prepare_database, role_url
from deploy.officer import ensure_officer
from deploy.provision import Outcome, codes_of, provision
from deploy.service_process import Addresses, ServiceProcess
from deploy.settings import PlatformSettings
from deploy.signing_keys import ensure_signing_keys, hand_over
from deploy.state import State, write_secret
from deploy.supervise import Supervisor

Report = Callable[[str], None]
MEND_SECONDS = 10.0
#: Keys of 32 bytes that services share or keep, besides those for signing and for the vault.
SECRETS = (
    "accounts.key", "feed.key", "fingerprints.key",
    "intake-session.key", "reporting-session.key",
)  # fmt: skip


def make_secrets(state: State, *, now: datetime) -> None:
    """All that a service must find among the secrets before it starts; what is there stays."""
    ensure_signing_keys(state, now=now)
    ensure_officer(state, now=now)
    # Before the keys are handed over: partners seal to these from their first day.
    monthly_keys(state).renew(now)
    for name in SECRETS:
        state.secret(name)
    make_first_key(state, at=now)


class Platform:
    """A running platform. `nats_url`, `front_url`, `service_urls` say where; `pids()` what runs.

    `paths`: what the front serves, by the first part of a path; more may be added.
    """

    def __init__(
        self,
        settings: PlatformSettings,
        report: Report,
        *,
        process: type[ServiceProcess] = ServiceProcess,
    ) -> None:
        # Children have other working folders than we do.
        self.state = State(settings.state_dir.resolve())
        self.settings = settings
        self.supervisor = Supervisor(report, changed=self.write_status)
        self.nats_url = settings.nats_url or ""
        self.front_url = ""
        self.service_urls: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        self.database: Administration | None = None
        self._process = process
        self._ports: NatsPorts | None = None
        self._told: frozenset[str] = frozenset()

    def pids(self) -> dict[str, int]:
        """Process ids by name: `postgres`, `nats`, and each service."""
        return self.supervisor.pids()

    def kill(self, name: str) -> int:
        """SIGKILL one of them (it is started again at once); its former process id."""
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    async def restart_stuck(self) -> list[str]:
        """Start an engine again that runs but will never work again by itself; their names."""
        stuck = []
        for name in ("postgres", "nats"):
            server = self.supervisor.servers.get(name)
            if not isinstance(server, EmbeddedPostgres | EmbeddedNats):
                continue
            if await asyncio.to_thread(server.is_stuck) and server.child is not None:
                stuck.append(name)
                # Its supervisor notices, and starts it anew.
                server.child.process.kill()
        return stuck

    def database_url(self, role: str) -> str:
        """The URL of one of our PostgreSQL roles (`intake_work`, `siraba_ops`…)."""
        if self.database is None:
            raise ServerError("the database is not up")
        return role_url(self.database, role)

    async def publish_directory(self) -> list[str]:
        """Let referral announce what is new or changed in the directory; the codes of those.

        Organisations whose folders lie here get the platform's keys in exchange for theirs.
        """
        hand_over(self.state)
        url, file = self.database_url("referral_work"), self.settings.directory_file
        told = await publish_directory(file, state=self.state, database_url=url)
        # Whom the file brought in has been let in with it.
        await copy_doors(self.state, database_url=url)
        return told

    async def announce_months(self) -> int:
        """Tell partners of a month's key that is new; how many feeds that takes, mostly none."""
        months = frozenset(key.id for key in monthly_keys(self.state).public_keys())
        if months <= self._told:
            return 0
        engine = open_engine(self.database_url("referral_work"), schema="referral", pool_size=1)
        try:
            told = await announce_new_months(engine, self.state)
        finally:
            await engine.dispose()
        self._told = months
        return told

    async def follow_directory(self) -> bool:
        """Let in at NATS whom the directory lets in; whether that changed since the last look."""
        if not await copy_doors(self.state, database_url=self.database_url("referral_work")):
            return False
        await let_in(self.state, self.settings)
        return True

    async def provision(self, *, thorough: bool = True) -> Outcome:
        """Bring streams and consumers to the declared state. Raises ServerError when it cannot."""
        codes = codes_of(known_partners(self.state, self.settings))
        outcome = await provision(
            self.nats_url, seed_file(self.state, PROVISIONER), codes, thorough=thorough
        )
        if not outcome.clean:
            left = [str(found) for found in outcome.found if found not in outcome.repaired]
            raise ServerError("\n".join(["streams differ:", *left, *outcome.refused]))
        return outcome

    async def start_engines(self) -> None:
        """PostgreSQL with its roles and tables, NATS with its accounts and streams."""
        make_secrets(self.state, now=datetime.now(UTC))
        await self._start_postgres()
        await copy_doors(self.state, database_url=self.database_url("referral_work"))
        await self._start_nats()
        await self.provision()

    async def start_services(self, services: Sequence[str]) -> None:
        """Start the services together, each on a port of its own, and wait for all."""
        told = await witnesses_of(self.database_url("referral_work"))
        try:
            async with asyncio.TaskGroup() as group:
                for name in services:
                    process = self._service(name, witnesses=told)
                    self.service_urls[name] = process.url
                    group.create_task(self.supervisor.add(name, process))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    def write_status(self) -> None:
        """Leave word for `siraba doctor`, `trace` and `import` where everything is."""
        status = {
            "pid": os.getpid(),
            "front_url": self.front_url,
            "nats_url": self.nats_url,
            "service_urls": self.service_urls,
            "pids": self.pids(),
            "nats_ports": [self._ports.client, self._ports.monitor] if self._ports else None,
            "database": self._database_address(),
        }
        write_secret(self.state.status_file, json.dumps(status, indent=1))

    async def _start_postgres(self) -> None:
        if self.settings.database_admin_url is not None:
            admin_url = self.settings.database_admin_url.get_secret_value()
        else:
            port, waits_for = self.settings.postgres_port, awaited(self.settings)
            server = embedded_postgres(self.state, port, waits_for=waits_for)
            await self.supervisor.add("postgres", server)
            await receive(self.supervisor, server, state=self.state, settings=self.settings)
            admin_url = server.url("postgres")
        self.database = administration(self.state, admin_url)
        await prepare_database(self.database)
        await migrate(self.database)

    async def _start_nats(self) -> None:
        if self.settings.nats_url is not None:
            await join_nats(self.state, self.settings, url=self.settings.nats_url)
            return
        self._ports = choose_ports(self.settings)
        write_nats_config(self.state, self._ports, known_partners(self.state, self.settings))
        server = embedded_nats(self.state, self._ports)
        await self.supervisor.add("nats", server)
        self.nats_url = server.url

    def _service(self, name: str, *, witnesses: tuple[str, ...]) -> ServiceProcess:
        web, work = self.database_url(f"{name}_web"), self.database_url(f"{name}_work")
        to = Addresses(self.nats_url, web, work)
        port = free_port()
        return self._process(name, port=port, state=self.state, addresses=to, witnesses=witnesses)

    def _database_address(self) -> dict[str, object]:
        if self.database is None:
            return {}
        url = make_url(self.database_url(OPERATIONS))
        return {"host": url.host, "port": url.port, "database": url.database}


@asynccontextmanager
async def running_platform(
    settings: PlatformSettings,
    *,
    services: Sequence[str] = SERVICES,
    report: Report = lambda _: None,
    process: type[ServiceProcess] = ServiceProcess,
) -> AsyncIterator[Platform]:
    """Start everything, yield the running platform, stop everything.

    Use it in the main thread: the kernel ends the children with the thread that started them.
    Raises ServerError with what an operator can do.
    """
    platform = Platform(settings, report, process=process)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(prepared(platform))
        await platform.start_services(services)
        platform.paths |= front_paths(platform.service_urls)
        front = serve_front(platform.paths, host=settings.front_bind, port=settings.front_port)
        platform.front_url = await stack.enter_async_context(front)
        platform.write_status()
        await seal_meanwhile(platform.supervisor, state=platform.state, settings=settings)
        await stack.enter_async_context(mending(platform, report))
        yield platform


@asynccontextmanager
async def prepared(platform: Platform) -> AsyncIterator[None]:
    """Hold the state with everything ready that services need. Raises ServerError."""
    platform.state.prepare()
    async with AsyncExitStack() as stack:
        stack.enter_context(platform.state.locked())
        stack.callback(platform.state.status_file.unlink, missing_ok=True)
        stack.push_async_callback(platform.supervisor.stop)
        await platform.start_engines()
        # Before anybody is in a new directory: whoever joins is handed the keys.
        await platform.announce_months()
        await platform.publish_directory()
        yield


@asynccontextmanager
async def mending(platform: Platform, report: Report) -> AsyncIterator[None]:
    """Look every few seconds what is gone, frozen or new: streams, engines, keys of the months."""

    async def mend() -> None:
        while True:
            await asyncio.sleep(MEND_SECONDS)
            try:
                for name in await platform.restart_stuck():
                    report(f"{name} ran but did not work; starting it again")
                if await platform.follow_directory():
                    report("the directory has changed who is let in")
                outcome = await platform.provision(thorough=False)
                for difference in outcome.repaired:
                    report(f"declared again: {difference}")
                if told := await platform.announce_months():
                    report(f"a new key of a month goes into {told} feeds")
            except (ServerError, SQLAlchemyError, OSError):
                continue  # an engine is away or coming back; services say so themselves

    task = asyncio.create_task(mend())
    try:
        yield
    finally:
        await end(task)

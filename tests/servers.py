"""Real servers for tests: a PostgreSQL cluster with ready databases, and NATS as the platform's."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import nats
from nats.aio.client import Client
from nats.js.client import JetStreamContext

from contracts.topology import API_PREFIX, PARTNER_API_PREFIX, inbox_prefix
from deploy.embedded.nats import EmbeddedNats
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import free_port
from deploy.engines import NatsPorts, embedded_nats, write_nats_config
from deploy.jetstream import client_name
from deploy.keys import PROVISIONER, Partner, new_seed, public_key, seed_file
from deploy.migrate import (
    OWNER,
    ROLES,
    WORK_ROLES,
    Administration,
    migrate,
    prepare_database,
    role_url,
)
from deploy.provision import Outcome, codes_of, provision
from deploy.state import State

_T = TypeVar("_T")
_TEMPLATE = "siraba_template"


def run_apart(work: Coroutine[object, object, _T]) -> _T:
    """Run a coroutine to its end from sync code, whatever loop the test itself has."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@contextmanager
def open_folder() -> Iterator[Path]:
    """A throw-away folder that PostgreSQL's own user can reach; pytest's are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="siraba-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the cluster, with all roles, schemas and migrations."""

    name: str
    administration: Administration
    superuser_url: str

    def url(self, role: str) -> str:
        """`postgresql+asyncpg://…` as `intake_work`, `referral_web`, `siraba_owner`, …"""
        return role_url(self.administration, role)


class PostgresServer:
    """One embedded cluster; databases are copied from a template that is migrated once."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self.passwords = {role: f"password-of-{role}" for role in ROLES}
        self._numbers = itertools.count(1)
        run_apart(self._make_template())

    def administration(self, database: str) -> Administration:
        """How to administer `database` on this cluster."""
        return Administration(self.server.url("postgres"), self.passwords, database)

    def new_database(self) -> Database:
        """A fresh copy of the template."""
        name = f"test_{next(self._numbers)}"
        run_apart(self.execute(f"create database {name} template {_TEMPLATE} owner {OWNER}"))
        # Rights on a database are not part of its template.
        run_apart(self.execute(f"revoke all on database {name} from public"))
        run_apart(self.execute(f"grant connect on database {name} to {', '.join(ROLES)}"))
        run_apart(self.execute(f"grant temporary on database {name} to {', '.join(WORK_ROLES)}"))
        return Database(name, self.administration(name), self.server.url(name))

    def drop(self, database: Database) -> None:
        """Remove it, whoever is still connected."""
        run_apart(self.execute(f"drop database {database.name} with (force)"))

    async def execute(self, statement: str, *, database: str = "postgres") -> None:
        """One statement as the superuser."""
        url = self.server.url(database).replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def _make_template(self) -> None:
        admin = self.administration(_TEMPLATE)
        await prepare_database(admin)
        await migrate(admin)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A cluster for as long as the block runs."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", password="superuser", log=folder / "log")
        server.start()
        try:
            yield PostgresServer(server)
        finally:
            server.stop()


@dataclass(slots=True)
class NatsServer:
    """A nats-server configured as the platform's, with organisations whose seeds we hold."""

    state: State
    server: EmbeddedNats
    ports: NatsPorts
    seeds: dict[str, str] = field(default_factory=dict)
    partners: list[Partner] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self.server.url

    @property
    def codes(self) -> tuple[str, ...]:
        """The organisations."""
        return codes_of(self.partners)

    def add_partner(self, code: str) -> None:
        """Make keys for one more organisation; takes effect at start or `reload`."""
        self.seeds[code] = new_seed()
        self.partners.append(Partner(code, (public_key(self.seeds[code]),)))
        self.write_config()

    def write_config(self) -> None:
        """Write the configuration for the present partners; a reload takes it up."""
        write_nats_config(self.state, self.ports, self.partners)

    def seed_file(self, user: str) -> Path:
        """The seed of one of our own users (`intake`, `provisioner`, `ops`…)."""
        return seed_file(self.state, user)

    async def provision(self, *, check: bool = False) -> Outcome:
        """Declare streams and consumers."""
        return await provision(self.url, self.seed_file(PROVISIONER), self.codes, check=check)

    @asynccontextmanager
    async def partner(self, code: str) -> AsyncIterator[Client]:
        """A connection with an organisation's key."""
        async with _client(self.url, self.seeds[code], prefix="_INBOX") as client:
            yield client

    @asynccontextmanager
    async def user(self, name: str) -> AsyncIterator[Client]:
        """A connection as one of our own users; its JetStream is where that user reaches it."""
        seed = self.seed_file(name).read_text()
        async with _client(
            self.url, seed, prefix=inbox_prefix(name), name=client_name(name)
        ) as client:
            if name != PROVISIONER:
                reached = partial(client.jetstream, prefix=API_PREFIX)
                client.jetstream = reached  # type: ignore[method-assign]  # as Wire.jetstream is
            yield client


def partner_jetstream(client: Client, timeout: float = 1) -> JetStreamContext:
    """JetStream as a partner's account reaches it."""
    return client.jetstream(prefix=PARTNER_API_PREFIX, timeout=timeout)


@asynccontextmanager
async def _client(
    url: str, seed: str, *, prefix: str, name: str | None = None
) -> AsyncIterator[Client]:
    async def silent(_: Exception) -> None:
        """Refusals are what these tests look for."""

    client = await nats.connect(
        url,
        nkeys_seed_str=seed.strip(),
        inbox_prefix=prefix,
        name=name,
        error_cb=silent,
        connect_timeout=5,
    )
    try:
        yield client
    finally:
        await client.close()


@contextmanager
def running_nats(codes: Sequence[str] = (), *, provisioned: bool = True) -> Iterator[NatsServer]:
    """A server with these organisations for as long as the block runs."""
    with open_folder() as folder:
        state = State(folder)
        state.prepare()
        ports = NatsPorts(free_port(), free_port())
        nats_server = NatsServer(state, embedded_nats(state, ports), ports)
        write_nats_config(state, ports, ())
        for code in codes:
            nats_server.add_partner(code)
        nats_server.server.start()
        try:
            if provisioned:
                run_apart(nats_server.provision())
            yield nats_server
        finally:
            nats_server.server.stop()

"""Outages as they come: how each is planted, which alert wakes somebody, which cause must be found."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from time import monotonic

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from deploy.keys import new_seed
from deploy.state import write_secret
from tests.journeys.cases import some_cases
from tests.journeys.road import Road
from tests.operators.runbook import Place
from tests.operators.watch import Named, named
from tests.trust.faults.frozen import Frozen, with_children
from tests.trust.poison import SORTS, Known, Letter, good_letter
from tests.trust.poisoner import Poisoner

PARTNER, OWNER = "SHELTER_BENKADI_KAYES", "POLICE_KAYES"
SEED = 20261212
#: More than a partner may have turned down within an hour.
MANY = 64


@dataclass(frozen=True, slots=True)
class World:
    """What can be broken."""

    road: Road
    hostile: Poisoner
    random: Random

    place: Place

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator["asyncpg.Connection"]:
        """A person with a shell on PostgreSQL."""
        assert self.road.platform.database is not None
        url = self.road.platform.database.url.replace("+asyncpg", "")
        connection = await asyncpg.connect(url.rpartition("/")[0] + "/siraba")
        try:
            yield connection
        finally:
            await connection.close()

    async def execute(self, statement: str) -> None:
        """As the superuser."""
        async with self.superuser() as connection:
            await connection.execute(statement)

    async def comes(self, question: str) -> None:
        """Until it has a row."""
        async with self.superuser() as connection, asyncio.timeout(60):
            while not await connection.fetch(question):
                await asyncio.sleep(0.1)

    async def submit(self) -> None:
        """One more case."""
        case, *_ = some_cases(1, owners=(OWNER,), seed=SEED)
        await self.road.submit_until_accepted(replace(case, key=str(self.random.random())))

    async def spoil(self, letter: Letter, sort: str) -> None:
        """Send it with one thing wrong."""
        (how,) = SORTS[sort]
        await self.send(how.spoil(letter, Known(str, str)))

    async def send(self, *letters: Letter) -> None:
        """Each as its sender."""
        now = monotonic()
        await self.hostile.spread([("", one) for one in letters], between=(now, now))

    def typed(self, line: str) -> str:
        """What the platform's own commands say."""
        return self.place.typed(line)


Planting = Callable[[World], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Outage:
    """alert: who is woken by what; cause: the sign in the runbook that must be found."""

    plant: Planting
    alert: Named
    cause: str

    @property
    def labels(self) -> Mapping[str, str]:
        """What the alert says besides its name."""
        return dict(self.alert[1])


@asynccontextmanager
async def unreadable_cluster(world: World) -> AsyncIterator[None]:
    """Somebody has opened PostgreSQL's folder to all, and the machine starts anew."""
    data = world.road.platform.state.postgres / "data"
    data.chmod(0o777)
    world.road.platform.kill("postgres")
    yield
    data.chmod(0o700)


@asynccontextmanager
async def edited_nats(world: World) -> AsyncIterator[None]:
    """A slip of the pen in nats.conf."""
    with _changed(world.road.platform.state.nats / "nats.conf", lambda text: text + "\n}{\n"):
        world.road.platform.kill("nats")
        yield


@asynccontextmanager
async def lost_seed(world: World) -> AsyncIterator[None]:
    """A service's seed was lost and made anew; its process ends some time later."""
    seed = world.road.platform.state.secrets / "nats-reporting.seed"
    with _changed(seed, lambda _: new_seed()):
        world.road.platform.kill("reporting")
        yield


@asynccontextmanager
async def stopped_service(world: World) -> AsyncIterator[None]:
    """A process that stands still."""
    with Frozen(*with_children(world.road.platform.pids()["referral"])):
        yield


@asynccontextmanager
async def another_token(world: World) -> AsyncIterator[None]:
    """Somebody has made the numbers' token anew, and nobody has started `siraba metrics` again."""
    token = world.road.platform.state.secrets / "metrics.token"
    with _changed(token, lambda text: text[::-1]):
        yield


@asynccontextmanager
async def locked_sequences(world: World) -> AsyncIterator[None]:
    """A person with an open transaction, where the relay gives each message its number."""
    async with world.superuser() as connection, connection.transaction():
        await connection.execute("lock table intake.sequences in exclusive mode")
        await world.submit()
        yield


@asynccontextmanager
async def locked_facts(world: World) -> AsyncIterator[None]:
    """The same, where reporting keeps what it has read; for some minutes already."""
    async with world.superuser() as connection, connection.transaction():
        await connection.execute("lock table reporting.facts_cases in exclusive mode")
        await world.submit()
        await world.comes("select from intake.unconfirmed where stream = 'INTAKE'")
        await world.execute(
            "update intake.outbox set sent_at = sent_at - interval '5 minutes'"
            " where position in (select position from intake.unconfirmed where stream = 'INTAKE')"
        )
        yield


@asynccontextmanager
async def newer_release(world: World) -> AsyncIterator[None]:
    """intake says what referral and reporting have no word for."""
    await world.spoil(good_letter("INTAKE", OWNER, world.random), "unknown code")
    yield


@asynccontextmanager
async def behind_a_dead_letter(world: World) -> AsyncIterator[None]:
    """The next event of a case whose first is dead, some minutes ago."""
    first = good_letter("INTAKE", OWNER, world.random)
    identity = good_letter("INTAKE", OWNER, world.random).headers["ce-id"]
    await world.spoil(first, "not JSON")
    await world.send(first.headed(id=identity, casesequence="2"))
    await world.comes("select from referral.parked")
    await world.execute("update referral.parked set parked_at = parked_at - interval '6 minutes'")
    yield


@asynccontextmanager
async def broken_partner(world: World) -> AsyncIterator[None]:
    """A partner's program sends half a body."""
    await world.spoil(good_letter("INBOX", PARTNER, world.random), "wrong schema")
    yield


@asynccontextmanager
async def old_copy(world: World) -> AsyncIterator[None]:
    """A partner's program was set back, and answers referrals that are not its own; until it has read
    what it was told, and the hour is over."""
    await world.send(*(good_letter("INBOX", PARTNER, world.random) for _ in range(MANY)))
    yield
    await world.execute(
        "with told as (update referral.outbox set sent_at = sent_at - interval '1 hour'"
        " where name = 'request.refused' returning position)"
        " delete from referral.unconfirmed where position in (select position from told)"
    )


@asynccontextmanager
async def forgotten_suspension(world: World) -> AsyncIterator[None]:
    """Somebody has suspended a partner, and its feed fills."""
    await asyncio.to_thread(world.typed, f"siraba partner suspend {PARTNER} --why drill")
    await world.execute(
        "update referral.outbox set sent_at = sent_at - interval '65 minutes' where position in"
        f" (select position from referral.unconfirmed where organisation = '{PARTNER}')"
    )
    yield


OUTAGES: Mapping[str, Outage] = {
    "a cluster that is open to all": Outage(
        unreadable_cluster, named("SirabaSourceAway", source="postgres"), "invalid permissions"
    ),
    "a slip of the pen": Outage(
        edited_nats, named("SirabaSourceAway", source="nats"), "config is invalid"
    ),
    "a seed that is gone": Outage(
        lost_seed, named("SirabaSourceAway", source="reporting"), "Authorization Violation"
    ),
    "a process that stands still": Outage(
        stopped_service, named("SirabaSourceAway", source="referral"), "(stopped)"
    ),
    "another token": Outage(another_token, named("SirabaUnmeasured"), "HTTP 401"),
    "a lock before the relay": Outage(
        locked_sequences,
        named("SirabaOutboxStands", service="intake"),
        "problem: nobody holds up others",
    ),
    "a lock before a reader": Outage(
        locked_facts,
        named("SirabaDurableStands", durable="reporting-INTAKE"),
        "problem: nobody holds up others",
    ),
    "a newer release": Outage(
        newer_release,
        named("SirabaDeadLetter", service="referral", consumer="referral-INTAKE"),
        "unknown_code",
    ),
    "behind a dead letter": Outage(
        behind_a_dead_letter,
        named("SirabaParked", service="referral", consumer="referral-INTAKE"),
        "CONSUMER has a dead letter",
    ),
    "a broken partner": Outage(
        broken_partner,
        named("SirabaDeadRequest", service="referral", consumer="referral-INBOX"),
        "wrong_schema",
    ),
    "a program on an old copy": Outage(
        old_copy, named("SirabaPartnerTurnedDown", organisation=PARTNER), "request.refused"
    ),
    "a suspension that was forgotten": Outage(
        forgotten_suspension, named("SirabaPartnerAway", durable=PARTNER), "suspended"
    ),
}


@contextmanager
def _changed(file: Path, change: Callable[[str], str]) -> Iterator[None]:
    before = file.read_text()
    write_secret(file, change(before))
    yield
    write_secret(file, before)

"""A small world that lived: persons registered, disclosed, backed up, and then erased from it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from asgi_lifespan import LifespanManager
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contracts.evidence import first_break
from contracts.feed import DossierDisclosed
from contracts.signing import signed_payload
from deploy.keys import PROVISIONER
from services.intake.app import create_app
from services.intake.settings import IntakeSettings
from services.reporting.consumers import consumers
from services.reporting.domain import Window
from services.reporting.use_cases import Figures, count_figures
from tests.intake.erasures import add_committee, erase, taken_out
from tests.intake.rooms import Case, Room, open_room
from tests.parts import Site, until
from tests.trust.population import disclose, register
from tests.trust.restored import Dump, dump
from tests.trust.streams import Stored, read_streams

EVER = Window(start=date(2000, 1, 1), end=date(3000, 1, 1), as_of=datetime(3000, 1, 1, tzinfo=UTC))
Count = Callable[[], Awaitable[Figures]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What is known of the world. told: disclosures before; figures: by reporting, before and after."""

    cases: Sequence[Case]
    sealing: Mapping[str, X25519PrivateKey]
    backup: Dump
    told: Sequence[Stored]
    figures: tuple[Figures, Figures]


async def lived(site: Site, *, erased: int, kept: int) -> Lived:
    """So many persons, all disclosed; after the backup the first of them are erased."""
    async with open_room(site) as room, reporting(site) as figures:
        cases = await filled(room, erased + kept)
        backup = await dump(site.database)
        told = [one for one in await stored(site, "OUT") if one.name == DossierDisclosed.name]
        before = await figures()
        for start in range(0, erased, 10):
            some = cases[start : min(start + 10, erased)]
            await asyncio.gather(*(erase(room.desk, one.number) for one in some))
        await taken_out(room.desk)
        return Lived(
            cases=cases,
            sealing=room.keys,
            backup=backup,
            told=told,
            figures=(before, await figures()),
        )


async def filled(room: Room, count: int) -> list[Case]:
    """Registered, disclosed to the shelter, and all of it sent."""
    await add_committee(room.desk)
    cases = await register(room, range(count))
    await disclose(room, cases)
    await taken_out(room.desk)
    return cases


async def started_again(site: Site, *, erased: int) -> None:
    """intake on a restored database, until it has done what it does after a restore."""
    app = create_app(site.settings("intake", IntakeSettings))
    query = """
        select (select count(*) from intake.person_keys where destroyed_at is not null),
            (select count(*) from intake.outbox
             where erased_at is null and (withdrawn_at is not null or sent_at is null))
    """

    async def is_done() -> bool:
        return await site.rows(query) == [(erased, 0)]

    async with LifespanManager(app, startup_timeout=30, shutdown_timeout=30):
        await until(is_done, seconds=120)


async def stored(site: Site, stream: str) -> list[Stored]:
    """A stream as it lies in the server."""
    seed = site.server.seed_file(PROVISIONER)
    return (await read_streams(site.server.url, seed, (stream,)))[stream]


async def broken_chains(site: Site) -> list[str]:
    """The cases whose record on INTAKE is not whole."""
    chains: defaultdict[str, list[bytes]] = defaultdict(list)
    for one in await stored(site, "INTAKE"):
        payload = signed_payload(one.headers, one.body, subject=one.subject)
        chains[one.place].append(payload)
    return [place for place, chain in chains.items() if first_break(chain) is not None]


@asynccontextmanager
async def reporting(site: Site) -> AsyncIterator[Count]:
    """Reporting follows; a call waits until it has counted all there is, and gives the figures."""
    parts = site.assembled("reporting")
    parts.consumers += consumers(parts)

    async def figures() -> Figures:
        wanted = [
            (name, (await stored(site, name))[-1].sequence) for name in ("INTAKE", "REFERRAL")
        ]

        async def is_there() -> bool:
            query = "select stream, sequence from reporting.followed order by stream"
            return await site.rows(query) == wanted

        await until(is_there, seconds=60)
        assert await site.rows("select count(*) from reporting.dead_letters") == [(0,)]
        return replace(await count_figures(parts.web, EVER, step=1), followed=[])

    async with parts.running():
        yield figures

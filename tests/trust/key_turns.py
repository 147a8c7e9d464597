"""Turns each kind of key of a running platform, as whoever answers for that kind does."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import open_engine
from contracts.countersigning import PREVIOUS, PROOF, prove
from contracts.keyring import Keyring
from contracts.sealing import Place, Sealed, SealingRefused, seal
from contracts.signing import Signer
from contracts.topology import SERVICES
from deploy import key_rotation
from deploy.directory_publish import publish_directory
from deploy.key_announcing import announce_keys, rotate_signing_key
from partners.kit import Keys, Partner, init, load
from partners.kit.counters import read_counters
from partners.kit.keys import PRIVATE, PUBLIC, SEALING, SIGNING, load_platform
from services.intake.vault import MonthlyKeys
from services.intake.vault.months import LIFE_AFTER_MONTH
from tests.journeys.road import Road
from tests.trust.evidence import Asking

MONTH = timedelta(days=31)
SEALED_IN = Place("0190", "intake", "c0ffee", ("identity",))
WORDS = b'{"identity": {"full_name": "Zanakala"}}'


@asynccontextmanager
async def working_as(road: Road, service: str) -> AsyncIterator[AsyncEngine]:
    """A service's own role on the platform's database."""
    url = road.platform.database_url(f"{service}_work")
    engine = open_engine(url, schema=service, pool_size=2)
    try:
        yield engine
    finally:
        await engine.dispose()


async def turn_vault_key(road: Road) -> None:
    """A new key-encryption key, with every person's key under it."""
    keys = key_rotation.vault_keys(road.platform.state)
    async with working_as(road, "intake") as engine:
        while not (done := await key_rotation.rotate(engine, keys, at=datetime.now(UTC))).is_new:
            """What the last one had not seen comes first."""
    assert done.damaged == ()


async def turn_signing_keys(road: Road) -> None:
    """A new key for each service, announced before it signs."""
    async with working_as(road, "referral") as engine:
        for service in SERVICES:
            await rotate_signing_key(engine, road.platform.state, service, now=datetime.now(UTC))


@dataclass(slots=True)
class Months:
    """Months that pass, and what a partner seals to intake in each. `lost`: what did not open."""

    road: Road
    reader: str
    now: datetime
    letters: list[tuple[Sealed, datetime]] = field(default_factory=list)
    lost: list[Sealed] = field(default_factory=list)

    @property
    def keys(self) -> MonthlyKeys:
        """Where intake keeps them."""
        return key_rotation.monthly_keys(self.road.platform.state)

    async def turn(self) -> None:
        """The next month comes: partners hear of its key, one seals to it, all before still opens."""
        self.now += MONTH
        self.keys.renew(self.now)
        async with working_as(self.road, "referral") as engine:
            await announce_keys(engine, self.road.platform.state)
        ring = await self._heard()
        current = ring.current("intake", use="sealing", at=self.now)
        self.letters.append((seal(WORDS, SEALED_IN, keys=current), self.now))
        self.lost += shut(self.letters, self.keys, at=self.now)

    async def _heard(self) -> Keyring:
        """The reader's keys once its program has taken in the news."""
        published = self.keys.public_keys()
        async with asyncio.timeout(30):
            while not set(published) <= set(
                (ring := load_platform(self.road.folder(self.reader))).keys
            ):
                await asyncio.sleep(0.05)
        return ring


def shut(
    letters: list[tuple[Sealed, datetime]], keys: MonthlyKeys, *, at: datetime
) -> list[Sealed]:
    """What was sealed to a month whose key still has to open it, and does not."""
    found = []
    for sealed, written in letters:
        if at - written >= LIFE_AFTER_MONTH:
            continue
        try:
            assert keys.open_inbound(sealed, SEALED_IN, at=at) == WORDS
        except SealingRefused:
            found.append(sealed)
    return found


@dataclass(slots=True)
class Shifts:
    """The partners' programs, each of which can be stopped for a change of its keys."""

    road: Road
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @asynccontextmanager
    async def all_at_work(self) -> AsyncIterator[None]:
        """All of them run while the block does; a program that fails shows at the end."""
        for code in self.road.programs:
            self._start(code)
        try:
            yield
        finally:
            failed = [task.exception() for task in self._running.values() if task.done()]
            for code in list(self._running):
                await self._stop(code)
        assert not failed, failed

    async def turn_keys(self, code: str, *, former: Path) -> None:
        """Stop, send what waits, exchange both keys, hand them over, begin again.

        former: a folder that gets the keys as they were.
        """
        assert not self._running[code].done(), "it had failed before"
        await self._stop(code)
        await self._send_what_waits(code)
        folder = self.road.folder(code)
        _copied(folder, former)
        self.road.keys[code] = _exchanged(folder, code)
        platform = self.road.platform
        await publish_directory(
            platform.settings.directory_file,
            state=platform.state,
            database_url=platform.database_url("referral_work"),
        )
        await self._known(code)
        self._start(code)

    def _start(self, code: str) -> None:
        self._running[code] = asyncio.create_task(self.road.programs[code].run())

    async def _stop(self, code: str) -> None:
        task = self._running.pop(code)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _send_what_waits(self, code: str) -> None:
        """Also from the account's own stream into the inbox, whose time is what counts."""
        folder, url = self.road.folder(code), self.road.platform.nats_url
        async with Partner.open(folder, url=url, code=code), asyncio.timeout(30):
            while (found := read_counters(folder)) is not None and found.waiting:
                await asyncio.sleep(0.05)
        await asyncio.sleep(1)

    async def _known(self, code: str) -> None:
        new = self.road.keys[code].public()
        query = f"select key from intake.organisation_keys where owner = '{code}'"
        async with asyncio.timeout(30):
            while (new["sealing"],) not in await Asking(self.road, "intake")(query):
                await asyncio.sleep(0.1)


def _copied(folder: Path, former: Path) -> None:
    former.mkdir(mode=0o700, parents=True)
    for name in (*PRIVATE, PUBLIC, "platform-keys.json"):
        shutil.copy(folder / name, former / name)


def _exchanged(folder: Path, code: str) -> Keys:
    """New keys to sign and to open with; the old one still opens, and the login stays."""
    old = load(folder, code=code)
    new = init(folder / "new", code=code)
    (folder / SEALING).rename(folder / f"sealing-{len(old.earlier):03}.key")
    for name in (SIGNING, SEALING):
        (folder / "new" / name).replace(folder / name)
    shutil.rmtree(folder / "new")
    public = replace(new, seed=old.seed).public()
    words = {
        name: prove(Signer(key), public)
        for name, key in ((PROOF, new.signing), (PREVIOUS, old.signing))
    }
    (folder / PUBLIC).write_text(json.dumps(public | words))
    return load(folder, code=code)

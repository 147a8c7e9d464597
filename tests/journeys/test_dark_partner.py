"""A partner that was away for two weeks comes to the same state through either door.

The clock is moved where retention looks at it: every time in the outboxes, inboxes and referrals is
made fourteen days older, and the broker keeps feeds for ninety.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest
from typer.testing import CliRunner

from contracts.feed import ConsentWithdrawn, DossierDisclosed, Offer, RequestRefused, Restated
from contracts.requests import AcceptReferral, ReplayFeed, SnapshotFeed
from contracts.topology import OUT
from deploy.cli import app
from partners.kit import Delivery, Partner
from services.referral.use_cases.repeating import PAUSES
from tests.journeys.cases import Case
from tests.journeys.road import Road, running_road
from tests.ledger import Figure, Form

pytestmark = [pytest.mark.share("partners"), pytest.mark.timeout(400)]
POLICE, SHELTER = "POLICE_KAYES", "SHELTER_BENKADI_KAYES"
AWAY = timedelta(days=14)
BODY = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "25-34",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter"],
    "consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}],
    "dossier": {"identity": {"full_name": "Kanu Zanakala"}},
}  # fmt: skip
AGED = {
    "intake": ("outbox", "inbox"),
    "referral": ("outbox", "inbox", "referrals", "cases"),
    "reporting": ("inbox",),
}


@dataclass(slots=True)
class Shelter:
    """Its own system: accepts what it is offered first, keeps dossiers, erases when it must."""

    folder: Path
    url: str
    accepts: bool = False
    erased: int = 0
    seen: list[Delivery] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)
    state: dict[str, tuple[str, bool]] = field(default_factory=dict)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Partner]:
        """Listens until left."""
        async with Partner.open(self.folder, url=self.url, patience=None) as partner:
            listening = asyncio.create_task(self._listen(partner))
            yield partner
            self.state = {
                str(one.id): (one.state, one.offer is not None) for one in partner.referrals
            }
            while not listening.done():
                listening.cancel()
                await asyncio.wait([listening], timeout=1)

    def holds(self) -> dict[str, Any]:
        """All that it knows in the end: how each referral stands, what is on file."""
        return {**self.state, **{f"file {name}": held for name, held in self.files.items()}}

    def heard(self, *kinds: type[Any]) -> list[Any]:
        """Messages of these kinds."""
        return [one.message for one in self.seen if isinstance(one.message, kinds)]

    async def _listen(self, partner: Partner) -> None:
        async for delivery in partner.deliveries(on_withdrawn=self._erase):
            message = delivery.message
            if isinstance(message, Offer) and self.accepts:
                accept = AcceptReferral(referral_id=message.referral_id)
                await partner.send(accept, answering=delivery.envelope)
            elif isinstance(message, DossierDisclosed):
                self.files[str(message.referral_id)] = delivery.dossier
            self.seen.append(delivery)
            await delivery.done()

    async def _erase(self, message: ConsentWithdrawn) -> None:
        self.files.pop(str(message.referral_id), None)
        self.erased += 1


async def shown(what: Callable[[], Any], *, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.1)


async def test_two_weeks_away_end_in_the_same_state_through_either_door(
    tmp_path: Path, form: Form, figure: Figure
) -> None:
    count = form.pick(short=4, long=60)
    async with running_road((POLICE, SHELTER)) as road:
        began = datetime.now(UTC)
        copies = {name: _folder(road, tmp_path / name) for name in ("http", "nats", "silent")}
        awake = Shelter(road.folder(SHELTER), road.platform.nats_url, accepts=True)
        await _two_weeks(road, awake, count=count)

        wrong = {}
        for name, url in (
            ("http", road.platform.front_url),
            ("nats", road.platform.nats_url),
        ):
            back = Shelter(copies[name], url)
            async with back.open() as partner:
                await partner.replay(began)
                await shown(partial(_keeps_quiet, back, awake))
            _nothing_withdrawn_comes_back(back, count=count)
            wrong[name] = _mismatch(awake, back)
            assert await _refused(Shelter(copies[name], url), ReplayFeed(after=1)) == "ce-type", (
                "a moment ago"
            )
            await asyncio.sleep(PAUSES[ReplayFeed.name])
        asking = Shelter(copies["nats"], road.platform.nats_url)
        assert await _refused(asking, ReplayFeed(after=10**9)) == "after", "still to come"
        silent = Shelter(copies["silent"], road.platform.nats_url)
        async with silent.open():
            await asyncio.sleep(1)
        await _restated(road, tmp_path / "fresh", awake)

    figure("partners.replay.mismatch", sum(wrong.values()), control=_mismatch(awake, silent))
    assert _mismatch(awake, silent) > 0, "without a replay it would have stayed behind"
    assert not any(wrong.values()), wrong


def _folder(road: Road, to: Path) -> Path:
    """Its folder as it was before."""
    return Path(shutil.copytree(road.folder(SHELTER), to))


async def _two_weeks(road: Road, awake: Shelter, *, count: int) -> None:
    """Cases, acceptances, dossiers, a new key of the platform, withdrawals; then the time passes."""
    async with awake.open():
        numbers = await _cases(road, range(count))
        await shown(lambda: len(awake.files) == count)
        await asyncio.to_thread(_siraba, road, "keys", "rotate", "intake")
        numbers += await _cases(road, range(count, 2 * count))
        await shown(lambda: len(awake.files) == 2 * count)
        for number in numbers[::2]:
            answer = await road.http.post(
                f"/intake/cases/{number}/consents/withdrawals",
                json={"recipient_kind": "shelter", "by": "person"},
                headers=road.headers(POLICE),
            )
            assert answer.status_code == 201, answer.text
        await shown(lambda: len(awake.files) == count)
        await asyncio.sleep(1)
    await _pass_time(road)


async def _cases(road: Road, numbers: range) -> list[str]:
    cases = [Case(POLICE, f"case-{number:04d}", BODY) for number in numbers]
    return [await road.submit_until_accepted(case) for case in cases]


def _siraba(road: Road, *arguments: str) -> None:
    done = CliRunner().invoke(app, [*arguments, "--state-dir", str(road.platform.state.root)])
    assert done.exit_code == 0, done.output


async def _pass_time(road: Road) -> None:
    """Fourteen days, and what the services then do with what is old."""
    for service, tables in AGED.items():
        url = road.platform.database_url(f"{service}_work").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            for table in tables:
                await _age(connection, service, table)
        finally:
            await connection.close()
    assert OUT.max_age is not None
    assert OUT.max_age > AWAY


async def _age(connection: Any, service: str, table: str) -> None:
    columns = await connection.fetch(
        "select column_name as name from information_schema.columns where table_schema = $1"
        " and table_name = $2 and data_type = 'timestamp with time zone'",
        service,
        table,
    )
    moved = ", ".join(f"{row['name']} = {row['name']} - interval '14 days'" for row in columns)
    await connection.execute(f"update {service}.{table} set {moved}")  # names of ours


def _keeps_quiet(back: Shelter, awake: Shelter) -> bool:
    """Whether it has caught up: as many dossiers on file, and the last withdrawal."""
    return back.erased == awake.erased and set(back.files) == set(awake.files)


def _nothing_withdrawn_comes_back(back: Shelter, *, count: int) -> None:
    assert len(back.heard(Offer)) == count
    assert len(back.heard(DossierDisclosed)) == count
    assert back.erased == count


def _mismatch(one: Shelter, other: Shelter) -> int:
    """How many things one of them knows, and the other not or otherwise."""
    mine, theirs = one.holds(), other.holds()
    return sum(mine.get(name) != theirs.get(name) for name in {*mine, *theirs})


async def _refused(shelter: Shelter, request: ReplayFeed) -> str | None:
    """What of it was not possible: a feed told again and again would be a flood."""
    before = len(shelter.heard(RequestRefused))
    async with shelter.open() as partner:
        await partner.send(request)
        await shown(lambda: len(shelter.heard(RequestRefused)) > before)
    refused = shelter.heard(RequestRefused)[-1]
    assert refused.reason == "wrong_state"
    return str(refused.field)


async def _restated(road: Road, fresh: Path, awake: Shelter) -> None:
    """What is older than any feed: a folder without a ledger learns how all stands."""
    shutil.copytree(road.folder(SHELTER), fresh)
    for file in fresh.glob("ledger*"):
        file.unlink()
    shelter = Shelter(fresh, road.platform.nats_url)
    ours: Mapping[str, Any] = {name: step for name, step in awake.state.items() if step[1]}
    async with shelter.open() as partner:
        await partner.send(SnapshotFeed())
        await shown(lambda: len(shelter.heard(Restated)) >= len(ours))
        await partner.send(SnapshotFeed())
        await shown(lambda: shelter.heard(RequestRefused))
    assert shelter.heard(RequestRefused)[0].field == "ce-type"
    assert shelter.state == ours

"""A platform that keeps itself on a second disk, and the same one after its first disk is gone."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts.callers import issue_token
from deploy.backup.places import Places, private_key
from deploy.backup.restoring import Restored, restore
from deploy.backup.taking import take
from deploy.commands.backup import admin_url, key
from deploy.platform import running_platform
from deploy.settings import PlatformSettings
from deploy.state import State
from tests.journeys.cases import Case
from tests.journeys.road import RETRY_SECONDS, SERVICES, Road, running_road

OWNER, COMMITTEE = "POLICE_KAYES", "CNLTPPA"


@dataclass(slots=True)
class Drill:
    """What lies where, and what callers were told."""

    place: Path
    acked: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    #: Answered at a moment after the backup.
    by_then: list[str] = field(default_factory=list)
    then: datetime | None = None

    @property
    def first(self) -> Path:
        """The disk that will be gone."""
        return self.place / "first"

    @property
    def second(self) -> Path:
        """The backup's disk."""
        return self.place / "second"

    @property
    def key_file(self) -> Path:
        """What opens it."""
        return self.place / "opens"

    async def submit(self, road: Road, cases: list[Case], *, at_once: int = 8) -> None:
        """Each until it is answered."""
        waiting = iter(cases)

        async def write() -> None:
            for case in waiting:
                self.acked[case.key] = await road.submit_until_accepted(case)

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(write())

    async def gather(self, road: Road, cases: list[Case]) -> None:
        """As one incident, until everybody is registered."""
        incident = {"detected_on": "2026-01-15", "persons": [case.body for case in cases]}
        headers = road.headers(OWNER) | {"Idempotency-Key": cases[0].key}
        found: dict[str, Any] = {"registered": 0}
        async with asyncio.timeout(600):
            post = partial(road.http.post, "/intake/incidents", json=incident, headers=headers)
            at = (await answered(post)).headers["Location"]
            while found["registered"] < len(cases):
                await asyncio.sleep(0.5)
                found = (
                    await answered(lambda: road.http.get(at, headers=road.headers(OWNER)))
                ).json()
                assert not found["refused"], found["refused"]
        for one in found["cases"]:
            self.acked[cases[one["person"] - 1].key] = one["case_number"]

    async def erase(self, road: Road, number: str) -> None:
        """Asked by its owner, agreed to by the committee, noted on the second disk."""
        asked = await road.http.post(
            f"/intake/cases/{number}/erasure",
            json={"reason": "person_asks"},
            headers=as_person(road, OWNER, "focal_point"),
        )
        assert asked.status_code == httpx.codes.CREATED, asked.text
        done = await road.http.post(
            f"/intake/erasures/{asked.json()['erasure_id']}/confirmation",
            headers=as_person(road, COMMITTEE, "data_officer"),
        )
        assert done.status_code == httpx.codes.OK, done.text
        self.erased.append(number)
        noted = Places(self.second).erased
        async with asyncio.timeout(60):
            while not noted.exists() or noted.read_text().count("case_id") < len(self.erased):
                await asyncio.sleep(0.1)

    def copied(self) -> Path:
        """The second disk as it is at this moment: nothing is told to finish first."""
        target = self.place / "found"
        # First what segments leave, then where they go: none is missed.
        for name in ("wal", "wal-sealed"):
            shutil.copytree(self.second / name, target / name)
        shutil.copytree(self.second, target, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("wal", "wal-sealed"))  # fmt: skip
        return target


async def answered(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Asked again, with the same key, until there is an answer, as a phone does."""
    while True:
        with suppress(httpx.TransportError):
            answer = await ask()
            if not answer.is_server_error:
                assert answer.is_success, answer.text
                return answer
        await asyncio.sleep(RETRY_SECONDS)


def as_person(road: Road, code: str, role: str) -> dict[str, str]:
    """What a person of this organisation presents."""
    token = issue_token(
        road.keys[code].signing, organisation=code, role=role, audience="intake",
        now=datetime.now(UTC), person=f"{code}-1",
    )  # fmt: skip
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def disk_away(drill: Drill, road: Road) -> Iterator[None]:
    """Nothing can be received: a file lies in the place of the folder, so no new receiver starts.

    To kill each one that starts would not do: in a moment that it lives, it receives.
    """
    place = Places(drill.second).wal
    away = place.rename(drill.second / "away")
    place.touch()
    road.platform.kill("wal")
    try:
        yield
    finally:
        place.unlink()
        away.rename(place)


@asynccontextmanager
async def kept_twice(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Drill, Road]]:
    """A platform whose commits wait for the second disk."""
    drill = Drill(place)
    key(drill.key_file, drill.first)
    monkeypatch.setenv("SIRABA_BACKUP_DIR", str(drill.second))
    async with running_road((OWNER, COMMITTEE), folder=drill.first) as road:
        yield drill, road
    monkeypatch.delenv("SIRABA_BACKUP_DIR")


async def backed_up(drill: Drill, road: Road) -> None:
    """As `siraba backup take` does."""
    settings = PlatformSettings(state_dir=drill.first)
    url = admin_url(road.platform.state, settings)
    await asyncio.to_thread(
        take, road.platform.state, Places(drill.second), admin_url=url, at=datetime.now(UTC)
    )
    drill.before = list(drill.acked.values())


async def brought_back(
    drill: Drill, found: Path, name: str, *, wal: bool = True, until: datetime | None = None
) -> Restored:
    """Onto an empty folder, with the vault's keys from where they are kept."""
    state = State(drill.place / name)
    shutil.copytree(drill.place / "vault-elsewhere", state.vault)
    state.root.chmod(0o711)
    return await restore(
        state, Places(found), key=private_key(drill.key_file), wal=wal, until=until
    )


@asynccontextmanager
async def running_again(
    drill: Drill, name: str, keys: Road, *, services: tuple[str, ...] = SERVICES
) -> AsyncIterator[Road]:
    """What was brought back, started."""
    settings = PlatformSettings(state_dir=drill.place / name, front_port=0, nats_port=0)
    async with (
        running_platform(settings, services=services) as platform,
        httpx.AsyncClient(base_url=platform.front_url, timeout=15) as http,
    ):
        road = Road(platform, http, keys.keys)
        yield road


async def there(road: Road, numbers: list[str]) -> list[str]:
    """Those of the numbers whose owner is shown the person's dossier."""
    found = []
    for number in numbers:
        answer = await road.http.get(
            f"/intake/cases/{number}/dossier",
            headers=as_person(road, OWNER, "focal_point"),
        )
        if answer.status_code == httpx.codes.OK:
            found.append(number)
    return found

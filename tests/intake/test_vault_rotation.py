import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.key_rotation import BACKUP_LIFE, StillNeeded, retire, rotate, survey
from services.intake.store.dossiers import DossierErased, open_dossier
from services.intake.store.person_keys import destroy_key
from services.intake.vault import KeyFiles, Vault, WrappedKey
from tests.builders import coded_facts
from tests.intake.desks import Desk
from tests.intake.vaults import FIRST, key_files, registered, work_engine
from tests.ledger import Form
from tests.servers import Database

pytestmark = pytest.mark.share("sealed")
DAY = timedelta(days=1)
ALL = ("identity", "contact", "notes")
SEED = 4


@pytest.fixture
async def engine(fresh_database: Database) -> AsyncIterator[AsyncEngine]:
    async with work_engine(fresh_database.url("intake_work")) as opened:
        yield opened


async def turned(engine: AsyncEngine, keys: KeyFiles, days: int, *, batch: int = 50) -> str:
    """A rotation at that day, without waiting for what is under way."""
    done = await rotate(engine, keys, at=FIRST + days * DAY, batch=batch, settle_seconds=0)
    assert done.damaged == ()
    return done.kek_id


async def used(engine: AsyncEngine, keys: KeyFiles) -> dict[str, int]:
    versions, _ = await survey(engine, keys)
    return {one.kek_id: one.uses for one in versions if one.uses}


async def assert_all_open(
    engine: AsyncEngine, vault: Vault, written: dict[UUID, dict[str, dict[str, str]]]
) -> None:
    async with engine.connect() as connection:
        for case_id, dossier in written.items():
            assert await open_dossier(connection, case_id, ALL, vault=vault) == dossier


async def filled(
    engine: AsyncEngine, keys: KeyFiles, count: int
) -> dict[UUID, dict[str, dict[str, str]]]:
    async with engine.begin() as connection:
        return await registered(connection, Vault(keys, token_bytes), count)


async def test_a_rotation_moves_every_key_and_changes_no_section(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    keys = key_files(tmp_path, FIRST)
    written = await filled(engine, keys, 120)
    sections = text("select * from dossiers order by case_id, section")
    async with engine.connect() as connection:
        before = (await connection.execute(sections)).all()
    newest = await turned(engine, keys, 1)

    assert await used(engine, keys) == {newest: 120}
    async with engine.connect() as connection:
        assert (await connection.execute(sections)).all() == before
    await assert_all_open(engine, Vault(key_files(tmp_path), token_bytes), written)


@dataclass(slots=True)
class Dying(KeyFiles):
    """A process that ends in the middle, after so many keys."""

    left: int = 0

    async def unwrap(self, wrapped: WrappedKey, case_id: UUID) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise ConnectionError
        return await KeyFiles.unwrap(self, wrapped, case_id)


@pytest.mark.parametrize("after", [0, 7, 60, 119])
async def test_a_rotation_that_was_broken_off_is_finished_without_another_key(
    engine: AsyncEngine, tmp_path: Path, after: int
) -> None:
    keys = key_files(tmp_path, FIRST)
    written = await filled(engine, keys, 120)
    with pytest.raises(ConnectionError):
        await turned(engine, Dying(keys.folder, token_bytes, left=after), 1, batch=7)

    moved = after // 7 * 7
    first, second = keys.ids()
    assert await used(engine, keys) == {
        kek: count for kek, count in ((first, 120 - moved), (second, moved)) if count
    }
    await assert_all_open(engine, Vault(key_files(tmp_path), token_bytes), written)
    done = await rotate(engine, keys, at=FIRST + 2 * DAY, settle_seconds=0)
    assert (done.kek_id, done.is_new, done.moved) == (second, False, 120 - moved)
    assert await used(engine, keys) == {second: 120}
    await assert_all_open(engine, Vault(key_files(tmp_path), token_bytes), written)


async def test_a_damaged_key_does_not_stop_the_others_and_is_named(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    keys = key_files(tmp_path, FIRST)
    bad, *_ = await filled(engine, keys, 20)
    async with engine.begin() as connection:
        await connection.execute(
            text("update person_keys set wrapped = decode('00', 'hex') where case_id = :bad"),
            {"bad": bad},
        )
    done = await rotate(engine, keys, at=FIRST + DAY, settle_seconds=0)

    assert (done.moved, done.damaged) == (19, (bad,))
    assert await used(engine, keys) == {keys.ids()[0]: 1, keys.ids()[1]: 19}
    with pytest.raises(StillNeeded, match="wraps 1 keys"):
        await retire(engine, keys, kek_id=keys.ids()[0], at=FIRST + 900 * DAY)


async def test_an_old_version_goes_only_when_no_row_and_no_backup_needs_it(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    keys = key_files(tmp_path, FIRST)
    written = await filled(engine, keys, 20)
    (old,) = keys.ids()
    now = datetime.now(UTC)
    with pytest.raises(StillNeeded, match="newest"):
        await retire(engine, keys, kek_id=old, at=now)
    with pytest.raises(ConnectionError):
        await turned(engine, Dying(keys.folder, token_bytes, left=10), 1, batch=5)
    with pytest.raises(StillNeeded, match="wraps 10 keys"):
        await retire(engine, keys, kek_id=old, at=now + 2 * BACKUP_LIFE)
    await turned(engine, keys, 2)
    with pytest.raises(StillNeeded, match="backups"):
        await retire(engine, keys, kek_id=old, at=now + BACKUP_LIFE - DAY)
    with pytest.raises(ValueError, match="there is no"):
        await retire(engine, keys, kek_id="20200101T000000Z", at=now)

    await retire(engine, keys, kek_id=old, at=now + BACKUP_LIFE + DAY)
    assert old not in keys.ids()
    await assert_all_open(engine, Vault(key_files(tmp_path), token_bytes), written)


async def test_a_key_that_came_in_under_an_old_version_starts_the_wait_anew(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    """A submission that was wrapped before the rotation, and committed after it."""
    keys = key_files(tmp_path, FIRST)
    (case_id, *_) = await filled(engine, keys, 3)
    late = await keys.wrap(token_bytes(32), case_id)
    await turned(engine, keys, 1)
    async with engine.begin() as connection:
        await connection.execute(
            text("update person_keys set kek_id = :kek, wrapped = :key where case_id = :case"),
            {"kek": late.kek_id, "key": late.wrapped, "case": case_id},
        )
    ages = {one.kek_id: one for one in (await survey(engine, keys))[0]}
    with pytest.raises(StillNeeded, match="wraps 1 keys"):
        await retire(engine, keys, kek_id=late.kek_id, at=datetime.now(UTC) + 2 * BACKUP_LIFE)
    await turned(engine, keys, 2)

    again = {one.kek_id: one for one in (await survey(engine, keys))[0]}
    before, after = ages[late.kek_id].needed_until, again[late.kek_id].needed_until
    assert before is not None
    assert after is not None
    assert before < after


async def test_an_erasure_during_a_rotation_wins(engine: AsyncEngine, tmp_path: Path) -> None:
    keys = key_files(tmp_path, FIRST)
    written = list(await filled(engine, keys, 200))
    gone = written[::4]

    async def erase() -> None:
        for case_id in gone:
            async with engine.begin() as connection:
                assert await destroy_key(connection, case_id, at=FIRST)

    await asyncio.gather(erase(), turned(engine, keys, 1, batch=9))
    assert sum((await used(engine, keys)).values()) == 150
    vault = Vault(keys, token_bytes)
    async with engine.connect() as connection:
        for case_id in gone:
            with pytest.raises(DossierErased):
                await open_dossier(connection, case_id, ALL, vault=vault)


async def test_rotating_under_load_leaves_no_dossier_that_cannot_be_opened(
    desk: Desk, form: Form
) -> None:
    """Officers register and others read while the key turns again and again."""
    count, turns = form.pick(short=150, long=10_000), form.pick(short=4, long=20)
    keys = key_files(desk.site.folder)
    said: dict[str, dict[str, dict[str, str]]] = {}
    seen = Readers(Vault(key_files(desk.site.folder), token_bytes), said)

    async def officer(first: int) -> None:
        for nth in range(first, count, 10):
            dossier = {"identity": {"name": f"Aminata {nth}"}, "notes": {"n": str(nth)}}
            answer = await desk.post(coded_facts(dossier=dossier))
            said[answer.json()["case_number"]] = dossier

    async with work_engine(desk.site.database.url("intake_work")) as engine:
        officers = asyncio.gather(*(officer(first) for first in range(10)))
        reader = asyncio.create_task(seen.read_on(engine))
        for turn in range(turns):
            await rotate(engine, keys, at=FIRST + (turn + 1) * DAY, settle_seconds=0)
            while len(said) < count * (turn + 1) // turns:
                await asyncio.sleep(0.01)
        await officers
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        while not (done := await rotate(engine, keys, at=datetime.now(UTC))).is_new:
            pass
        assert await used(engine, keys) == {done.kek_id: count}
        await seen.read(engine, list(said))
    assert seen.opened > count
    assert seen.failed == set()
    assert len(said) == count


class Readers:
    """Open dossiers in a drawn order, and keep which did not give what was said."""

    def __init__(self, vault: Vault, said: dict[str, dict[str, dict[str, str]]]) -> None:
        self.vault, self.said = vault, said
        self.opened = 0
        self.failed: set[str] = set()

    async def read_on(self, engine: AsyncEngine) -> None:
        draw = random.Random(SEED)
        while True:
            await self.read(engine, draw.sample(sorted(self.said), min(20, len(self.said))))
            await asyncio.sleep(0.01)

    async def read(self, engine: AsyncEngine, numbers: list[str]) -> None:
        find = text("select number, case_id from cases where number = any(:numbers)")
        async with engine.connect() as connection:
            for number, case_id in await connection.execute(find, {"numbers": numbers}):
                self.opened += 1
                try:
                    found = await open_dossier(connection, case_id, ALL, vault=self.vault)
                except Exception:  # noqa: BLE001 - whatever it is, it was not opened
                    found = {}
                if found != self.said[number]:
                    self.failed.add(number)

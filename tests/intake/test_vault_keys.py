import base64
import logging
import stat
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from uuid import uuid4

import pytest

from services.intake.app import create_app
from services.intake.settings import IntakeSettings
from services.intake.vault import KeyDamaged, KeyFiles, KeyUnavailable, MonthlyKeys, Vault
from tests.intake.desks import Desk
from tests.intake.vaults import DOSSIER, FIRST, key_files
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")
DAY = timedelta(days=1)


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_the_newest_version_wraps_and_all_unwrap(tmp_path: Path) -> None:
    keys, case_id, key = key_files(tmp_path, FIRST), uuid4(), token_bytes(32)
    wrapped = []
    for days in range(3):
        wrapped.append(await keys.wrap(key, case_id))
        keys.make(FIRST + (days + 1) * DAY)
        keys = key_files(tmp_path)

    assert [one.kek_id for one in wrapped] == list(keys.ids())[:3]
    assert [await keys.unwrap(one, case_id) for one in wrapped] == [key] * 3
    assert await keys.newest() == "20260104T000000Z"


async def test_a_version_made_elsewhere_is_used_without_a_restart(tmp_path: Path) -> None:
    here, there, case_id = key_files(tmp_path, FIRST), key_files(tmp_path), uuid4()
    await here.wrap(token_bytes(32), case_id)
    there.make(FIRST + DAY)
    wrapped = await there.wrap(b"k" * 32, case_id)

    assert await here.unwrap(wrapped, case_id) == b"k" * 32
    assert (await here.wrap(token_bytes(32), case_id)).kek_id == wrapped.kek_id


async def test_a_destroyed_version_opens_nothing_any_more(tmp_path: Path) -> None:
    keys, case_id = key_files(tmp_path, FIRST), uuid4()
    wrapped = await keys.wrap(token_bytes(32), case_id)
    keys.make(FIRST + DAY)
    keys.destroy(wrapped.kek_id)

    assert [path.name for path in keys.folder.iterdir()] == ["20260102T000000Z.key"]
    with pytest.raises(KeyUnavailable) as refused:
        await key_files(tmp_path).unwrap(wrapped, case_id)
    assert str(case_id) not in str(refused.value)


async def test_the_same_name_with_another_key_in_it_is_noticed(tmp_path: Path) -> None:
    case_id = uuid4()
    wrapped = await key_files(tmp_path / "a", FIRST).wrap(token_bytes(32), case_id)

    with pytest.raises(KeyDamaged):
        await key_files(tmp_path / "b", FIRST).unwrap(wrapped, case_id)


def test_keys_are_made_for_their_owner_only_and_never_twice(tmp_path: Path) -> None:
    keys = key_files(tmp_path, FIRST, FIRST + DAY)
    months = MonthlyKeys(tmp_path / "months", token_bytes)
    months.renew(FIRST)

    for folder in (keys.folder, months.folder):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert modes(folder) == {0o600}
    for at in (FIRST, FIRST + DAY, FIRST + DAY / 2):
        with pytest.raises(ValueError, match="is there"):
            keys.make(at)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
async def test_a_key_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    keys = key_files(tmp_path, FIRST)
    (keys.folder / "20260101T000000Z.key").chmod(mode)

    with pytest.raises(KeyUnavailable, match="others may read it"):
        await keys.wrap(token_bytes(32), uuid4())


def test_without_a_key_intake_does_not_start(site: Site) -> None:
    settings = site.settings("intake", IntakeSettings)
    for file in settings.kek_dir.iterdir():
        file.unlink()

    with pytest.raises(KeyUnavailable, match="no key-encryption key"):
        create_app(settings)


def forms(key: bytes) -> set[str]:
    """How a key would look in text."""
    plain = base64.b64encode(key).decode().rstrip("=")
    return {key.hex(), repr(key)[2:-1], plain, plain.replace("+", "-").replace("/", "_")}


async def test_keys_are_in_no_log_no_span_no_row_and_no_representation(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    drawn: list[bytes] = []

    def entropy(n: int) -> bytes:
        drawn.append(token_bytes(n))
        return drawn[-1]

    folder = desk.site.folder
    keys = KeyFiles(folder / "kek", entropy)
    keys.make(FIRST + DAY)
    vault, months = Vault(keys, entropy), MonthlyKeys(folder / "months-too", entropy)
    months.renew(FIRST)
    await vault.seal(uuid4(), DOSSIER)
    await desk.post()
    secret = {form for key in (*drawn, b"d" * 32) if len(key) == 32 for form in forms(key)}

    rows = [await desk.site.rows(f"select row_to_json(t)::text from intake.{table} t")
            for table in ("person_keys", "dossiers", "spans", "outbox")]  # fmt: skip
    spans = [span.to_json() for span in desk.site.spans.get_finished_spans()]
    logs = [one.__dict__ for one in caplog.records]
    seen = f"{keys!r} {vault!r} {months!r} {desk!r} {rows} {spans} {logs}"
    assert len(secret) > 10
    assert [form for form in secret if form in seen] == []

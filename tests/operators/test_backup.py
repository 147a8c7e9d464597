"""What is sealed for a backup opens whole for its key, and for nothing else."""

import io
import shutil
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from deploy.backup import taking
from deploy.backup.following import drop_half_made, erased_lines, seal_segments
from deploy.backup.places import (
    MANIFEST,
    SEALED,
    Places,
    manifest_of,
    open_file,
    private_key,
    recipient,
    seal_file,
    verify,
)
from deploy.backup.sealed_files import BackupDamaged, Hashed, open_stream, seal_stream
from deploy.commands.backup import key
from deploy.commands.restore import restore
from deploy.embedded.processes import ServerError
from deploy.measures.probes import measure_backup
from deploy.platform import make_secrets
from deploy.state import State

pytestmark = pytest.mark.share("operators")
CHUNK = 1024**2
AT = datetime(2026, 11, 29, 8, tzinfo=UTC)
KEY = X25519PrivateKey.from_private_bytes(b"k" * 32)


def sealed(content: bytes) -> bytes:
    target = io.BytesIO()
    seal_stream(io.BytesIO(content), Hashed(target), to=KEY.public_key())
    return target.getvalue()


def opened(content: bytes, by: X25519PrivateKey = KEY) -> bytes:
    target = io.BytesIO()
    open_stream(io.BytesIO(content), target, key=by)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_any_length_comes_back_as_it_was(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    assert opened(sealed(content[:size])) == content[:size]


HEAD = 48
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "changed": lambda one: one[:-20] + bytes([one[-20] ^ 1]) + one[-19:],
    "cut off after a chunk": lambda one: one[: HEAD + CHUNK + 16],
    "cut off in a chunk": lambda one: one[:-5],
    "longer": lambda one: one + b"x",
    "chunks that changed places": lambda one: (
        one[:HEAD] + one[HEAD + CHUNK + 16 : HEAD + 2 * (CHUNK + 16)]
        + one[HEAD : HEAD + CHUNK + 16] + one[HEAD + 2 * (CHUNK + 16) :]
    ),
    "without its head": lambda one: one[1:],
    "empty": lambda _: b"",
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_not_what_was_written_does_not_open(how: str) -> None:
    content = b"a" * CHUNK + b"b" * CHUNK + b"c"
    with pytest.raises(BackupDamaged):
        opened(BROKEN[how](sealed(content)))


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BackupDamaged):
        opened(sealed(b"content"), X25519PrivateKey.from_private_bytes(b"o" * 32))


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "state")
    state.prepare()
    make_secrets(state, now=AT)
    return state


@pytest.fixture
def backup(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose database is a few bytes: what PostgreSQL gives is another test's."""
    key(tmp_path / "opens", state.root)

    def few_bytes(target: Path, _: str, of: State) -> dict[str, object]:
        return seal_file(io.BytesIO(b"base"), target, to=recipient(of))

    monkeypatch.setattr(taking, "_base", few_bytes)
    return taking.take(state, Places(tmp_path / "second"), admin_url="", at=AT)


def test_the_vaults_keys_are_in_no_part_of_a_backup(
    state: State, backup: Path, tmp_path: Path
) -> None:
    held = [file.read_bytes().strip() for file in state.vault.rglob("*.key")]
    plain, said = b"", manifest_of(backup)["files"]
    for name in said:
        target = io.BytesIO()
        open_file(backup / name, target, key=private_key(tmp_path / "opens"))
        plain += target.getvalue()
        if name != f"base{SEALED}":
            with tarfile.open(fileobj=io.BytesIO(target.getvalue())) as tar:
                for entry in tar.getmembers():
                    content = tar.extractfile(entry)
                    plain += entry.name.encode() + (content.read() if content else b"")
    assert len(held) >= 3
    assert b"feed.key" in plain
    assert [one for one in held if one in plain] == []


def test_damage_is_named(backup: Path) -> None:
    assert verify(backup) == []
    part = backup / f"state{SEALED}"
    part.write_bytes(part.read_bytes()[:-1])
    (backup / f"streams{SEALED}").unlink()
    assert verify(backup) == ["streams.sealed: missing", "state.sealed: not what was written"]


def test_a_backup_that_was_broken_off_is_none(backup: Path) -> None:
    (backup / MANIFEST).unlink()
    with pytest.raises(ServerError, match="no finished backup"):
        Places(backup.parent).newest()


def test_a_whole_segment_is_sealed_and_one_that_is_written_stays(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.prepare()
    whole, part = "0" * 23 + "1", "0" * 23 + "2.partial"
    for name in (whole, part):
        (places.wal / name).write_bytes(name.encode())
    assert seal_segments(places, KEY.public_key()) == 1
    assert [file.name for file in places.wal.iterdir()] == [part]
    assert opened((places.sealed_wal / (whole + SEALED)).read_bytes()) == whole.encode()


def test_a_segment_that_was_being_made_when_its_receiver_died_is_made_anew(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.prepare()
    sizes = {"1.partial": 0, "2.partial": 16 * CHUNK, "3.partial": 13 * CHUNK, "4": 13 * CHUNK}
    for name, size in sizes.items():
        with (places.wal / name).open("wb") as file:
            file.truncate(size)
    drop_half_made(places)
    assert sorted(file.name for file in places.wal.iterdir()) == ["1.partial", "2.partial", "4"]


def test_backups_end_after_their_time_and_former_ones_are_set_aside(backup: Path) -> None:
    places = Places(backup.parent)
    (places.erased).write_text('{"case_id": "a", "at": "2026-11-29T08:00:00+00:00"}\n{"cas')
    places.set_aside(AT)
    aside = Places(places.root / "earlier-20261129T080000Z")
    assert [one.name for one in aside.backups()] == [backup.name]
    assert [one["case_id"] for one in erased_lines(aside.erased)] == ["a"]
    assert places.backups() == []
    places.forget(before=AT + timedelta(seconds=1))
    assert not aside.root.exists()
    assert places.erased.exists()


def test_the_age_of_the_newest_backup_is_measured_and_none_is_as_old_as_time(
    backup: Path, tmp_path: Path
) -> None:
    later = AT + timedelta(hours=3)
    (age,) = measure_backup(backup.parent, now=later)
    assert age.value == 3 * 3600
    (backup / MANIFEST).unlink()
    for folder in (backup.parent, tmp_path / "not mounted"):
        (age,) = measure_backup(folder, now=later)
        assert age.value == later.timestamp()


def test_for_a_moment_the_newest_backup_from_before_it_is_taken(backup: Path) -> None:
    places = Places(backup.parent)
    later = places.root / "20261129T090000Z"
    shutil.copytree(backup, later)
    assert places.newest() == later
    assert places.newest(until=AT + timedelta(minutes=59)) == backup
    with pytest.raises(ServerError, match="from before 2026-11-29T07:59:59"):
        places.newest(until=AT - timedelta(seconds=1))


def test_the_backup_alone_cannot_be_brought_to_another_moment(
    backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        restore(key=tmp_path / "opens", from_dir=backup.parent, base_only=True, until=AT)
    assert "has one moment, its own" in capsys.readouterr().err

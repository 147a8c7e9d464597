"""Where things lie in a backup folder, and how a file there is written so that it stays."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from chassis.secrets import keep_names
from contracts.keyring import decode_base64url, read_sealing_key
from deploy.backup.sealed_files import BackupDamaged, Hashed, open_stream, seal_stream
from deploy.embedded.processes import ServerError, open_private
from deploy.state import State

#: Among the state's secrets: to whom everything is sealed.
RECIPIENT: Final = "backup.pub"
MANIFEST: Final = "manifest.json"
SEALED: Final = ".sealed"
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Places:
    """One backup folder, on another disk than the state."""

    root: Path

    @property
    def wal(self) -> Path:
        """What PostgreSQL writes ahead, as it comes; a whole segment is sealed and leaves."""
        return self.root / "wal"

    @property
    def sealed_wal(self) -> Path:
        """Whole segments, sealed."""
        return self.root / "wal-sealed"

    @property
    def erased(self) -> Path:
        """Who was erased: case ids and moments, which say nothing without the vault."""
        return self.root / "erased.jsonl"

    def prepare(self) -> None:
        """Make the folders, for their owner alone. Raises ServerError."""
        try:
            for folder in (self.root, self.wal, self.sealed_wal):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
        except OSError as error:
            raise ServerError(f"{self.root}: {error.strerror}") from None

    def set_aside(self, at: datetime) -> None:
        """Move backups of a former cluster, with all that came after them, to a folder of their own.

        `siraba restore --from` still takes it.
        """
        former = [self.wal, self.sealed_wal, *self.backups()]
        if any(any(folder.iterdir()) for folder in former):
            aside = self.root / f"earlier-{stamp(at)}"
            aside.mkdir(mode=0o700)
            for folder in former:
                folder.rename(aside / folder.name)
            if self.erased.exists():
                shutil.copyfile(self.erased, aside / self.erased.name)
        self.prepare()

    def forget(self, *, before: datetime) -> None:
        """Drop backups from before then, and segments that no backup left here needs."""
        limit = stamp(before)
        for folder in (*self.backups(), *self.root.glob("earlier-*")):
            if folder.name.removeprefix("earlier-") < limit:
                shutil.rmtree(folder)
        if left := self.backups():
            needed = datetime.fromisoformat(manifest_of(left[0])["made_at"]).timestamp()
            for segment in self.sealed_wal.glob(f"*{SEALED}"):
                # Sealed before that backup began: what it holds is in the backup.
                if segment.stat().st_mtime < needed:
                    segment.unlink()

    def backups(self) -> list[Path]:
        """Finished backups, the newest last: one without its manifest was broken off."""
        return sorted(file.parent for file in self.root.glob(f"*/{MANIFEST}"))

    def newest(self, *, until: datetime | None = None) -> Path:
        """Of those that had begun by then. Raises ServerError when there is none."""
        found = [one for one in self.backups() if until is None or taken_at(one) <= until]
        if not found:
            when = f" from before {until.isoformat()}" if until else ""
            raise ServerError(f"no finished backup{when} in {self.root}")
        return found[-1]


def recipient(state: State) -> X25519PublicKey:
    """To whom this platform's backups are sealed. Raises ServerError."""
    try:
        text = (state.secrets / RECIPIENT).read_text("ascii").strip()
    except FileNotFoundError:
        raise ServerError("nobody can open a backup yet: `siraba backup key FILE` first") from None
    return X25519PublicKey.from_public_bytes(decode_base64url(text))


def private_key(file: Path) -> X25519PrivateKey:
    """The half that opens. Raises ServerError."""
    try:
        return read_sealing_key(file.read_bytes())
    except (OSError, ValueError):
        raise ServerError(f"{file} holds no key that opens a backup") from None


def seal_file(source: BinaryIO, target: Path, *, to: X25519PublicKey) -> dict[str, Any]:
    """Seal into a file that is on disk when this returns; its size and digest."""
    with open_private(target, append=False) as file:
        hashed = Hashed(file)
        seal_stream(source, hashed, to=to)
        file.flush()
        os.fsync(file.fileno())
    keep_names(target.parent)
    return {"bytes": hashed.size, "sha256": hashed.digest}


def open_file(sealed: Path, target: BinaryIO, *, key: X25519PrivateKey) -> None:
    """Write what a sealed file holds. Raises `BackupDamaged`, which names the file."""
    try:
        with sealed.open("rb") as source:
            open_stream(source, target, key=key)
    except BackupDamaged as damage:
        raise BackupDamaged(f"{sealed.name}: {damage}") from None
    except FileNotFoundError:
        raise BackupDamaged(f"{sealed.name}: missing") from None


def manifest_of(backup: Path) -> dict[str, Any]:
    """What a backup says of itself. Raises `BackupDamaged`."""
    try:
        read: dict[str, Any] = json.loads((backup / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        raise BackupDamaged(f"{backup.name}: its manifest cannot be read") from None
    return read


def verify(backup: Path, key: X25519PrivateKey | None = None) -> list[str]:
    """What is wrong with a backup: digests, and with the key whether every part opens."""
    wrong = []
    with Path(os.devnull).open("wb") as nowhere:
        for name, said in manifest_of(backup)["files"].items():
            try:
                with (backup / name).open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                if digest != said["sha256"]:
                    wrong.append(f"{name}: not what was written")
                elif key is not None:
                    open_file(backup / name, nowhere, key=key)
            except FileNotFoundError:
                wrong.append(f"{name}: missing")
            except BackupDamaged as damage:
                wrong.append(str(damage))
    return wrong


def stamp(at: datetime) -> str:
    """A backup's name, which sorts by time."""
    return at.astimezone(UTC).strftime(_STAMP)


def taken_at(backup: Path) -> datetime:
    """When it began, to the second, by its name."""
    return datetime.strptime(backup.name, _STAMP).replace(tzinfo=UTC)

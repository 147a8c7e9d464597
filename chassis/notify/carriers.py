"""Who takes a letter to its address; whatever has no carrier of its own is kept in a folder."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from chassis.notify.letters import Letter
from chassis.secrets import replace_secret

REFUSED: Final = "refused"
UNREACHABLE: Final = "unreachable"
#: Hosts to which nothing travels over a line.
HERE: Final = ("127.0.0.1", "::1", "localhost")
#: The folder of letters that nobody carries, among a service's secrets: they hold addresses.
SPOOL: Final = "notices"


class NotCarried(Exception):
    """The letter is not there. reason: `refused` for good, or `unreachable` for now.

    It says nothing else: what a server answered may hold the address.
    """

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


class Carrier(Protocol):
    """One way to people."""

    async def carry(self, letter: Letter) -> None:
        """Return when it has been taken over. Raises `NotCarried`."""


@dataclass(frozen=True, slots=True)
class Spool:
    """Keeps each letter as a file that only the service can read; a repeat replaces it."""

    folder: Path

    async def carry(self, letter: Letter) -> None:
        """One file, `<id>.json`."""
        said = letter._asdict() | {"id": str(letter.id), "text": letter.text}
        content = json.dumps(said, ensure_ascii=False).encode()
        try:
            await asyncio.to_thread(self._keep, f"{letter.id}.json", content)
        except OSError:
            raise NotCarried(UNREACHABLE) from None

    def _keep(self, name: str, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_secret(self.folder / name, content)


def spooled(folder: Path) -> list[tuple[datetime, Letter]]:
    """What a `Spool` keeps, with when it was kept last, the newest first."""
    found = [
        (datetime.fromtimestamp(path.stat().st_mtime, UTC), json.loads(path.read_bytes()))
        for path in folder.glob("*.json")
    ]
    letters = [
        (at, Letter(UUID(said["id"]), said["medium"], said["address"], said["language"]))
        for at, said in found
    ]
    return sorted(letters, reverse=True)


@dataclass(frozen=True, slots=True)
class Carriers:
    """By medium; `spool` for those that have none."""

    spool: Spool
    by_medium: Mapping[str, Carrier] = field(default_factory=dict)

    async def carry(self, letter: Letter) -> None:
        """By its medium's own carrier. Raises `NotCarried`."""
        await self.by_medium.get(letter.medium, self.spool).carry(letter)

"""Real signed messages, at least one of each type: read here, made by `contracts.recording`.

They lie in `contracts/examples/<version>/<channel>/<type>.json` as CloudEvents, byte by byte as
they would come over HTTP, and never change: whatever is read today must be read for ever. The keys
beside them are thrown away.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from contracts.keyring import Keyring
from contracts.releases import versions_in
from contracts.structured import RECORDED, SUBJECT, read_structured

EXAMPLES: Final = Path(__file__).parent / "examples"
KEYS: Final = EXAMPLES / "keys.json"
CHANNELS: Final = ("events", "feed", "requests")


class Recorded(NamedTuple):
    """One message. channel: of `CHANNELS`; event: the file's JSON; at: the stream's time, aware."""

    version: str
    channel: str
    event: Mapping[str, str]
    subject: str
    at: datetime
    headers: dict[str, str]
    body: bytes

    @property
    def type(self) -> str:
        """Its CloudEvents type."""
        return self.event["type"]


def recorded_messages(examples: Path = EXAMPLES) -> Iterator[Recorded]:
    """All of them, by version and channel. Raises `Rejected`, KeyError for what is no message."""
    for folder in versions_in(examples):
        for channel in CHANNELS:
            for path in sorted((folder / channel).glob("*.json")):
                yield _read(path)


def platform_keys() -> Keyring:
    """Whose signatures they bear."""
    return Keyring.read(KEYS.read_bytes())


def _read(path: Path) -> Recorded:
    event: dict[str, str] = json.loads(path.read_bytes())
    headers, body = read_structured(event)
    return Recorded(
        version=path.parent.parent.name,
        channel=path.parent.name,
        event=event,
        subject=event[SUBJECT],
        at=datetime.fromisoformat(event[RECORDED]),
        headers=headers,
        body=body,
    )

"""Writes an exported case as the document that `partners.verify` reads; pure, so that tests can."""

from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from contracts.evidence import inclusion_path
from contracts.roots import AUDIT, Leaf, Root

FORMAT = "siraba-evidence-1"
SIGNED = ("ce-", "content-type", "siraba-signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMessage:
    """One message as it lies in its stream; recorded_at: the stream's own time, aware."""

    stream: str
    sequence: int
    recorded_at: datetime
    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoot:
    """A root with its signature."""

    root: Root
    signature: str

    def written(self) -> dict[str, Any]:
        """As it stands in exports and in a witness's file."""
        return {
            "service": self.root.service,
            "day": self.root.day.isoformat(),
            "made_at": written_time(self.root.made_at),
            "size": self.root.size,
            "root": self.root.root.hex(),
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """What one service's tables hold. leaves: under the newest root, in its order.

    audit: chain → rows from the first: the line of a look at this case, (tag, digest) of another.
    """

    newest: SignedRoot | None
    leaves: Sequence[Leaf] = ()
    audit: dict[str, list[str | tuple[str, str]]] = field(default_factory=dict)


def document(
    case: UUID,
    messages: Iterable[StoredMessage],
    records: dict[str, ServiceRecord],
    *,
    made_at: datetime,
) -> dict[str, Any]:
    """The whole export, as JSON can hold it."""
    held = list(messages)
    roots = [record.newest.written() for record in records.values() if record.newest]
    return {
        "format": FORMAT,
        "case": str(case),
        "made_at": written_time(made_at),
        "messages": [_message(one) for one in held],
        "roots": roots,
        "proofs": {
            service: _proofs([(service.upper(), str(case)), *_audited(record)], record.leaves)
            for service, record in records.items()
            if record.newest is not None
        },
        "audit": {service: record.audit for service, record in records.items()},
    }


def audit_chains(case: UUID, *, since: datetime, until: datetime) -> list[str]:
    """The chains that a look at this case can be in, one a month (mechanisms.sql)."""
    shard = sha256(str(case).encode()).digest()[0] % 16
    first, last = (at.astimezone(UTC) for at in (since, until))
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{shard:x}/{month // 12:04}-{month % 12 + 1:02}" for month in months]


def written_time(at: datetime) -> str:
    """UTC to the microsecond, always in one form."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _audited(record: ServiceRecord) -> list[tuple[str, str]]:
    return [(AUDIT, chain) for chain in record.audit]


def _message(one: StoredMessage) -> dict[str, Any]:
    return {
        "stream": one.stream,
        "sequence": one.sequence,
        "recorded_at": written_time(one.recorded_at),
        "subject": one.subject,
        # What nobody signed (the hop, the courier's own) is no evidence of anything.
        "headers": {name: said for name, said in one.headers.items() if name.startswith(SIGNED)},
        "body": b64encode(one.body).decode(),
    }


def _proofs(wanted: Iterable[tuple[str, str]], leaves: Sequence[Leaf]) -> list[dict[str, Any]]:
    """Of each chain its leaf, or the neighbours that show that it has none."""
    names = [leaf.name for leaf in leaves]
    places: set[int] = set()
    for stream, key in wanted:
        name = Leaf(stream, key, 0, b"").name
        at = bisect_left(names, name)
        found = [at] if names[at : at + 1] == [name] else [at - 1, at]
        places.update(place for place in found if 0 <= place < len(names))
    texts = [leaf.text for leaf in leaves]
    return [
        {
            "place": place,
            "name": names[place],
            "last": leaves[place].last,
            "head": leaves[place].head.hex(),
            "path": [beside.hex() for beside in inclusion_path(texts, place)],
        }
        for place in sorted(places)
    ]

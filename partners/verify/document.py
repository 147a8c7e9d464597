"""What an export and a file of roots hold, read strictly."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from partners.verify.strict import (
    Unreadable,
    base64,
    items,
    members,
    moment,
    number,
    parsed,
    raw_hash,
    signed_moment,
    text,
)

__all__ = ["Export", "Finding", "Leaf", "Message", "Root", "Row", "Unreadable"]

FORMAT = "siraba-evidence-1"
SERVICES = ("intake", "referral", "reporting")
_HEADER = re.compile(r"ce-[a-z0-9]+|content-type|siraba-signature")


class Finding(NamedTuple):
    """Something that is not as it was: where, and what."""

    where: str
    fault: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it lay in its stream; recorded_at is the stream's own time."""

    stream: str
    sequence: int
    recorded_at: datetime
    subject: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Root:
    """One service's signed root of one day, over `size` leaves."""

    service: str
    day: str
    made_at: str
    size: int
    root: bytes
    signature: str

    @property
    def payload(self) -> bytes:
        """What is signed."""
        return (
            f"service:{self.service}\nday:{self.day}\nmade:{self.made_at}\n"
            f"size:{self.size}\nroot:{self.root.hex()}\n"
        ).encode()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf with its way to the root; name: `<stream> <hash of the key>`."""

    place: int
    name: str
    last: int
    head: bytes
    path: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        """The leaf itself."""
        return f"{self.name} {self.last} {self.head.hex()}".encode()


#: One row of the audit: its line where it is about the case; else (which case it is about, to those
#: who know that case; the digest of its line).
Row = str | tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Export:
    """One exported case. proofs: service → leaves; audit: service → chain → rows from the first."""

    case: str
    messages: tuple[Message, ...]
    roots: tuple[Root, ...]
    proofs: dict[str, tuple[Leaf, ...]]
    audit: dict[str, dict[str, tuple[Row, ...]]]


def read_export(content: bytes) -> Export:
    """The export in a file. Raises `Unreadable`."""
    found = members(
        parsed(content, "the export"),
        "the export",
        of=("format", "case", "made_at", "messages", "roots", "proofs", "audit"),
    )
    if found["format"] != FORMAT:
        raise Unreadable(f"format: must be {FORMAT}")
    moment(found["made_at"], "made_at")
    messages = items(found["messages"], "messages")
    return Export(
        case=text(found["case"], "case", form="uuid"),
        messages=tuple(_message(one, f"messages[{nth}]") for nth, one in enumerate(messages)),
        roots=tuple(_roots(found["roots"])),
        proofs={
            _service(service): tuple(
                _leaf(one, f"proofs.{service}[{nth}]")
                for nth, one in enumerate(items(leaves, f"proofs.{service}"))
            )
            for service, leaves in members(found["proofs"], "proofs").items()
        },
        audit={
            _service(service): {
                text(chain, "a chain's name"): _rows(rows, f"audit.{service}.{chain}")
                for chain, rows in members(chains, f"audit.{service}").items()
            }
            for service, chains in members(found["audit"], "audit").items()
        },
    )


def read_roots(content: bytes) -> tuple[Root, ...]:
    """The roots in a file, `{"roots": […]}`, as `evidence.rooted` told them. Raises `Unreadable`."""
    found = members(parsed(content, "the roots"), "the roots", of=("roots",))
    return tuple(_roots(found["roots"]))


def _roots(value: Any) -> list[Root]:
    return [_root(one, f"roots[{nth}]") for nth, one in enumerate(items(value, "roots"))]


def _root(value: Any, what: str) -> Root:
    found = members(value, what, of=("service", "day", "made_at", "size", "root", "signature"))
    return Root(
        service=_service(found["service"]),
        day=text(found["day"], f"{what}.day", form="day"),
        made_at=signed_moment(found["made_at"], f"{what}.made_at"),
        size=number(found["size"], f"{what}.size"),
        root=raw_hash(found["root"], f"{what}.root"),
        signature=text(found["signature"], f"{what}.signature"),
    )


def _message(value: Any, what: str) -> Message:
    names = ("stream", "sequence", "recorded_at", "subject", "headers", "body")
    found = members(value, what, of=names)
    headers = members(found["headers"], f"{what}.headers")
    return Message(
        stream=text(found["stream"], f"{what}.stream"),
        sequence=number(found["sequence"], f"{what}.sequence"),
        recorded_at=moment(found["recorded_at"], f"{what}.recorded_at"),
        subject=text(found["subject"], f"{what}.subject"),
        headers={_header(name, what): text(value, what) for name, value in headers.items()},
        body=base64(found["body"], f"{what}.body"),
    )


def _header(name: str, what: str) -> str:
    if _HEADER.fullmatch(name) is None:
        raise Unreadable(f"{what}.headers: only what is signed, and the signature")
    return name


def _leaf(value: Any, what: str) -> Leaf:
    found = members(value, what, of=("place", "name", "last", "head", "path"))
    return Leaf(
        place=number(found["place"], f"{what}.place"),
        name=text(found["name"], f"{what}.name"),
        last=number(found["last"], f"{what}.last"),
        head=raw_hash(found["head"], f"{what}.head"),
        path=tuple(raw_hash(one, f"{what}.path") for one in items(found["path"], what)),
    )


def _rows(value: Any, what: str) -> tuple[Row, ...]:
    return tuple(_row(one, f"{what}[{nth}]") for nth, one in enumerate(items(value, what)))


def _row(value: Any, what: str) -> Row:
    """A line of the case's own, or (tag, digest of the line) of another's."""
    if isinstance(value, str):
        return text(value, what)
    pair = items(value, what)
    if len(pair) != 2:
        raise Unreadable(f"{what}: must be a line or two hashes")
    return raw_hash(pair[0], what), raw_hash(pair[1], what)


def _service(value: Any) -> str:
    if value not in SERVICES:
        raise Unreadable("service: unknown")
    return str(value)

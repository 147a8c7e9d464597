"""Whether the record of who looked at what is whole: each chain, and what roots say of it."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy.engine import make_url

from contracts.roots import AUDIT, Leaf, Root, root_over
from contracts.topology import SERVICES
from deploy.checks import Check
from deploy.embedded.processes import ServerError
from deploy.evidence_document import SignedRoot

#: Rows on their way at once: the whole of it may be longer than memory.
_AT_ONCE: Final = 5_000
_NAMED: Final = 5
_NO_HEAD: Final = bytes(32)
_ROWS: Final = """
    select chain, number, previous, digest, {service}.audit_tag(case_id) as tag,
           {service}.audit_line(audit) as line
    from {service}.audit order by chain, number
"""
_LEAVES: Final = "select stream, key, last, head from {service}.leaves order by place"
_ROOTS: Final = """
    select day, made_at, size, root, signature from {service}.roots order by day
"""


@dataclass(slots=True)
class _Walk:
    """All chains of one service, read from their beginning. at: digests where a leaf points."""

    wanted: frozenset[tuple[str, int]]
    count: int = 0
    broken: list[str] = field(default_factory=list)
    at: dict[tuple[str, int], bytes] = field(default_factory=dict)
    _chain: str = ""
    _last: int = 0
    _head: bytes = _NO_HEAD

    def take(self, row: Mapping[str, Any]) -> None:
        """One more row, in order."""
        if row["chain"] != self._chain:
            self._chain, self._last, self._head = row["chain"], 0, _NO_HEAD
        said = sha256(row["line"].encode()).digest()
        digest = sha256(self._head + row["tag"] + said).digest()
        found = (row["number"], row["previous"], row["digest"])
        if found != (self._last + 1, self._head, digest):
            self.broken.append(f"{self._chain} {row['number']}")
        # From what stands there: one changed row is one finding, and not all that follow.
        self.count, self._last, self._head = self.count + 1, row["number"], row["digest"]
        if (self._chain, self._last) in self.wanted:
            self.at[self._chain, self._last] = row["digest"]


async def check_audit(url: str, witnessed: Sequence[Mapping[str, Any]] = ()) -> list[Check]:
    """Three lines for each service: its chains, its newest root, and the roots others hold.

    witnessed: roots as a witness wrote them down (`siraba evidence roots`); only these show a
    record that was made anew from the beginning. Raises ServerError when nobody answers.
    """
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(plain, timeout=10)
    except (OSError, asyncpg.PostgresError) as error:
        raise ServerError(f"PostgreSQL: {type(error).__name__}") from None
    try:
        # One moment of all: a root made meanwhile is beyond it.
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return [
                check for service in SERVICES for check in await _of(connection, service, witnessed)
            ]
    finally:
        await connection.close()


async def _of(
    connection: "asyncpg.Connection", service: str, witnessed: Sequence[Mapping[str, Any]]
) -> list[Check]:
    leaves = [Leaf(*row) for row in await connection.fetch(_LEAVES.format(service=service))]
    ours = [one for one in leaves if one.stream == AUDIT]
    walk = _Walk(frozenset((one.key, one.last) for one in ours))
    async for row in _rows(connection, service):
        walk.take(row)
    found = await connection.fetch(_ROOTS.format(service=service))
    roots = [_signed(service, row) for row in found]
    lost = [f"{one.key} {one.last}" for one in ours if walk.at.get((one.key, one.last)) != one.head]
    held = [one for one in witnessed if one.get("service") == service]
    return [
        _line(f"audit of {service}: chains", walk.broken, f"{walk.count} looks"),
        _line(
            f"audit of {service}: newest root", [*lost, *_unrooted(leaves, roots)], _newest(roots)
        ),
        _line(f"audit of {service}: witnessed roots", _changed(held, roots), f"{len(held)} roots"),
    ]


async def _rows(connection: "asyncpg.Connection", service: str) -> AsyncIterator[Any]:
    async for row in connection.cursor(_ROWS.format(service=service), prefetch=_AT_ONCE):
        yield row


def _signed(service: str, row: Mapping[str, Any]) -> SignedRoot:
    root = Root(service, row["day"], row["made_at"], row["size"], row["root"])
    return SignedRoot(root=root, signature=row["signature"])


def _unrooted(leaves: list[Leaf], roots: Sequence[SignedRoot]) -> list[str]:
    """The newest root, when it is not that of the leaves that are said to lie under it."""
    if not roots:
        return ["leaves without a root"] if leaves else []
    newest = roots[-1].root
    if not leaves:
        return [f"root of {newest.day} without its leaves"]
    again = root_over(leaves, service=newest.service, day=newest.day, made_at=newest.made_at)
    return [] if again == newest else [f"root of {newest.day}"]


def _newest(roots: Sequence[SignedRoot]) -> str:
    return f"of {roots[-1].root.day}" if roots else "no day is over yet"


def _changed(held: Iterable[Mapping[str, Any]], roots: Sequence[SignedRoot]) -> list[str]:
    """Days of which somebody else holds another root than we do, or we none."""
    ours = {one.root.day.isoformat(): one.written() for one in roots}
    return [f"root of {one.get('day')}" for one in held if ours.get(str(one.get("day"))) != one]


def _line(name: str, wrong: Sequence[str], found: str) -> Check:
    if not wrong:
        return Check(name, True, found)
    more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
    return Check(name, False, f"{', '.join(wrong[:_NAMED])}{more}")

"""Draws up an edition: counts it, decides what may be shown beside all that is out, and registers it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.identifiers import Mint
from services.reporting.domain.disclosure import Groups, Solver
from services.reporting.domain.edition import (
    Counts,
    Edition,
    Trails,
    cells_of,
    read_edition,
    refined,
    trails_of,
)
from services.reporting.store import figures, register
from services.reporting.store.indicators import INDICATORS, Indicator
from services.reporting.store.indicators.defined import Measure
from services.reporting.store.register import Shown
from services.reporting.use_cases.dividing import rows_of
from services.reporting.use_cases.publishing import Seen, publish_tables
from services.reporting.use_cases.releasing import release_edition
from services.reporting.use_cases.revising import Revised, revise_edition
from services.reporting.use_cases.summing import Summed, sum_up
from services.reporting.use_cases.tallying import (
    WHOLE,
    Part,
    System,
    cell_name,
    divisions,
    system_of,
    tally,
)

_SEPARATOR: Final = " "
Tallied = Mapping[System, Counts]


class NothingCounted(Exception):
    """No indicator counts anything in this window: an edition would be empty."""


class Overtaken(Exception):
    """Somebody else has published meanwhile: what this edition may show is to be decided anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """code: empty for the whole. value: None where it is hidden; out_of: also where there is none."""

    code: str
    value: int | None
    out_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """An indicator as a whole (dimension empty, one row) or divided one way."""

    indicator: Indicator | Measure
    dimension: str
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        return f"{self.indicator.code} {self.dimension}".strip()

    @property
    def said(self) -> list[tuple[str, int | None, int | None]]:
        """Its rows as they are kept, and as their digest is made."""
        return [(one.code, one.value, one.out_of) for one in self.rows]

    @property
    def is_suppressed(self) -> bool:
        """Whether a number of it is hidden."""
        return any(None in self._numbers(one) for one in self.rows)

    @property
    def is_hidden(self) -> bool:
        """Whether no number of it is shown at all."""
        return all({*self._numbers(one)} == {None} for one in self.rows)

    def _numbers(self, row: Row) -> tuple[int | None, ...]:
        return (row.value,) if self.indicator.out_of is None else (row.value, row.out_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """An edition as it may be shown. revised: None where it is the first of its days, or recalled."""

    edition: Edition
    positions: tuple[figures.Followed, ...]
    tables: tuple[Table, ...]
    revised: Revised | None = None


async def draw_edition(
    engine: AsyncEngine,
    edition: Edition,
    *,
    solve: Solver,
    mint: Mint,
    progress: Callable[[], None] = lambda: None,
) -> Drawn:
    """The edition, registered as published and told of as out; the same edition again is the same.

    progress: told after each indicator and each system. Raises `NothingCounted`, `Overtaken`,
    `Unpublishable` and `UnknownCode`, and then nothing is registered.
    """
    async with engine.connect() as plain:
        connection = await plain.execution_options(isolation_level="REPEATABLE READ")
        releases = await register.releases(connection)
        earlier = _earlier(edition, releases)
        positions = await figures.followed(connection)
        sums = await sum_up(connection, edition.window)
        counted = [
            await tally(connection, one.window, progress=progress) for one in (*earlier, edition)
        ]
    if not _anything(counted[-1], sums):
        raise NothingCounted
    async with engine.begin() as connection:
        await register.lock(connection)
        if await register.releases(connection) != releases:
            raise Overtaken
        hidden = await _publish(
            connection, (*earlier, edition), counted, solve=solve, progress=progress
        )
        tables = (*_sums(sums), *_tables(counted[-1], _with_twins(counted[-1], hidden)))
        shown = {one.name: one.said for one in tables}
        before = await release_edition(connection, edition, shown, positions=positions, mint=mint)
        revised = await revise_edition(connection, edition, shown, before=before)
    return Drawn(edition=edition, positions=tuple(positions), tables=tables, revised=revised)


def _anything(counted: Tallied, sums: Sequence[Summed]) -> bool:
    """Whether an edition would say more than that nothing happened."""
    has_things = any(things for counts in counted.values() for things in counts.values())
    return has_things or any(value for one in sums for _, value in one.rows)


def _sums(sums: Sequence[Summed]) -> tuple[Table, ...]:
    """Nothing of these is hidden."""
    return tuple(
        Table(
            indicator=one.measure,
            dimension=one.dimension,
            rows=tuple(Row(code=code, value=value, out_of=None) for code, value in one.rows),
        )
        for one in sums
    )


def _earlier(edition: Edition, releases: Sequence[str]) -> list[Edition]:
    """What is out already and read beside it, in order; for one that is out, only what came before."""
    found: list[Edition] = []
    for name in releases:
        known = read_edition(name.partition(_SEPARATOR)[0])
        if known == edition:
            break
        if known is not None and known not in found and edition.is_read_beside(known):
            found.append(known)
    return found


async def _publish(
    connection: AsyncConnection,
    editions: Sequence[Edition],
    counted: Sequence[Tallied],
    *,
    solve: Solver,
    progress: Callable[[], None],
) -> frozenset[str]:
    """The names of the hidden cells; a whole that is hidden in one system is so in all."""
    edition = editions[-1]
    hidden: set[str] = set()
    for system, counts in counted[-1].items():
        releases = [one.get(system, {}) for one in counted]
        trails = trails_of(releases)
        names = [_release(one, system) for one in editions]
        found = await publish_tables(
            connection,
            names[-1],
            cells_of(counts, trails),
            k=edition.k,
            solve=solve,
            wanted=[name for name in counts if "=" not in name],
            closed=hidden,
            seen=_seen(names[:-1], trails),
            beside=names[:-1],
        )
        hidden |= found
        progress()
    return frozenset(hidden)


def _seen(names: Sequence[str], trails: Trails) -> Seen:
    """What these earlier releases said, in the groups of now."""

    def seen(one: Shown) -> Groups | None:
        if one.release not in names:
            return None
        return refined(one.groups, trails, nth=names.index(one.release))

    return seen


def _with_twins(counted: Tallied, hidden: frozenset[str]) -> frozenset[str]:
    """The hidden, and wherever the very same things are counted under another name."""
    named = [(system.unit, one) for system, counts in counted.items() for one in counts.items()]
    same = {(unit, things) for unit, (name, things) in named if name in hidden}
    return hidden | {name for unit, (name, things) in named if things and (unit, things) in same}


def _release(edition: Edition, system: System) -> str:
    return f"{edition.name}{_SEPARATOR}{system.axis}/{system.unit}/{system.dimension or 'whole'}"


def _tables(counted: Tallied, hidden: frozenset[str]) -> tuple[Table, ...]:
    return tuple(
        _table(indicator, dimension, counted[system_of(indicator, dimension)], hidden=hidden)
        for indicator in INDICATORS.values()
        for dimension in (WHOLE, *divisions(indicator))
    )


def _table(
    indicator: Indicator, dimension: str, counts: Counts, *, hidden: frozenset[str]
) -> Table:
    """Where one number is hidden the nones are as well: what is hidden may be none, then."""
    value, out_of = (Part(indicator, name) for name in ("value", "out_of"))
    codes = rows_of(dimension) or ("",)

    def shown(part: Part, code: str) -> int | None:
        name = cell_name(part, dimension, code)
        if name not in counts or name in hidden:
            return None
        is_part_hidden = any(cell_name(part, dimension, one) in hidden for one in codes)
        return None if is_part_hidden and not counts[name] else len(counts[name])

    rows = tuple(
        Row(code=code, value=shown(value, code), out_of=shown(out_of, code)) for code in codes
    )
    return Table(indicator=indicator, dimension=dimension, rows=rows)

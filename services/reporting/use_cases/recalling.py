"""Gives an edition that is out as it was shown then, without counting any of its numbers again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.callers import Caller
from services.reporting.domain.edition import read_edition
from services.reporting.store import edition_files, editions, membership
from services.reporting.store.edition_files import Laid, Wording
from services.reporting.store.editions import Kept, Out, Tables
from services.reporting.store.figures import Followed
from services.reporting.store.indicators import INDICATORS
from services.reporting.use_cases.drawing import Drawn, Row, Table
from services.reporting.use_cases.releasing import moved
from services.reporting.use_cases.revising import revise_edition
from services.reporting.use_cases.summing import REPORTED, SHOWN
from services.reporting.use_cases.tallying import WHOLE

__all__ = [
    "Held", "Out", "hold_edition", "hold_latest", "list_editions", "open_file", "recall_edition",
    "recall_year",
]  # fmt: skip

#: A row as it is kept: code, value, out of.
Line = tuple[str, int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an edition that is out holds.

    figures: how many; tables: by how many these are divided; hiding: how many of both hide a number.
    revises: the moment of the edition of the same days that it corrects, and how many figures moved.
    """

    out: Out
    name: str
    figures: int
    tables: int
    hiding: int
    revises: datetime | None
    moved: int
    files: tuple[Laid, ...]


async def recall_year(engine: AsyncEngine, year: int, *, as_of: datetime | None) -> Drawn | None:
    """The public edition of a calendar year that counts furthest, or just up to `as_of`."""
    async with engine.connect() as connection:
        kept = await editions.newest(
            connection,
            first_day=date(year, 1, 1),
            end_day=date(year + 1, 1, 1),
            as_of=as_of,
        )
    return None if kept is None else _drawn(kept)


async def list_editions(engine: AsyncEngine) -> list[Out]:
    """Every edition that is out, in the order in which they came out."""
    async with engine.connect() as connection:
        return await editions.all_out(connection)


async def recall_edition(connection: AsyncConnection, name: str) -> Drawn | None:
    """The edition of this name as it was shown, and what had moved since the one before it."""
    kept = await editions.named(connection, name)
    if kept is None:
        return None
    drawn = _drawn(kept)
    shown = {one.name: one.said for one in drawn.tables}
    before = await editions.before(connection, drawn.edition)
    revised = await revise_edition(connection, drawn.edition, shown, before=before)
    return replace(drawn, revised=revised)


async def hold_edition(connection: AsyncConnection, number: int, *, who: Caller) -> Held | None:
    """What the edition of this number holds; None also where it is not for them."""
    kept = await _for(connection, number, who)
    if kept is None:
        return None
    drawn = _drawn(kept)
    before = await editions.before(connection, drawn.edition)
    wholes = [one for one in drawn.tables if not one.dimension]
    return Held(
        out=Out(number, kept.audience, kept.first_day, kept.end_day, kept.as_of),
        name=kept.name,
        figures=len(wholes),
        tables=len(drawn.tables) - len(wholes),
        hiding=sum(one.is_suppressed for one in drawn.tables),
        revises=before.as_of if before else None,
        moved=len(moved(kept.tables, before.tables)) if before else 0,
        files=tuple(await edition_files.names(connection, kept.name)),
    )


async def hold_latest(connection: AsyncConnection, *, who: Caller, room: int) -> list[Held]:
    """What the latest editions hold that are for them, the newest first."""
    out = await editions.all_out(connection)
    held = [await hold_edition(connection, one.number, who=who) for one in out[: -room - 1 : -1]]
    return [one for one in held if one is not None]


async def open_file(
    connection: AsyncConnection, number: int, *, language: str, name: str, who: Caller
) -> bytes | None:
    """One file of an edition; None also where it is not for them."""
    kept = await _for(connection, number, who)
    if kept is None:
        return None
    return await edition_files.content(connection, Wording(kept.name, language), name)


async def _for(connection: AsyncConnection, number: int, who: Caller) -> Kept | None:
    """An internal edition is the committee's own."""
    kept = await editions.numbered(connection, number)
    if kept is None or kept.audience == "public":
        return kept
    return kept if await membership.is_committee(connection, who.organisation) else None


def _drawn(kept: Kept) -> Drawn:
    edition = read_edition(kept.name)
    assert edition is not None  # noqa: S101 - only what is an edition is kept
    positions = tuple(
        Followed(
            stream=one["stream"],
            sequence=one["sequence"],
            recorded_at=datetime.fromisoformat(one["recorded_at"]).astimezone(UTC),
        )
        for one in kept.positions
    )
    return Drawn(edition=edition, positions=positions, tables=_tables(kept.tables))


def _tables(kept: Tables) -> tuple[Table, ...]:
    """Those whose indicator is still counted; others have no definition to be shown with."""
    return tuple(
        Table(
            indicator=SHOWN[code],
            dimension=dimension,
            rows=tuple(Row(code=row, value=value, out_of=out_of) for row, value, out_of in rows),
        )
        for code, dimension, rows in _in_order(kept)
    )


def _in_order(kept: Tables) -> Iterator[tuple[str, str, Sequence[Line]]]:
    """As they are drawn: the database keeps them in an order of its own."""
    for code in (*(one.code for one in REPORTED), *INDICATORS):
        for dimension in (WHOLE, *SHOWN[code].dimensions):
            name = f"{code} {dimension}".strip()
            if name in kept:
                yield code, dimension, kept[name]

"""Gives an edition that is out as it was shown then, without counting anything."""

from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain.edition import read_edition
from services.reporting.store import editions
from services.reporting.store.editions import Kept, Out, Tables
from services.reporting.store.figures import Followed
from services.reporting.use_cases.drawing import Drawn, Row, Table
from services.reporting.use_cases.summing import SHOWN

__all__ = ["Out", "list_editions", "recall_year"]


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
    named = [(*name.partition(" "), rows) for name, rows in kept.items()]
    return tuple(
        Table(
            indicator=SHOWN[code],
            dimension=dimension,
            rows=tuple(Row(code=row, value=value, out_of=out_of) for row, value, out_of in rows),
        )
        for code, _, dimension, rows in named
        if code in SHOWN
    )

"""Says which figures of an edition read otherwise than in the one before it, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain.disclosure import rounded_down
from services.reporting.domain.edition import Edition
from services.reporting.store import revisions
from services.reporting.store.editions import Kept, Tables
from services.reporting.use_cases.releasing import moved

#: Value and out of; None where it is hidden or there is none.
Number = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A figure as it was shown before and as it is shown now."""

    code: str
    before: Number
    now: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """since: the moment of the edition before; compared: how many figures both show.

    reasons: by reason, how many events came between the two, rounded down to a multiple of `step`:
    nobody then learns from them how many came since where the figures do not say it.
    """

    since: datetime
    compared: int
    moved: tuple[Moved, ...]
    reasons: Mapping[str, int]
    step: int


async def revise_edition(
    connection: AsyncConnection, edition: Edition, tables: Tables, *, before: Kept | None
) -> Revised | None:
    """What moved since the edition of the same days that is out; None for the first."""
    if before is None:
        return None
    why = await revisions.reasons(connection, edition.window, since=before.as_of)
    return Revised(
        since=before.as_of,
        compared=sum(" " not in name for name in tables.keys() & before.tables.keys()),
        moved=tuple(
            Moved(code=name, before=_whole(before.tables, name), now=_whole(tables, name))
            for name in moved(tables, before.tables)
        ),
        reasons={reason: rounded_down(count, edition.k) for reason, count in why.items()},
        step=edition.k,
    )


def _whole(tables: Tables, name: str) -> Number:
    _, value, out_of = tables[name][0]
    return value, out_of

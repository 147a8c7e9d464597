"""What the boards count: for each board some counts over a year, all divided by the same question."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.domain.rounding import Count
from services.reporting.store.boards import committee, operations, quality
from services.reporting.store.boards.asked import Asked
from services.reporting.store.figures import bound

__all__ = ["BOARDS", "Asked", "counted"]

#: By board, its counts by name.
BOARDS: Final[Mapping[str, Mapping[str, Asked]]] = {
    "committee": committee.ASKED,
    "operations": operations.ASKED,
    "quality": quality.ASKED,
}


async def counted(connection: AsyncConnection, asked: Asked, window: Window) -> Count:
    """One count; a code nobody has is left out."""
    by: dict[str, dict[str, int]] = {division: {} for division in asked.divisions}
    whole = 0
    for row in await connection.execute(text(_grouped(asked)), bound(window)):
        if row.division is None:
            whole = row.things
        else:
            by[row.division][row.code] = row.things
    return Count(unit=asked.unit, whole=whole, by=by)


def _grouped(asked: Asked) -> str:
    """The whole and every division from one reading of the facts."""
    sets = ", ".join(f"({one})" for one in ("", *asked.divisions))
    whens = "".join(f" when grouping({one}) = 0 then {{}}" for one in asked.divisions)
    named = whens.format(*(f"'{one}'" for one in asked.divisions))
    coded = whens.format(*asked.divisions)
    division = f"case{named} end" if named else "cast(null as text)"
    code = f"case{coded} end" if coded else "cast(null as text)"
    return f"""
        select {division} as division, {code} as code, count(distinct item) as things
        from ({asked.question}) as asked
        group by grouping sets ({sets})
        order by division nulls first, code
    """  # noqa: S608 - constants of ours

"""What an indicator counts, thing by thing: for tables of which nobody may compute what is hidden."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.figures import bound

#: By thing and dimension, its codes.
Things = Mapping[str, Mapping[str, frozenset[str]]]


async def things(connection: AsyncConnection, question: str, window: Window) -> Things:
    """question: an indicator's `counted` or `out_of`. A thing that is found twice has both's codes."""
    asked = f"select item::text as item, by from ({question}) as counted"  # noqa: S608 - constants of ours
    found: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in await connection.execute(text(asked), bound(window)):
        codes = found[row.item]
        for dimension, given in row.by.items():
            codes[dimension].update(given)
    return {
        item: {dimension: frozenset(given) for dimension, given in codes.items()}
        for item, codes in found.items()
    }

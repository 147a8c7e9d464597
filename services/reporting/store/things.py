"""What an indicator counts, thing by thing: for tables of which nobody may compute what is hidden."""

import json
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain import Window
from services.reporting.store.figures import bound

#: By dimension, the codes of a thing.
Codes = Mapping[str, frozenset[str]]
Things = Mapping[str, Codes]


async def things(connection: AsyncConnection, question: str, window: Window) -> Things:
    """question: an indicator's `counted` or `out_of`. A thing that is found twice has both's codes."""
    asked = f"select item::text as item, by::text as by from ({question}) as counted"  # noqa: S608 - constants of ours
    # Of a hundred thousand things some thousand differ: what each says is read once.
    known: dict[str, Codes] = {}
    found: dict[str, Codes] = {}
    for item, by in await connection.execute(text(asked), bound(window)):
        codes = known.get(by) or known.setdefault(by, _read(by))
        before = found.setdefault(item, codes)
        if before is not codes:
            found[item] = _both(before, codes)
    return found


def _read(by: str) -> Codes:
    return {dimension: frozenset(codes) for dimension, codes in json.loads(by).items()}


def _both(one: Codes, other: Codes) -> Codes:
    return {
        dimension: one.get(dimension, frozenset()) | other.get(dimension, frozenset())
        for dimension in one.keys() | other.keys()
    }

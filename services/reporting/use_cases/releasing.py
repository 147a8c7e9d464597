"""Keeps what an edition shows and tells that it is out, in the transaction that registers it."""

import json
from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.identifiers import Mint
from contracts.reporting import ReportPublished
from services.reporting.domain.edition import Edition
from services.reporting.store import editions
from services.reporting.store.editions import Kept, Tables
from services.reporting.store.figures import Followed


async def release_edition(
    connection: AsyncConnection,
    edition: Edition,
    tables: Tables,
    *,
    positions: Sequence[Followed],
    mint: Mint,
) -> Kept | None:
    """The edition of the same days that it corrects, if any; an edition that is out is told of once."""
    before = await editions.before(connection, edition)
    if await editions.named(connection, edition.name) is None:
        await editions.add(connection, edition, positions=positions, tables=tables)
        await outbox.add(connection, [_published(edition, tables, before=before, mint=mint)])
    return before


def moved(tables: Tables, before: Tables) -> tuple[str, ...]:
    """The figures, as wholes, that read otherwise than before; one that is new has not moved."""
    return tuple(
        name
        for name, rows in tables.items()
        if " " not in name and name in before and _read(rows) != _read(before[name])
    )


def _published(edition: Edition, tables: Tables, *, before: Kept | None, mint: Mint) -> Outgoing:
    said = json.dumps(tables, sort_keys=True, separators=(",", ":")).encode()
    event = ReportPublished(
        audience=edition.audience,
        first_day=edition.window.start,
        end_day=edition.window.end,
        as_of=edition.window.as_of,
        tables=sha256(said).hexdigest(),
        revises=before.as_of if before else None,
        moved=len(moved(tables, before.tables)) if before else 0,
    )
    return Outgoing(
        id=mint.message_id(),
        stream="REPORTING",
        message=event,
        subject=edition.series,
        correlation_id=edition.series,
    )


def _read(rows: Sequence[Sequence[str | int | None]]) -> list[list[str | int | None]]:
    return [list(row) for row in rows]

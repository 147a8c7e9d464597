"""Lets tables out of the house: what may be shown is decided, and registered, before anybody sees it."""

from collections.abc import Callable, Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.domain.disclosure import (
    Cell,
    Groups,
    Solver,
    Unpublishable,
    hidden_cells,
)
from services.reporting.store import register
from services.reporting.store.register import Shown

#: A sum that is out, in the groups of now; None where the new release's readers have not seen it.
Seen = Callable[[Shown], Groups | None]


def as_it_was(one: Shown) -> Groups:
    """Where the groups of all releases are the same."""
    return one.groups


async def publish_tables(
    connection: AsyncConnection,
    release: str,
    cells: Collection[Cell],
    *,
    k: int,
    solve: Solver,
    wanted: Collection[str] = (),
    closed: Collection[str] = (),
    seen: Seen = as_it_was,
    beside: Sequence[str] | None = None,
) -> frozenset[str]:
    """The names of the cells that must be hidden; the others may be shown from the commit on.

    release: names all tables that come out together. Their groups are the same persons in every
    release, so whoever was added to an earlier one is a group of its own: `seen` says what an
    earlier release's groups are now. beside: the releases that it knows; all of them by default.
    wanted: the cells that are hidden last. closed: those that are hidden elsewhere. The same release
    again gets the same answer.

    Raises `Unpublishable`, also for another content under a known name or another number of groups
    that are out, and then nothing is registered.
    """
    await register.lock(connection)
    before = await register.of_release(connection, release)
    if before:
        return _as_before(before, cells)
    out = [(seen(one), one.value) for one in await register.shown(connection, beside)]
    published = {groups: value for groups, value in out if groups}
    if any(published.get(cell.groups, cell.value) != cell.value for cell in cells):
        raise Unpublishable
    hidden = hidden_cells(
        cells, k=k, published=published, solve=solve, wanted=wanted, closed=closed
    )
    await register.add(connection, release, cells, hidden=hidden)
    return hidden


def _as_before(
    before: dict[str, tuple[frozenset[str], int | None]], cells: Collection[Cell]
) -> frozenset[str]:
    hidden = frozenset(name for name, (_, value) in before.items() if value is None)
    now = {cell.name: (cell.groups, None if cell.name in hidden else cell.value) for cell in cells}
    if now != before:
        raise Unpublishable
    return hidden

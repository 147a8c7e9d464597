"""Changing the directory: by whatever way it comes, each change is a new version and is announced."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import DirectoryEntry
from contracts.identifiers import Mint
from services.referral.store import directory
from services.referral.store.directory import Author, Current
from services.referral.use_cases.publishing import announce

#: The version of an entry that is not there yet, and of one that is new.
NONE, FIRST = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry as it is to be. on: the version that was changed, `NONE` for a new entry.

    on None: whatever is there is replaced.
    """

    entry: DirectoryEntry
    on: int | None = None


class ChangedMeanwhile(Exception):
    """Somebody else has changed these entries since they were read: nothing was kept."""

    def __init__(self, codes: Sequence[str]):
        super().__init__("changed_meanwhile")
        self.codes = tuple(codes)


async def change_directory(
    connection: AsyncConnection, changes: Sequence[Change], *, author: Author, why: str, mint: Mint
) -> dict[str, int]:
    """Keep what differs from what is there; the new versions' numbers by code.

    No code may occur twice. Raises `ChangedMeanwhile`.
    """
    await directory.lock(connection)
    before = await directory.current(connection, [one.entry.code for one in changes])
    passed = [one.entry.code for one in changes if _is_passed(one, before.get(one.entry.code))]
    if passed:
        raise ChangedMeanwhile(passed)
    new = [_next(one.entry, before.get(one.entry.code)) for one in changes]
    changed = [one for one in new if one is not None]
    await directory.save(connection, changed, author=author, why=why)
    await announce(connection, [one.entry.code for one in changed], mint=mint)
    return {one.entry.code: one.version for one in changed}


async def add_unknown(
    connection: AsyncConnection, entries: Iterable[DirectoryEntry], *, author: Author, why: str
) -> None:
    """Keep the entries of organisations that the directory does not know yet.

    They are announced with their keys: see `take_up_keys`.
    """
    await directory.lock(connection)
    known = await directory.current(connection)
    new = [Current(entry=one, version=FIRST) for one in entries if one.code not in known]
    await directory.save(connection, new, author=author, why=why)


def _is_passed(change: Change, before: Current | None) -> bool:
    return change.on is not None and change.on != (before.version if before else NONE)


def _next(entry: DirectoryEntry, before: Current | None) -> Current | None:
    if before is None:
        return Current(entry=entry, version=FIRST)
    return None if before.entry == entry else Current(entry=entry, version=before.version + 1)

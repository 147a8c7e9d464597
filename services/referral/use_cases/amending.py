"""Changes what the directory says of an organisation, on the word of somebody of the committee."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callers import Caller
from contracts.directory import DirectoryEntry
from contracts.identifiers import Mint
from services.referral.store.directory import Author
from services.referral.use_cases.changing import Change, change_directory
from services.referral.use_cases.suspending import may_keep


class NotKeeper(Exception):
    """Whoever asks does not keep the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """An entry as it is to be. on: the version of it that was looked at."""

    entry: DirectoryEntry
    on: int
    why: str


async def amend(connection: AsyncConnection, one: Amendment, *, by: Caller, mint: Mint) -> None:
    """A new version of the entry, announced. Raises `NotKeeper`, and `ChangedMeanwhile`."""
    if not await may_keep(connection, by):
        raise NotKeeper
    author = Author(organisation=by.organisation, role=by.role, person=by.person)
    change = Change(entry=one.entry, on=one.on)
    await change_directory(connection, [change], author=author, why=one.why, mint=mint)

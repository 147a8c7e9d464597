"""Suspends an organisation on the committee's word, and lets it take part again."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.directory_keys import load_keys
from contracts.callers import Caller
from contracts.identifiers import Mint
from services.referral.store import directory
from services.referral.store.directory import Author
from services.referral.use_cases.changing import Change, ChangedMeanwhile, change_directory

#: Whose people keep the directory of everybody.
KEEPER = "committee"
#: Who of them.
KEEPERS = ("focal_point", "analyst", "data_officer")
SUSPENDED, ACTIVE = "suspended", "active"


class StandingRefused(Exception):
    """Why it stays as it is: `unknown`, `own`, `same`, `removed`, `keys` or `changed`."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How an organisation is to stand. on: the version of its entry that was looked at."""

    code: str
    state: str
    on: int
    why: str


async def may_keep(connection: AsyncConnection, who: Caller) -> bool:
    """Whether they change the directory from a page."""
    if who.role not in KEEPERS:
        return False
    own = (await directory.current(connection, {who.organisation})).get(who.organisation)
    return own is not None and own.entry.kind == KEEPER


async def change_standing(
    connection: AsyncConnection, wish: Wish, *, by: Caller, mint: Mint
) -> None:
    """A new version of its entry, announced. What is open with whom is suspended goes to others.

    Raises `StandingRefused`; whoever does not keep the directory hears `unknown`.
    """
    if not await may_keep(connection, by):
        raise StandingRefused("unknown")
    before = (await directory.current(connection, {wish.code})).get(wish.code)
    if before is None:
        raise StandingRefused("unknown")
    # Nobody would be left who could take it back.
    if wish.code == by.organisation:
        raise StandingRefused("own")
    if before.entry.state == wish.state:
        raise StandingRefused("same")
    if wish.state == ACTIVE:
        await _require_way_back(connection, wish.code, mint=mint)
    entry = before.entry.model_copy(update={"state": wish.state})
    author = Author(organisation=by.organisation, role=by.role, person=by.person)
    try:
        await change_directory(
            connection, [Change(entry=entry, on=wish.on)], author=author, why=wish.why, mint=mint
        )
    except ChangedMeanwhile:
        raise StandingRefused("changed") from None


async def _require_way_back(connection: AsyncConnection, code: str, *, mint: Mint) -> None:
    """Whoever was removed, or whose keys were revoked, comes back with new keys first."""
    standings = {one.code: one for one in await directory.standings(connection)}
    if standings[code].is_removed:
        raise StandingRefused("removed")
    keys, now = await load_keys(connection, owner=code), mint.moment()
    if keys and not any(key.counts(now) for key in keys):
        raise StandingRefused("keys")

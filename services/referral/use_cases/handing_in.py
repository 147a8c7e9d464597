"""Hands an organisation's new public keys in at a page, and says what they lack until they count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.directory_keys import load_keys
from contracts.callers import Caller
from contracts.countersigning import officers_needed, vouched_by
from contracts.handed_over import HandedOver
from contracts.identifiers import Mint
from contracts.keyring import PublicKey
from services.referral.store import directory, handed_keys
from services.referral.store.directory import Author
from services.referral.store.handed_keys import HANDED_IN, REPLACED, Handed
from services.referral.use_cases.sending_once import Form, comes_first


class HandingRefused(Exception):
    """Why keys are not taken, or not approved: a reason that the page has a sentence for."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far handed-in keys are.

    vouched_by: the id of the present key that stands behind them; needed: officers that must;
    counts_since: since when the directory has them; is_over: it had them once.
    """

    handed: Handed
    vouched_by: str | None
    is_first: bool
    needed: int
    counts_since: datetime | None
    is_over: bool

    @property
    def waits(self) -> bool:
        """Whether anybody has still to do something about them."""
        return self.handed.is_open and self.counts_since is None and not self.is_over


def progress(handed: Handed, keys: Sequence[PublicKey], *, now: datetime) -> Progress:
    """keys: every key that the directory has ever had of the organisation."""
    own = {one.key for one in handed.document.keys}
    known = [one for one in keys if one.key in own]
    since = [one.valid_from for one in known if one.counts(now)]
    before = [one for one in keys if one.key not in own]
    by = vouched_by(handed.document.said, before, at=now)
    return Progress(
        handed=handed,
        vouched_by=None if by is None else by.id,
        is_first=not before,
        needed=officers_needed(handed.document.said, before, at=now),
        counts_since=max(since) if len(since) == len(own) else None,
        is_over=len(since) < len(known),
    )


async def progress_of(connection: AsyncConnection, handed: Handed, *, now: datetime) -> Progress:
    """The same with what the directory has now."""
    keys = await load_keys(connection, owner=handed.organisation)
    return progress(handed, keys, now=now)


async def hand_in(
    connection: AsyncConnection, form: Form, document: HandedOver, *, by: Caller, mint: Mint
) -> None:
    """Let them wait for the committee, in the place of what waited; words come only from there.

    Raises `HandingRefused`: `foreign`, `unproven`, `known`; and `SentBefore`.
    """
    if not await comes_first(connection, form):
        return
    if document.code != by.organisation:
        raise HandingRefused("foreign")
    if not document.is_proven:
        raise HandingRefused("unproven")
    await directory.lock(connection)
    known = {key.key for key in await load_keys(connection, owner=by.organisation)}
    if known & {key.key for key in document.keys}:
        raise HandingRefused("known")
    await _replace(connection, by)
    handed_id = mint.opaque_id()
    await handed_keys.add(connection, handed_id, document.without_words())
    await handed_keys.note(connection, handed_id, HANDED_IN, author=author_of(by))


async def _replace(connection: AsyncConnection, by: Caller) -> None:
    before = await handed_keys.newest(connection, by.organisation)
    if before is not None and before.is_open:
        await handed_keys.put(connection, before, state=REPLACED)
        await handed_keys.note(connection, before.handed_id, REPLACED, author=author_of(by))


def author_of(who: Caller) -> Author:
    """Who does it, for the record."""
    return Author(organisation=who.organisation, role=who.role, person=who.person)

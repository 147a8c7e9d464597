"""Approves an organisation's new keys, or refuses them, on the word of the committee's people.

Nobody believes a key for that: the officers' words travel in the file, and intake checks them itself.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callers import Caller
from contracts.handed_over import HandedOver
from contracts.identifiers import Mint
from services.referral.store import directory, handed_keys
from services.referral.store.handed_keys import APPROVED, REFUSED, VOUCHED, WAITING, Handed
from services.referral.use_cases.handing_in import HandingRefused, author_of, progress_of
from services.referral.use_cases.sending_once import Form, comes_first
from services.referral.use_cases.suspending import may_keep


class NothingWaits(Exception):
    """No keys of such an organisation wait, or whoever asks does not keep the directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Whose keys are judged, by which form. on: the set of them that was looked at."""

    form: Form
    code: str
    on: UUID


async def vouch(
    connection: AsyncConnection, one: Judged, countersigned: HandedOver, *, by: Caller, mint: Mint
) -> None:
    """Keep an officer's word under them; with as many as they need they are approved.

    Raises `NothingWaits`, `SentBefore` and `HandingRefused`: `changed`, `own`, `swapped`, `no_word`.
    """
    handed = await _judged(connection, one, by=by)
    if handed is None:
        return
    if handed.state != WAITING:
        raise HandingRefused("changed")
    if _handed_in_by(handed, by):
        raise HandingRefused("own")
    _require_same(handed.document, countersigned)
    needed = (await progress_of(connection, handed, now=mint.moment())).needed
    is_enough = len(countersigned.officers) >= needed
    state = APPROVED if is_enough else WAITING
    await handed_keys.put(connection, handed, state=state, document=countersigned)
    act = APPROVED if is_enough else VOUCHED
    await handed_keys.note(connection, handed.handed_id, act, author=author_of(by))


async def refuse_keys(connection: AsyncConnection, one: Judged, *, why: str, by: Caller) -> None:
    """Say no to them; the organisation reads why. Raises `NothingWaits`, `SentBefore`, `HandingRefused`."""
    handed = await _judged(connection, one, by=by)
    if handed is None:
        return
    await handed_keys.put(connection, handed, state=REFUSED)
    await handed_keys.note(connection, handed.handed_id, REFUSED, author=author_of(by), why=why)


async def _judged(connection: AsyncConnection, one: Judged, *, by: Caller) -> Handed | None:
    """What is judged; None where this form has done it before."""
    if not await may_keep(connection, by):
        raise NothingWaits
    await directory.lock(connection)
    handed = await handed_keys.newest(connection, one.code)
    if handed is None:
        raise NothingWaits
    if not await comes_first(connection, one.form):
        return None
    if handed.handed_id != one.on or not handed.is_open:
        raise HandingRefused("changed")
    return handed


def _handed_in_by(handed: Handed, who: Caller) -> bool:
    """Two people, also where they came by a link that names none."""
    author = handed.acts[0].author
    is_known = None not in (author.person, who.person)
    return author.organisation == who.organisation and not (
        is_known and author.person != who.person
    )


def _require_same(handed: HandedOver, countersigned: HandedOver) -> None:
    """The same keys to the last letter, every word that was there, and a new one."""
    if countersigned.without_words() != handed.without_words():
        raise HandingRefused("swapped")
    before, now = _words(handed), _words(countersigned)
    if not before < now:
        raise HandingRefused("no_word")


def _words(document: HandedOver) -> set[str]:
    both = (document.countersignatures, document.second_countersignatures)
    return {word for words in both if words for word in words.values()}

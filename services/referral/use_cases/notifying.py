"""What becomes of each notice: sent, tried again, given up, or answered by a person."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts.event import Message
from contracts.notices import NoticeAcknowledged, NoticeSent
from services.referral.store import notices
from services.referral.store.notices import Notice
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.escalating import NO_NOTICE, call_next_rung, failed, notice_of

#: How often a notice is tried, by one way after the other, before the next rung is called.
TRIES: Final = 5
FIRST_PAUSE: Final = timedelta(seconds=30)
REFUSED: Final = "refused"


class NotYours(Exception):
    """No notice under this id was sent to this organisation, or somebody has acknowledged it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one try. medium: by which it was sent; reason: why it was not.

    ways: how many there are.
    """

    notice: Notice
    ways: int
    medium: str | None = None
    reason: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing would come of trying again."""
        if self.reason == REFUSED:
            return self.notice.tries >= min(self.ways, TRIES)
        return self.notice.tries >= TRIES

    @property
    def pause(self) -> timedelta:
        """Until the next try, by the next way: none where this way is no good; else 30 s, 1, 2, 4 min."""
        if self.reason == REFUSED:
            return timedelta(0)
        return FIRST_PAUSE * (1 << self.notice.tries - 1)


async def settle(connection: AsyncConnection, one: Outcome, *, announcer: Announcer) -> None:
    """Say what came of it; where nobody could be told, the next rung is called at once."""
    notice = one.notice
    if one.medium is not None:
        if await notices.settle(connection, notice.notice_id, is_sent=True):
            sent = NoticeSent(**notice_of(notice), medium=one.medium)
            await _say(connection, notice, sent, announcer=announcer)
        return
    if not one.is_over:
        await notices.try_later(connection, notice.notice_id, pause=one.pause)
        return
    # The matter first: who calls a rung holds it.
    await notices.lock(connection, [notice.matter_id])
    if await notices.settle(connection, notice.notice_id, is_sent=False):
        event = failed(notice, reason=one.reason or REFUSED)
        await _say(connection, notice, event, announcer=announcer)
        await call_next_rung(
            connection, {notice.matter_id: Cause()}, announcer=announcer, reason=NO_NOTICE
        )


async def acknowledge(
    connection: AsyncConnection,
    notice_id: UUID,
    *,
    organisation: str,
    role: str,
    announcer: Announcer,
) -> Notice:
    """A person there looks after what waits: no further rung is called. Raises `NotYours`."""
    notice = await notices.acknowledge(connection, notice_id, organisation=organisation)
    if notice is None:
        raise NotYours
    event = NoticeAcknowledged(**notice_of(notice), by_role=role)
    await _say(connection, notice, event, announcer=announcer)
    return notice


async def _say(
    connection: AsyncConnection, notice: Notice, event: Message, *, announcer: Announcer
) -> None:
    await outbox.add(connection, [announcer.inside(event, notice.case_id, cause=Cause())])

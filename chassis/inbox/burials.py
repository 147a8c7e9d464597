"""Burying a message that cannot be taken, and telling its sender why."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox import dead_letters
from chassis.inbox.received import Raw
from chassis.inbox.rejections import Rejection, Tell, tell
from contracts.envelope import Envelope, Rejected
from contracts.topology import origin_of


async def bury_and_tell(
    connection: AsyncConnection,
    raw: Raw,
    rejected: Rejected,
    *,
    consumer: str,
    envelope: Envelope | None,
    by: Tell | None,
) -> Rejection | None:
    """Dead at once; None where that is not new, or nobody is told.

    envelope: which case is held up. by: how a sender is told, where it is ours to tell.
    """
    sender = origin_of(raw.headers) if by else None
    new = await dead_letters.bury(
        connection,
        raw,
        consumer=consumer,
        reason=rejected.reason,
        field=rejected.field,
        envelope=envelope,
        organisation=sender,
    )
    if not (new and by and sender):
        return None
    rejection = Rejection(
        organisation=sender,
        reason=rejected.reason,
        field=rejected.field,
        allowed=rejected.allowed,
        message_id=raw.message_id,
    )
    await tell(connection, rejection, by=by)
    return rejection

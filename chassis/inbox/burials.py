"""Burying messages that cannot be taken, a batch at once, and telling their senders why."""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.inbox import dead_letters
from chassis.inbox.dead_letters import Burial
from chassis.inbox.received import Raw
from chassis.inbox.rejections import Rejection, Tell, tell
from contracts.envelope import Envelope, Rejected
from contracts.topology import origin_of


async def bury_and_tell(
    connection: AsyncConnection,
    refused: Sequence[tuple[Raw, Rejected]],
    *,
    consumer: str,
    place: Callable[[Raw], Envelope | None],
    by: Tell | None,
) -> list[Rejection]:
    """Dead at once; those of which somebody hears, or is counted: new, and somebody's.

    place: which case a message holds up. by: how a sender is told, where it is ours to tell.
    """
    burials = [
        Burial(
            raw=raw,
            reason=why.reason,
            field=why.field,
            envelope=place(raw),
            organisation=origin_of(raw.headers) if by else None,
        )
        for raw, why in refused
    ]
    new = await dead_letters.bury(connection, burials, consumer=consumer)
    if by is None:
        return []
    rejected = [
        Rejection(
            organisation=one.organisation,
            reason=why.reason,
            field=why.field,
            allowed=why.allowed,
            message_id=one.raw.message_id,
        )
        for one, (_, why) in zip(burials, refused, strict=True)
        if one.place in new and one.organisation is not None
    ]
    await tell(connection, rejected, by=by)
    return rejected

"""Taking messages back out of feeds, and saying to each feed which numbers that frees."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts import feed
from contracts.identifiers import Mint
from contracts.topology import OUT


async def take_back(
    connection: AsyncConnection,
    messages: Mapping[str, Sequence[UUID]],
    *,
    mint: Mint,
    trace: str | None,
) -> list[Outgoing]:
    """Take back these messages (organisation → ids); the notices to queue."""
    notices = []
    for organisation, ids in sorted(messages.items()):
        if numbers := await outbox.withdraw(connection, ids):
            notices.append(
                Outgoing(
                    id=mint.message_id(),
                    stream=OUT.name,
                    message=feed.FeedTrimmed(numbers=numbers),
                    subject=organisation,
                    organisation=organisation,
                    trace=trace,
                )
            )
    return notices

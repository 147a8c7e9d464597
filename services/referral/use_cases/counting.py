"""Taking what organisations say of their places: the last count of each holds."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.referral import CapacityChanged
from services.referral.store import places
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.refusing import Asked, Refused, refuse


class CountRefused(Exception):
    """The count says nothing that can be kept; `field`: because of what."""

    def __init__(self, field: str):
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What an organisation says: of `places` of one service so many were `free`, by its own clock."""

    organisation: str
    service: str
    places: int
    free: int
    counted_at: datetime


async def count_places(
    connection: AsyncConnection, count: Count, *, announcer: Announcer, cause: Cause | None
) -> None:
    """Keep and announce it. Raises `CountRefused`: it does not offer the service, or counted later."""
    if count.service not in announcer.services_of(count.organisation):
        raise CountRefused("service")
    counted_at = await places.save(connection, **asdict(count))
    if counted_at is None:
        raise CountRefused("counted_at")
    event = CapacityChanged(**asdict(replace(count, counted_at=counted_at)))
    await outbox.add(connection, [_announced(event, announcer, cause)])


async def take_counts(
    connection: AsyncConnection,
    said: Sequence[tuple[Count, Asked]],
    *,
    announcer: Announcer,
) -> list[Refused]:
    """Keep each, in order; those that say nothing are refused to their senders."""
    refused = []
    for count, asked in said:
        try:
            await count_places(connection, count, announcer=announcer, cause=asked.cause)
        except CountRefused as error:
            refused.append(
                Refused(asked=asked, reason="wrong_state", case_id=None, field=error.field)
            )
    await refuse(connection, refused, announcer=announcer)
    return refused


def _announced(event: CapacityChanged, announcer: Announcer, cause: Cause | None) -> Outgoing:
    return Outgoing(
        id=announcer.mint.message_id(),
        stream="REFERRAL",
        message=event,
        subject=event.organisation,
        correlation_id=event.organisation,
        causation_id=cause.id if cause else None,
        trace=cause.trace if cause else None,
        started_trace=cause.trace if cause else None,
    )

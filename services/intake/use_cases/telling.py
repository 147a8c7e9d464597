"""A message of intake for one organisation's feed, under the name by which it knows the case."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from chassis.pseudonyms import FeedKey
from chassis.telemetry import Hop
from contracts.event import Message
from contracts.topology import OUT
from services.intake.store import transfers
from services.intake.use_cases.disclosing import FORMS, Discloser


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """To whom, of which case. id: the message's, a new one if left out; ground: what it rests on.

    cause: the id of the request that it answers; trace: the hop to hand on.
    """

    organisation: str
    case_id: UUID
    trace: str | None
    cause: str | None = None
    id: UUID | None = None
    ground: str | None = None


def tell(message: Message, to: Telling, *, by: Discloser) -> Outgoing:
    """What the relay sends."""
    key, hop = FeedKey.of(by.feed_key, to.organisation), Hop.parse(to.trace)
    return Outgoing(
        id=to.id or by.mint.message_id(),
        stream=OUT.name,
        message=message,
        subject=key.subject(to.case_id),
        case_id=to.case_id,
        organisation=to.organisation,
        causation_id=to.cause,
        ground=to.ground,
        trace=to.trace,
        started_trace=key.trace(to.case_id, sampled=hop is not None and bool(hop.sampled)),
    )


async def tell_if_reached(
    connection: AsyncConnection, message: Message, to: Telling, *, by: Discloser
) -> None:
    """Into its feed, if it has one; a desk finds what it must know where it looks things up."""
    found = await transfers.party(connection, to.organisation)
    if found is not None and FORMS.get(found[1]) == "sealed":
        await outbox.add(connection, [tell(message, to, by=by)])

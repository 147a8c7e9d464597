"""Telling an organisation that what it asked of intake is not possible, or could not be read."""

from chassis.outbox import Outgoing
from contracts.feed import MessageRejected, RequestRefused
from contracts.identifiers import Mint
from contracts.topology import OUT


def told(
    answer: RequestRefused | MessageRejected,
    organisation: str,
    *,
    subject: str,
    trace: str | None,
    mint: Mint,
) -> Outgoing:
    """The message for its own feed; subject: what the request was about, in the sender's words."""
    cause = None
    if isinstance(answer, RequestRefused) and answer.count == 1:
        cause = str(answer.request_id)
    return Outgoing(
        id=mint.message_id(),
        stream=OUT.name,
        message=answer,
        subject=subject,
        organisation=organisation,
        causation_id=cause,
        trace=trace,
        started_trace=trace,
    )

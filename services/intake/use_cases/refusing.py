"""Telling an organisation that what it asked of intake is not possible."""

from chassis.outbox import Outgoing
from contracts.feed import RequestRefused
from contracts.identifiers import Mint
from contracts.topology import OUT


def told(
    refusal: RequestRefused, organisation: str, *, subject: str, trace: str | None, mint: Mint
) -> Outgoing:
    """The message for its own feed; subject: what the request was about, in the sender's words."""
    return Outgoing(
        id=mint.message_id(),
        stream=OUT.name,
        message=refusal,
        subject=subject,
        organisation=organisation,
        causation_id=str(refusal.request_id) if refusal.count == 1 else None,
        trace=trace,
        started_trace=trace,
    )

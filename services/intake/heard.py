"""What is heard of sealed parts in a batch, in the words of the use cases."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from chassis.inbox import Received
from contracts.envelope import Rejected
from contracts.referral import SuspectRecorded
from contracts.threats import ThreatReported
from services.intake.store.sealed_parts import Arrived, Matter
from services.intake.use_cases.taking_sealed_parts import PARTS, open_part
from services.intake.vault import MonthlyKeys


def sealed(batch: Sequence[Received]) -> list[Received]:
    """Reports of suspects and threats that hold something sealed."""
    return [
        one for one in batch if isinstance(one.message, PARTS) and one.message.sealed is not None
    ]


def arrived(one: Received, *, months: MonthlyKeys) -> Arrived | None:
    """One that opens, as it is kept until referral has taken it; None with the reason on `one`."""
    report = one.message
    assert isinstance(report, PARTS)  # noqa: S101 - the caller filtered
    assert one.organisation is not None  # noqa: S101 - read_request always says it
    at = one.raw.recorded_at
    try:
        open_part(report, one.organisation, at=at, months=months)
    except Rejected as rejected:
        one.rejected = rejected
        return None
    return Arrived(
        organisation=one.organisation,
        request_id=one.envelope.id,
        name=report.name,
        body=one.raw.body,
        digest=one.raw.digest,
        recorded_at=at,
    )


def taken(batch: Sequence[Received]) -> Iterator[tuple[Matter, str | None]]:
    """What referral has taken that may have held something sealed, each with the hop to hand on."""
    for one in batch:
        said = one.message
        if not isinstance(said, SuspectRecorded | ThreatReported):
            continue
        cause = one.envelope.causation_id
        if cause is not None:
            case_id = UUID(one.envelope.subject) if isinstance(said, ThreatReported) else None
            matter = Matter(organisation=said.organisation, request_id=UUID(cause), case_id=case_id)
            yield matter, one.trace

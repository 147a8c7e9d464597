"""What referral says of threats against a person."""

from typing import Annotated, ClassVar

from contracts.event import Message
from contracts.times import Day
from contracts.vocabulary import Region, Term


class ThreatReported(Message):
    """Somebody threatens the person: the case is at high risk from now on.

    safety: instructions that hold besides those of before. on: the day of the threat.
    """

    name: ClassVar[str] = "threat.reported"

    organisation: str
    organisation_kind: Annotated[str, Term("organisation_kind")]
    threat: Annotated[str, Term("threat")]
    threat_source: Annotated[str, Term("threat_source")]
    urgency: Annotated[str, Term("urgency")]
    on: Day
    region: Region | None = None
    safety: tuple[Annotated[str, Term("safety_instruction")], ...] = ()

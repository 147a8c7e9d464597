"""What a feed says of a case as a whole: whose it is, how it goes on, and who threatens the person."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.case_number import PATTERN
from contracts.event import Message
from contracts.times import Day, Moment
from contracts.vocabulary import Region, Term


class TransferOffered(Message):
    """The owner of a case asks you to have it from now on; accept or refuse it at intake.

    What you may know before. `ground`: on which you would be told the rest.
    """

    name: ClassVar[str] = "transfer.offered"

    transfer_id: UUID
    owner: str
    ground: Annotated[str, Term("ground")]
    lapses_at: Moment
    region: Region | None = None
    urgency: Annotated[str, Term("urgency")] | None = None
    sex: Annotated[str, Term("sex")] | None = None
    age_band: Annotated[str, Term("age_band")] | None = None
    citizenship: tuple[Annotated[str, Term("country")], ...] = ()
    exploitation: tuple[Annotated[str, Term("exploitation")], ...] = ()
    safety: tuple[Annotated[str, Term("safety_instruction")], ...] = ()


class TransferRefused(Message):
    """To the owner: whom you asked does not take the case; it stays yours."""

    name: ClassVar[str] = "transfer.refused"

    transfer_id: UUID
    organisation: str
    reason: Annotated[str, Term("decline_reason")]


class TransferWithdrawn(Message):
    """The owner asks you no more; the case stays its own."""

    name: ClassVar[str] = "transfer.withdrawn"

    transfer_id: UUID


class CaseTransferred(Message):
    """To both: the case has this owner from now on, who learns its number here."""

    name: ClassVar[str] = "case.transferred"

    transfer_id: UUID
    owner: str
    transferred_on: Day
    case_number: Annotated[str, Field(pattern=f"^{PATTERN.pattern}$")] | None = None


class ThreatReported(Message):
    """Somebody threatens the person: protect her now, and follow the safety instructions.

    No more than you may know. `referral_id`: by which you have the case; without one it is your own.
    """

    name: ClassVar[str] = "threat.reported"

    referral_id: UUID | None = None
    urgency: Annotated[str, Term("urgency")]
    on: Day
    threat: Annotated[str, Term("threat")] | None = None
    threat_source: Annotated[str, Term("threat_source")] | None = None
    safety: tuple[Annotated[str, Term("safety_instruction")], ...] = ()


class FollowupAwaited(Message):
    """To the owner: it is time to ask how the person is; say at intake what came of it."""

    name: ClassVar[str] = "followup.awaited"

    followup_id: UUID
    after_days: Annotated[int, Field(ge=1)]


class CaseClosed(Message):
    """The case is closed: nobody has to do anything more for it, you neither.

    To whoever has it by an accepted referral, and no word of why.
    """

    name: ClassVar[str] = "case.closed"

    referral_id: UUID


class CaseReopened(Message):
    """A case of whose closing you were told is open again; what you are asked for comes by itself."""

    name: ClassVar[str] = "case.reopened"

    referral_id: UUID


class ReturnPlanned(Message):
    """The person whom you go with, or receive, is to return on that day; a later word replaces it.

    To whoever has taken on voluntary return, reunification or reintegration.
    """

    name: ClassVar[str] = "return.planned"

    referral_id: UUID
    planned_for: Day


class ReturnCompleted(Message):
    """The person whom you go with, or receive, has arrived on that day."""

    name: ClassVar[str] = "return.completed"

    referral_id: UUID
    completed_on: Day


FEED: tuple[type[Message], ...] = (
    TransferOffered,
    TransferRefused,
    TransferWithdrawn,
    CaseTransferred,
    ThreatReported,
    FollowupAwaited,
    CaseClosed,
    CaseReopened,
    ReturnPlanned,
    ReturnCompleted,
)

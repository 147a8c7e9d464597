"""What a partner reads in its own feed: its cut of the events, and no field more."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Message
from contracts.vocabulary import Region, Term


class Offer(Message):
    """A referral as its recipient first sees it: G0, G1, the service, urgency, how to be safe."""

    name: ClassVar[str] = "referral.offered"

    referral_id: UUID
    service: Annotated[str, Term("service")]
    urgency: Annotated[str, Term("urgency")]
    region: Region
    sex: Annotated[str, Term("sex")]
    age_band: Annotated[str, Term("age_band")]
    citizenship: tuple[Annotated[str, Term("country")], ...]
    exploitation: tuple[Annotated[str, Term("exploitation")], ...]
    ground: Annotated[str, Term("ground")]
    safety: tuple[Annotated[str, Term("safety_instruction")], ...] = ()


class Update(Message):
    """A step of a referral, told to its recipient and to the case's owner."""

    referral_id: UUID
    service: Annotated[str, Term("service")]
    organisation: str


class Received(Update):
    """The offer has been seen."""

    name: ClassVar[str] = "referral.received"


class Accepted(Update):
    """The person is taken on."""

    name: ClassVar[str] = "referral.accepted"


class Declined(Update):
    """The person is not taken on."""

    name: ClassVar[str] = "referral.declined"

    reason: Annotated[str, Term("decline_reason")]


class Started(Update):
    """The service has begun."""

    name: ClassVar[str] = "referral.started"


class Delivered(Update):
    """The service has been given."""

    name: ClassVar[str] = "referral.delivered"


class Unplaced(Message):
    """To the case's owner: nobody takes this service on, please act."""

    name: ClassVar[str] = "referral.unplaced"

    service: Annotated[str, Term("service")]
    reason: Annotated[str, Term("unplaced_reason")]


class RequestRefused(Message):
    """A request was understood and is not possible; nothing has changed."""

    name: ClassVar[str] = "request.refused"

    request_id: UUID
    request_type: str
    reason: Annotated[str, Term("refusal_reason")]
    allowed: tuple[str, ...] = ()


class MessageRejected(Message):
    """A message could not be read; nothing has changed. `count` says how many it stands for."""

    name: ClassVar[str] = "message.rejected"

    message_id: str | None = None
    reason: Annotated[str, Term("rejection_reason")]
    field: str | None = None
    allowed: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1)] = 1


FEED: tuple[type[Message], ...] = (
    Offer,
    Received,
    Accepted,
    Declined,
    Started,
    Delivered,
    Unplaced,
    RequestRefused,
    MessageRejected,
)

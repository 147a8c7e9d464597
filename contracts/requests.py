"""What partners may ask: imperatives that change nothing until their owner answers."""

from datetime import datetime
from typing import Annotated, ClassVar, TypeVar
from uuid import UUID

from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from contracts.event import Message
from contracts.times import Moment
from contracts.vocabulary import Term

T = TypeVar("T")
# What every language reads as a whole number.
_GREATEST = 2**53 - 1


class Request(Message):
    """A partner's request; a field it does not know is refused, since a typing error must show."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @property
    def matter(self) -> str | None:
        """What `ce-subject` and `ce-correlationid` name; None where that is the request itself."""
        return None


class AboutReferral(Request):
    """A request about one referral, named by the id its offer carried."""

    referral_id: UUID

    @property
    def matter(self) -> str:
        """The referral."""
        return str(self.referral_id)


class ReferralRequest(AboutReferral):
    """An answer, which moves the referral on."""


class ReceiveReferral(ReferralRequest):
    """We have seen the offer."""

    name: ClassVar[str] = "referral.receive"


class AcceptReferral(ReferralRequest):
    """We take the person on."""

    name: ClassVar[str] = "referral.accept"


class DeclineReferral(ReferralRequest):
    """We do not take the person on; the reason decides who is asked next."""

    name: ClassVar[str] = "referral.decline"

    reason: Annotated[str, Term("decline_reason")]


class StartReferral(ReferralRequest):
    """The service has begun."""

    name: ClassVar[str] = "referral.start"


class DeliverReferral(ReferralRequest):
    """The service has been given."""

    name: ClassVar[str] = "referral.deliver"


class FailReferral(ReferralRequest):
    """The service was accepted, and has not been and will not be given."""

    name: ClassVar[str] = "referral.fail"

    reason: Annotated[str, Term("failure_reason")]


class AcknowledgeConsent(AboutReferral):
    """We have heard that consent was withdrawn, and have erased what rested on it."""

    name: ClassVar[str] = "consent.acknowledge"

    withdrawal_id: UUID


class ReplayFeed(Request):
    """Tell us again what came after a place in our feed, or since a moment, within its 90 days.

    `after` is the stream sequence of a message of the own feed, 0 for its beginning; `since` is the
    moment that the feed recorded.
    """

    name: ClassVar[str] = "feed.replay"

    after: Annotated[int, Field(ge=0, le=_GREATEST)] | None = None
    since: Annotated[Moment | None, Field(validate_default=True)] = None

    @field_validator("since")
    @classmethod
    def _is_one_of_two(cls, since: datetime | None, info: ValidationInfo) -> datetime | None:
        return exactly_one(since, info, other="after")


class SnapshotFeed(Request):
    """Tell us how each of our open referrals stands, however old it is."""

    name: ClassVar[str] = "feed.snapshot"


def exactly_one(value: T | None, info: ValidationInfo, *, other: str) -> T | None:
    """For a validator of the later field: either this one or the `other` is given."""
    # An `other` that is wrong in itself is not in `data`, and has an error of its own.
    if other in info.data and (value is None) == (info.data[other] is None):
        raise PydanticCustomError("one_of_two", "Exactly one of the two must be given")
    return value


REQUESTS: tuple[type[Request], ...] = (
    ReceiveReferral,
    AcceptReferral,
    DeclineReferral,
    StartReferral,
    DeliverReferral,
    FailReferral,
    AcknowledgeConsent,
    ReplayFeed,
    SnapshotFeed,
)

"""What a partner reads in its own feed: its cut of the events, and no field more."""

from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field

from contracts import feed_cases
from contracts.case_number import PATTERN
from contracts.event import Message
from contracts.keyring import PublicKey
from contracts.roots import Root
from contracts.sealing import Sealed
from contracts.times import Day, Moment
from contracts.vocabulary import Region, Term


class Asked(Message):
    """What its recipient sees of a referral: G0, G1, the service, urgency, how to be safe."""

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


class Offer(Asked):
    """A referral as its recipient first sees it."""

    name: ClassVar[str] = "referral.offered"


class Restated(Asked):
    """An open referral as it stands now, told again because its recipient asked."""

    name: ClassVar[str] = "referral.restated"

    state: Annotated[str, Term("referral_state")]


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


class Reminded(Message):
    """Half of the time for your answer is over: please accept or decline."""

    name: ClassVar[str] = "referral.reminded"

    referral_id: UUID
    service: Annotated[str, Term("service")]


class Overdue(Update):
    """There was no answer in time, and none is waited for any more."""

    name: ClassVar[str] = "referral.overdue"


class Started(Update):
    """The service has begun."""

    name: ClassVar[str] = "referral.started"


class Delivered(Update):
    """The service has been given."""

    name: ClassVar[str] = "referral.delivered"


class NotDelivered(Update):
    """The service was accepted, and has not been and will not be given."""

    name: ClassVar[str] = "referral.not_delivered"

    reason: Annotated[str, Term("failure_reason")]


class Withdrawn(Update):
    """It was taken back: nothing is expected of this organisation any more."""

    name: ClassVar[str] = "referral.withdrawn"

    reason: Annotated[str, Term("withdrawal_reason")]


class Unplaced(Message):
    """To the case's owner: nobody takes this service on, please act."""

    name: ClassVar[str] = "referral.unplaced"

    service: Annotated[str, Term("service")]
    reason: Annotated[str, Term("unplaced_reason")]
    unplaced_id: UUID | None = None


class ProceedingAdvanced(Message):
    """A file of the police or of justice on this case stands otherwise: where, and when it is heard.

    No more than you may know, so one of the two may be left out. `referral_id`: by which you have the
    case; without one it is your own.
    """

    name: ClassVar[str] = "proceeding.advanced"

    referral_id: UUID | None = None
    state: Annotated[str, Term("proceeding_state")] | None = None
    next_hearing_on: Day | None = None


class CaseRegistered(Message):
    """To whoever reported a case: it is registered, you are its owner, and this is its number.

    From now on `ce-subject` is what your feed calls the case.
    """

    name: ClassVar[str] = "case.registered"

    report_id: UUID
    case_number: Annotated[str, Field(pattern=f"^{PATTERN.pattern}$")]
    registered_on: Day


class DossierDisclosed(Message):
    """What its recipient may know of the person from now on, sealed to its own key.

    `sealed` holds JSON: section → field → text. One message for what rests on one ground.
    """

    name: ClassVar[str] = "dossier.disclosed"

    referral_id: UUID
    sections: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)]
    ground: Annotated[str, Term("ground")]
    policy_version: str
    sealed: Sealed


class ConsentWithdrawn(Message):
    """What you were told of this referral on consent rests on nothing now: erase and acknowledge.

    `kept` are the grounds that still carry something of it.
    """

    name: ClassVar[str] = "consent.withdrawn"

    withdrawal_id: UUID
    referral_id: UUID
    kept: tuple[Annotated[str, Term("ground")], ...] = ()


class FeedTrimmed(Message):
    """Numbers of this source that will not come (again): what they carried has been taken out."""

    name: ClassVar[str] = "feed.trimmed"

    numbers: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


class KeysPublished(Message):
    """The platform's public keys, to be known before the first message that rests on a new one.

    All of them, so that one such message makes up for any that was missed. Believe it only where
    referral has signed it, as `Keyring.with_word_of` does.
    """

    name: ClassVar[str] = "keys.published"

    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1)]


class EvidenceRooted(Message):
    """To witnesses: what all chains of one service came to on one day, signed (`contracts.roots`).

    Kept, it shows later whether anything of that day was changed, cut off or rolled back.
    """

    name: ClassVar[str] = "evidence.rooted"

    service: Annotated[str, Field(pattern="^[a-z]{1,32}$")]
    day: Day
    made_at: Moment
    size: Annotated[int, Field(ge=1)]
    root: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(max_length=200)]

    @classmethod
    def of(cls, root: Root, signature: str) -> Self:
        """The event that tells of this root."""
        said = root._asdict() | {"root": root.root.hex(), "signature": signature}
        return cls.model_validate(said)

    def as_root(self) -> Root:
        """What the signature (kind `root`) speaks for, as its `payload`."""
        root = bytes.fromhex(self.root)
        return Root(self.service, self.day, self.made_at, self.size, root)


class RequestRefused(Message):
    """A request was understood and is not possible; nothing has changed.

    `count` says how many it stands for, this one included: of more than 60 in a minute the rest is
    told once, in the words of the last.
    """

    name: ClassVar[str] = "request.refused"

    request_id: UUID
    request_type: str
    reason: Annotated[str, Term("refusal_reason")]
    field: str | None = None
    allowed: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1)] = 1


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
    Restated,
    Received,
    Accepted,
    Declined,
    Reminded,
    Overdue,
    Started,
    Delivered,
    NotDelivered,
    Withdrawn,
    Unplaced,
    ProceedingAdvanced,
    CaseRegistered,
    DossierDisclosed,
    ConsentWithdrawn,
    FeedTrimmed,
    KeysPublished,
    EvidenceRooted,
    RequestRefused,
    MessageRejected,
    *feed_cases.FEED,
)

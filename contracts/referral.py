"""What referral says: who is on the road, what was offered to whom, and how they answered."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from contracts.event import Message
from contracts.keyring import PublicKey
from contracts.notices import NOTICES
from contracts.threats import ThreatReported
from contracts.times import Day, Moment
from contracts.vocabulary import Cercle, Region, Term

SOURCE = "/siraba/referral"


class ServiceOffered(BaseModel):
    """One service an organisation gives, and to whom; ages in whole years, both ends included.

    A list that is left out, or empty, limits nothing.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    service: Annotated[str, Term("service")]
    sexes: tuple[Annotated[str, Term("sex")], ...] = ()
    age_min: Annotated[int, Field(ge=0, le=120)] | None = None
    age_max: Annotated[int, Field(ge=0, le=120)] | None = None
    citizenship: tuple[Annotated[str, Term("country")], ...] = ()
    exploitation: tuple[Annotated[str, Term("exploitation")], ...] = ()


class KeyProof(BaseModel):
    """An organisation's own word for its keys, as its `public.json` holds it (`countersigning`).

    proof: by the signing key before this one, or by itself.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    nkey: str
    signing: str
    sealing: str
    proof: str

    def said_by(self, code: str) -> dict[str, str]:
        """What `is_proven` asks for."""
        return {"code": code, **self.model_dump(include={"nkey", "signing", "sealing"})}


class OrganisationRegistered(Message):
    """An organisation is in the directory, or its entry was replaced; public keys only.

    countersignatures: by a key's id, a directory officer's word for it (`countersigning`), and of
    another officer where there is one. proofs: the organisation's own word for keys of these.
    """

    name: ClassVar[str] = "organisation.registered"

    code: str
    kind: Annotated[str, Term("organisation_kind")]
    name_fr: str
    name_en: str
    region: Region
    zones: tuple[Region | Literal["*"], ...]
    services: tuple[ServiceOffered, ...]
    channel: Annotated[str, Term("channel")]
    keys: tuple[PublicKey, ...] = ()
    countersignatures: dict[str, str] = Field(default_factory=dict)
    cercles: tuple[Cercle, ...] = ()
    state: Annotated[str, Term("organisation_state")] = "active"
    second_countersignatures: dict[str, str] = Field(default_factory=dict)
    proofs: tuple[KeyProof, ...] = ()


class OfOneReferral(Message):
    """The facts that every event of one referral repeats, so that no reader has to look back."""

    referral_id: UUID
    organisation: str
    organisation_kind: Annotated[str, Term("organisation_kind")]
    service: Annotated[str, Term("service")]


class ReferralEvent(OfOneReferral):
    """A step: the referral is in another state from then on."""


class ReferralOffered(ReferralEvent):
    """One service was asked of one organisation, on a named ground.

    chosen_by_role: of the person who chose it for the case's owner; without it, it was next in rank.
    """

    name: ClassVar[str] = "referral.offered"

    urgency: Annotated[str, Term("urgency")]
    region: Region
    rank: Annotated[int, Field(ge=1)]
    ground: Annotated[str, Term("ground")]
    policy_version: str
    chosen_by_role: Annotated[str, Term("role")] | None = None


class ReferralReceived(ReferralEvent):
    """The organisation has seen the offer."""

    name: ClassVar[str] = "referral.received"


class ReferralAccepted(ReferralEvent):
    """The organisation takes the person on."""

    name: ClassVar[str] = "referral.accepted"


class ReferralDeclined(ReferralEvent):
    """The organisation does not take the person on, for a coded reason."""

    name: ClassVar[str] = "referral.declined"

    reason: Annotated[str, Term("decline_reason")]


class ReferralReminded(OfOneReferral):
    """Half of the time for an answer is over, and there is none."""

    name: ClassVar[str] = "referral.reminded"


class ReferralOverdue(ReferralEvent):
    """The time for an answer is over, and there was none: this organisation is not waited for."""

    name: ClassVar[str] = "referral.overdue"


class ReferralStarted(ReferralEvent):
    """The service has begun."""

    name: ClassVar[str] = "referral.started"


class ReferralDelivered(ReferralEvent):
    """The service has been given."""

    name: ClassVar[str] = "referral.delivered"


class ReferralNotDelivered(ReferralEvent):
    """The service was accepted, and has not been and will not be given, for a coded reason."""

    name: ClassVar[str] = "referral.not_delivered"

    reason: Annotated[str, Term("failure_reason")]


class ReferralConfirmed(ReferralEvent):
    """A person of the organisation that owns the case has confirmed that the service was given."""

    name: ClassVar[str] = "referral.confirmed"

    confirmed_by_role: Annotated[str, Term("role")]


class ReferralWithdrawn(ReferralEvent):
    """It was taken back, for a coded reason: nothing is expected of this organisation any more."""

    name: ClassVar[str] = "referral.withdrawn"

    reason: Annotated[str, Term("withdrawal_reason")]


class ReferralUnplaced(Message):
    """Nobody is left to ask for this service, or a human must decide: someone has to look.

    It is over when the service is offered again, or the case is closed.
    """

    name: ClassVar[str] = "referral.unplaced"

    service: Annotated[str, Term("service")]
    reason: Annotated[str, Term("unplaced_reason")]
    unplaced_id: UUID | None = None


class CapacityChanged(Message):
    """An organisation counted its places of one service; the last count of each is the one that holds.

    counted_at: no later than the moment at which its word was recorded.
    """

    name: ClassVar[str] = "capacity.changed"

    organisation: str
    service: Annotated[str, Term("service")]
    places: Annotated[int, Field(ge=0)]
    free: Annotated[int, Field(ge=0)]
    counted_at: Moment


class ProceedingEvent(Message):
    """Where a file of the police or of justice stands, in which this case has its part.

    proceeding_id: the organisation's own id of the file. on: the day since when it stands so.
    """

    organisation: str
    organisation_kind: Annotated[str, Term("organisation_kind")]
    proceeding_id: UUID
    state: Annotated[str, Term("proceeding_state")]
    on: Day
    offence_class: Annotated[str, Term("offence_class")]
    court: Annotated[str, Term("court")] | None = None
    region: Region | None = None
    next_hearing_on: Day | None = None
    is_civil_party: bool | None = None


class ProceedingOpened(ProceedingEvent):
    """A file was reported of this case for the first time."""

    name: ClassVar[str] = "proceeding.opened"


class ProceedingAdvanced(ProceedingEvent):
    """A file that was reported before was reported again: where it stands from that day on."""

    name: ClassVar[str] = "proceeding.advanced"


class SuspectRecorded(Message):
    """A person under suspicion in a file; the last word of each counts. No name, and no id of ours."""

    name: ClassVar[str] = "suspect.recorded"

    organisation: str
    proceeding_id: UUID
    suspect_id: UUID
    on: Day
    custody: Annotated[str, Term("custody")]
    sex: Annotated[str, Term("sex")]
    age_band: Annotated[str, Term("age_band")]
    citizenship: tuple[Annotated[str, Term("country")], ...]
    is_official: bool
    is_victim_too: bool


class JudgmentRendered(Message):
    """What a court decided of one suspect, as far as it was enforced; the last word of each counts.

    Amounts in whole CFA francs, times in months.
    """

    name: ClassVar[str] = "judgment.rendered"

    organisation: str
    proceeding_id: UUID
    suspect_id: UUID
    on: Day
    court: Annotated[str, Term("court")]
    offence_class: Annotated[str, Term("offence_class")]
    verdict: Annotated[str, Term("verdict")]
    is_final: bool
    sentences: tuple[Annotated[str, Term("sentence")], ...]
    months: int
    suspended_months: int
    fine: int
    reparation: int
    reparation_paid: int


EVENTS: tuple[type[Message], ...] = (
    OrganisationRegistered,
    ReferralOffered,
    ReferralReceived,
    ReferralAccepted,
    ReferralDeclined,
    ReferralReminded,
    ReferralOverdue,
    ReferralStarted,
    ReferralDelivered,
    ReferralNotDelivered,
    ReferralConfirmed,
    ReferralWithdrawn,
    ReferralUnplaced,
    CapacityChanged,
    ProceedingOpened,
    ProceedingAdvanced,
    SuspectRecorded,
    JudgmentRendered,
    ThreatReported,
    *NOTICES,
)

"""What intake says: cases in coded facts, what was decided about telling of them, what was told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from contracts import cases, policy
from contracts.event import Message
from contracts.incidents import IncidentOpened, IncidentRegistered
from contracts.times import Day, Moment
from contracts.topology import organisation_code
from contracts.vocabulary import Cercle, Region, Term, lies_in_region

SOURCE = "/siraba/intake"


def _known_shape(code: str) -> str:
    try:
        return organisation_code(code)
    except ValueError:
        raise PydanticCustomError("organisation_code", "Not the code of an organisation") from None


Organisation = Annotated[str, AfterValidator(_known_shape)]


class Scope(BaseModel):
    """Whom and what a line is about; what is left out means every one."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    organisation: Organisation | None = None
    recipient_kind: Annotated[str, Term("organisation_kind")] | None = None
    purpose: Annotated[str, Term("purpose")] | None = None

    @property
    def covered(self) -> tuple[str | None, str | None, str | None]:
        """Two lines with the same are about the same recipients and purposes."""
        return self.organisation, self.recipient_kind, self.purpose


class Consent(Scope):
    """One decision, and who may take it took it; without a line, nothing was given."""

    state: Annotated[str, Term("consent_state")]
    by: Annotated[str, Term("consent_authority")]

    def decided(self, at: datetime) -> policy.Decision:
        """As the policy judges it, said at that moment (aware)."""
        return policy.Decision(
            organisation=self.organisation,
            kind=self.recipient_kind,
            purpose=self.purpose,
            at=at,
            is_given=self.state == "given",
            by=self.by,
        )


class Basis(Scope):
    """A ground other than consent, which an officer answers for."""

    ground: Annotated[str, Term("ground")]

    @model_validator(mode="after")
    def _is_not_consent(self) -> Self:
        if self.ground == "consent":
            raise PydanticCustomError("ground_consent", "ground: consent is a line of `consent`")
        return self

    def standing(self, since: datetime) -> policy.Basis:
        """As the policy judges it, from that moment on (aware)."""
        return policy.Basis(
            organisation=self.organisation,
            kind=self.recipient_kind,
            purpose=self.purpose,
            ground=self.ground,
            since=since,
        )


Line = Consent | Basis


def read_line(said: Mapping[str, Any]) -> Line:
    """A line of either kind as it was written down; only a basis has a ground."""
    return (Basis if said.get("ground") else Consent).model_validate(said)


class CodedCase(Message):
    """The facts of a case that may travel inside: place as cercle, time as day, no free text."""

    detected_on: Day
    region: Region | None = None
    cercle: Cercle | None = None
    sex: Annotated[str, Term("sex")]
    age_band: Annotated[str, Term("age_band")]
    citizenship: Annotated[tuple[Annotated[str, Term("country")], ...], Field(max_length=10)]
    exploitation: Annotated[
        tuple[Annotated[str, Term("exploitation")], ...], Field(min_length=1, max_length=19)
    ]
    offence_class: Annotated[str, Term("offence_class")] = "trafficking"
    victim_status: Annotated[str, Term("victim_status")] = "presumed"
    detection_channel: Annotated[str, Term("detection_channel")]
    urgency: Annotated[str, Term("urgency")] | None = None
    risk: Annotated[str, Term("risk")] = "medium"
    needs: Annotated[tuple[Annotated[str, Term("service")], ...], Field(max_length=21)] = ()
    consent: Annotated[tuple[Consent, ...], Field(max_length=50)] = ()
    grounds: Annotated[tuple[Basis, ...], Field(max_length=20)] = ()
    safety: Annotated[
        tuple[Annotated[str, Term("safety_instruction")], ...], Field(max_length=7)
    ] = ()
    is_suspect_too: bool = False
    languages: Annotated[tuple[Annotated[str, Term("language")], ...], Field(max_length=5)] = ()

    @property
    def is_child(self) -> bool:
        """Whether the law's rules for children apply."""
        return self.age_band in policy.CHILD_BANDS

    def record(self, since: datetime, later: Sequence[tuple[datetime, Line]] = ()) -> policy.Record:
        """What was decided at registration and after it, each with its moment, for the policy."""
        said = [*((since, line) for line in (*self.consent, *self.grounds)), *later]
        return policy.Record(
            decisions=tuple(one.decided(at) for at, one in said if isinstance(one, Consent)),
            bases=tuple(one.standing(at) for at, one in said if isinstance(one, Basis)),
        )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        covered = [line.covered for line in self.consent]
        if len(set(covered)) < len(covered):
            # Given and refused at once must never be read as given.
            raise PydanticCustomError("consent_twice", "consent: one line for each scope")
        lies_in_region(self.cercle, self.region)
        return self


class CaseRegistered(CodedCase):
    """A case has an owner and a number; who it is about stays in intake's vault."""

    name: ClassVar[str] = "case.registered"

    owner: str
    registered_on: Day
    incident_id: UUID | None = None
    family_id: UUID | None = None


class CaseMerged(Message):
    """The person of this case is that of the case `into`, under which she counts once from now on.

    `into` is always a case that is merged into no other, and `owner` is its owner, and so this
    case's. It is said of every case whose person now counts elsewhere.
    """

    name: ClassVar[str] = "case.merged"

    into: UUID
    owner: Organisation
    merged_on: Day


class CaseUnmerged(Message):
    """The case counts by itself again, not under `out_of`; its first owner has it back."""

    name: ClassVar[str] = "case.unmerged"

    out_of: UUID
    owner: Organisation
    unmerged_on: Day


class ConsentEvent(Message):
    """What was decided after registration: the line counts from the moment it was recorded."""

    decision_id: UUID
    line: Consent


class ConsentGiven(ConsentEvent):
    """A first yes to this recipient and purpose."""

    name: ClassVar[str] = "consent.given"


class ConsentChanged(ConsentEvent):
    """A no, or another word than before on the same recipient and purpose."""

    name: ClassVar[str] = "consent.changed"


class ConsentWithdrawn(ConsentEvent):
    """A yes is taken back: what rested on it is taken out of the feeds."""

    name: ClassVar[str] = "consent.withdrawn"


class GroundRecorded(Message):
    """A ground other than consent that came after registration, such as a court's order."""

    name: ClassVar[str] = "ground.recorded"

    decision_id: UUID
    line: Basis


class ConsentAcknowledged(Message):
    """A recipient has confirmed that it heard of a withdrawal, which is that decision."""

    name: ClassVar[str] = "consent.acknowledged"

    withdrawal_id: UUID
    referral_id: UUID
    organisation: str


class DossierReleased(Message):
    """The receipt of one disclosure: who may read which fields, on which ground, by which rules.

    form: `sealed` (a message in its feed, whose id and body digest these are), `desk` (a page that
    is checked again at each opening) or `nothing` (why: no field was allowed, or no key was known).
    """

    name: ClassVar[str] = "dossier.released"

    receipt_id: UUID
    referral_id: UUID
    organisation: str
    organisation_kind: Annotated[str, Term("organisation_kind")]
    purpose: Annotated[str, Term("purpose")]
    stage: Annotated[str, Term("stage")]
    form: Annotated[str, Term("disclosure_form")]
    ground: Annotated[str, Term("ground")] | None = None
    policy_version: str
    fields: tuple[str, ...] = ()
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


class AccessExcepted(Message):
    """Two persons of different organisations opened a dossier that was not theirs, for a time."""

    name: ClassVar[str] = "access.excepted"

    reason: Annotated[str, Term("exception_reason")]
    organisation: str
    confirmed_by: str
    requested_by_role: Annotated[str, Term("role")]
    confirmed_by_role: Annotated[str, Term("role")]
    groups: Annotated[tuple[Annotated[str, Term("data_group")], ...], Field(min_length=1)]
    until: Moment


class CaseErased(Message):
    """Nobody can open the person's dossier any more, and no number leads to the case.

    The owner asked, another organisation agreed. Whoever restores an older copy does this again.
    """

    name: ClassVar[str] = "case.erased"

    reason: Annotated[str, Term("erasure_reason")]
    organisation: str
    confirmed_by: str
    erased_on: Day


EVENTS: tuple[type[Message], ...] = (
    IncidentOpened,
    IncidentRegistered,
    CaseRegistered,
    CaseMerged,
    CaseUnmerged,
    ConsentGiven,
    ConsentChanged,
    ConsentWithdrawn,
    GroundRecorded,
    ConsentAcknowledged,
    DossierReleased,
    AccessExcepted,
    CaseErased,
    *cases.EVENTS,
)

"""What partners report: facts as codes and numbers, and what is personal sealed to intake."""

from datetime import date
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from contracts.intake import Organisation
from contracts.requests import Request, exactly_one
from contracts.sealing import Place, Sealed
from contracts.times import Day, Moment
from contracts.vocabulary import Cercle, Region, Term

# No session, shelter or court of the country reaches these; a slip of the finger does.
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Months = Annotated[int, Field(ge=0, le=1_200)]
Francs = Annotated[int, Field(ge=0, le=10**12)]


class AboutCase(Request):
    """A report on a case that the sender has, which it names in one of two ways.

    `referral_id`: a referral that was made to it, or is of its own case. `case`: what its own feed
    calls the case (`ce-subject`).
    """

    referral_id: UUID | None = None
    case: Annotated[UUID | None, Field(validate_default=True)] = None

    @field_validator("case")
    @classmethod
    def _is_one_of_two(cls, case: UUID | None, info: ValidationInfo) -> UUID | None:
        return exactly_one(case, info, other="referral_id")

    @property
    def matter(self) -> str:
        """The referral, or the sender's own name for the case."""
        return str(self.referral_id or self.case)


class ReportCapacity(Request):
    """How many places of one service we have, and how many of them are free, counted when."""

    name: ClassVar[str] = "capacity.report"

    service: Annotated[str, Term("service")]
    places: Count
    free: Count
    counted_at: Moment

    @field_validator("free")
    @classmethod
    def _is_among_the_places(cls, free: int, info: ValidationInfo) -> int:
        if free > info.data.get("places", free):
            raise PydanticCustomError("more_than_places", "No more places are free than there are")
        return free


class ReportCase(Request):
    """A case to register, of which we become the owner.

    report_id: the sender's own id of the report; whatever comes under it again, also sealed anew,
    is the same case. `sealed`: what `POST /intake/cases` takes as JSON (`contracts.form`), sealed
    to intake's key of the month in the place that `place_of_report` says.
    """

    name: ClassVar[str] = "case.report"

    report_id: UUID
    sealed: Sealed

    @property
    def matter(self) -> str:
        """The report."""
        return str(self.report_id)


def place_of_report(organisation: str, report_id: UUID) -> Place:
    """Bound to its sender too: what one has sealed, another must not have registered as its own."""
    return Place(str(report_id), "intake", f"{organisation}/{report_id}", ("case",))


class ReportProceeding(AboutCase):
    """Where a file of the police or of justice stands, in which this case has its part.

    proceeding_id: the sender's own id of the file, the same in every report on it; a file on
    several cases is reported for each. on: the day since when it stands so.
    """

    name: ClassVar[str] = "proceeding.report"

    proceeding_id: UUID
    state: Annotated[str, Term("proceeding_state")]
    on: Day
    offence_class: Annotated[str, Term("offence_class")]
    court: Annotated[str, Term("court")] | None = None
    region: Region | None = None
    next_hearing_on: Day | None = None
    is_civil_party: bool | None = None


class ReportSuspect(Request):
    """A person under suspicion in a file that we have reported; who it is, sealed if at all.

    `sealed`: `contracts.form.SuspectIdentity`, in the place that `place_of_part` says.
    suspect_id: the sender's own id of the person, the same in every report. on: the day since when
    custody is so. is_victim_too: the person is also a victim, whose punishment is to be reviewed.
    """

    name: ClassVar[str] = "suspect.report"

    proceeding_id: UUID
    suspect_id: UUID
    on: Day
    custody: Annotated[str, Term("custody")]
    sex: Annotated[str, Term("sex")]
    age_band: Annotated[str, Term("age_band")]
    citizenship: Annotated[tuple[Annotated[str, Term("country")], ...], Field(max_length=10)]
    is_official: bool = False
    is_victim_too: bool = False
    sealed: Sealed | None = None

    @property
    def matter(self) -> str:
        """The file."""
        return str(self.proceeding_id)


class ReportJudgment(Request):
    """What a court decided of one suspect; amounts in whole CFA francs, times in months.

    is_final: no appeal is possible any more. `sentences` are for a conviction alone.
    """

    name: ClassVar[str] = "judgment.report"

    proceeding_id: UUID
    suspect_id: UUID
    on: Day
    court: Annotated[str, Term("court")]
    offence_class: Annotated[str, Term("offence_class")]
    verdict: Annotated[str, Term("verdict")]
    is_final: bool
    sentences: Annotated[tuple[Annotated[str, Term("sentence")], ...], Field(max_length=5)] = ()
    months: Months = 0
    suspended_months: Months = 0
    fine: Francs = 0
    reparation: Francs = 0
    reparation_paid: Francs = 0

    @field_validator("sentences")
    @classmethod
    def _is_after_a_conviction(cls, said: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if said and info.data.get("verdict", "convicted") != "convicted":
            raise PydanticCustomError("not_convicted", "Only a conviction has sentences")
        return said

    @property
    def matter(self) -> str:
        """The file."""
        return str(self.proceeding_id)


class ReportThreat(AboutCase):
    """Somebody threatens the person or who is close; whoever must protect hears at once.

    `sealed`: `contracts.form.ThreatDetails`, in the place that `place_of_part` says.
    """

    name: ClassVar[str] = "threat.report"

    threat: Annotated[str, Term("threat")]
    threat_source: Annotated[str, Term("threat_source")]
    urgency: Annotated[str, Term("urgency")]
    on: Day
    region: Region | None = None
    safety: Annotated[
        tuple[Annotated[str, Term("safety_instruction")], ...], Field(max_length=7)
    ] = ()
    sealed: Sealed | None = None


def place_of_part(organisation: str, report: ReportSuspect | ReportThreat) -> Place:
    """Where the sealed part of a report belongs: to its sender, and to the suspect or the case it names."""
    if isinstance(report, ReportSuspect):
        part, matter = "suspect", f"{report.proceeding_id}/{report.suspect_id}"
    else:
        part, matter = "threat", report.matter
    return Place(matter, "intake", f"{organisation}/{matter}", (part,))


class Participants(BaseModel):
    """Persons who were counted, each in one of four numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    women: Count = 0
    men: Count = 0
    girls: Count = 0
    boys: Count = 0


class Trained(BaseModel):
    """Professionals of one corps who were trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    corps: Annotated[str, Term("organisation_kind")]
    women: Count = 0
    men: Count = 0


class ReportSession(Request):
    """An outreach or training session, or a hotline's day; who took part is counted, reach apart.

    session_id: the sender's own id; a second report of it replaces the first. organiser: who held
    it, where that is not the sender, so that one session reported twice can be found. calls: how many
    a hotline took on that day, and nothing else.
    """

    name: ClassVar[str] = "session.report"

    session_id: UUID
    kind: Annotated[str, Term("session_kind")]
    held_on: Day
    region: Region
    cercle: Cercle | None = None
    language: Annotated[str, Term("language")]
    organiser: Organisation | None = None
    participants: Participants = Participants()
    trained: Annotated[tuple[Trained, ...], Field(max_length=13)] = ()
    estimated_reach: Count | None = None
    calls: Annotated[Count | None, Field(validate_default=True)] = None

    @field_validator("calls")
    @classmethod
    def _are_a_hotlines(cls, calls: int | None, info: ValidationInfo) -> int | None:
        if (calls is not None) != (info.data.get("kind") == "hotline"):
            raise PydanticCustomError(
                "calls", "calls: a hotline's day has them and nothing else does"
            )
        return calls

    @field_validator("cercle")
    @classmethod
    def _is_in_the_region(cls, cercle: str | None, info: ValidationInfo) -> str | None:
        if cercle is not None and cercle[:2] != info.data.get("region", cercle[:2]):
            raise PydanticCustomError("cercle_outside", "cercle: must lie in the region")
        return cercle

    @model_validator(mode="after")
    def _has_an_audience(self) -> Self:
        """A session that reached nobody is a report that lost its numbers; a hotline has calls alone."""
        reached = (
            any(self.participants.model_dump().values()) or self.trained or self.estimated_reach
        )
        if self.calls is not None:
            if reached:
                raise PydanticCustomError("calls", "calls: a hotline's day has calls alone")
        elif not reached:
            raise PydanticCustomError("nobody", "participants: somebody must have taken part")
        return self

    def was_held(self, today: date) -> bool:
        """Whether it is over: whoever counts participants has held the session."""
        return self.held_on <= today


REPORTS: tuple[type[Request], ...] = (
    ReportCapacity,
    ReportCase,
    ReportProceeding,
    ReportSuspect,
    ReportJudgment,
    ReportThreat,
    ReportSession,
)

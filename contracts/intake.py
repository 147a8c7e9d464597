"""What intake says: a case has been registered, in coded facts only."""

from datetime import date
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from contracts.event import Message
from contracts.vocabulary import Cercle, Region, Term

SOURCE = "/siraba/intake"


class Consent(BaseModel):
    """What the person decided about one kind of recipient; without a line, nothing was given."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    recipient_kind: Annotated[str, Term("organisation_kind")]
    state: Annotated[str, Term("consent_state")]


class CodedCase(Message):
    """The facts of a case that may travel inside: place as cercle, time as day, no free text."""

    detected_on: date
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
    consent: Annotated[tuple[Consent, ...], Field(max_length=13)] = ()
    safety: Annotated[
        tuple[Annotated[str, Term("safety_instruction")], ...], Field(max_length=7)
    ] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        kinds = [line.recipient_kind for line in self.consent]
        if len(set(kinds)) < len(kinds):
            # Given and refused at once must never be read as given.
            raise PydanticCustomError("consent_twice", "consent: one line for each recipient kind")
        if self.cercle is not None and self.cercle[:2] != self.region:
            raise PydanticCustomError("cercle_outside", "cercle: must lie in the region")
        return self


class CaseRegistered(CodedCase):
    """A case has an owner and a number; who it is about stays in intake's vault."""

    name: ClassVar[str] = "case.registered"

    owner: str
    registered_on: date


EVENTS: tuple[type[Message], ...] = (CaseRegistered,)

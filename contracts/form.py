"""What whoever registers a case, or many at once, fills in; over HTTP or sealed in a `case.report`."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.event import Message
from contracts.incidents import INCIDENT_PERSONS
from contracts.intake import CodedCase
from contracts.times import Day
from contracts.vocabulary import Cercle, Region, lies_in_region

Section = Literal[
    "identity", "contact", "exploitation", "medical", "psychosocial", "safe_place", "notes", "other"
]
SECTIONS: tuple[str, ...] = get_args(Section)
#: A thousand forms with their dossiers; any other body is a quarter of it at most.
INCIDENT_BYTES = 4 * 1024 * 1024
Value = Annotated[str, StringConstraints(max_length=10_000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class CaseSubmission(CodedCase):
    """A case to register: coded facts, and the dossier that never leaves the vault in clear."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dossier: Annotated[
        dict[Section, Annotated[dict[Name, Value], Field(max_length=200)]],
        Field(default_factory=dict),
    ]


class PersonSubmission(CaseSubmission):
    """One person of an incident. family: any word that those of one family share; it is not kept."""

    family: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class IncidentSubmission(BaseModel):
    """Up to a thousand persons who were found at once, and where and when they were.

    A person who breaks a rule is refused alone: what is no `PersonSubmission` stays as it came.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    detected_on: Day
    region: Region | None = None
    cercle: Cercle | None = None
    persons: Annotated[
        list[Annotated[PersonSubmission | dict[str, Any], Field(union_mode="left_to_right")]],
        Field(min_length=1, max_length=INCIDENT_PERSONS),
    ]

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        lies_in_region(self.cercle, self.region)
        return self


#: What a warning may add to a dossier. Who threatens her is not there: that is a suspect of a file, which
#: not every owner may know (domain §5.4, G4).
ThreatField = Literal[
    "contact.safe_hours",
    "exploitation.facts",
    "exploitation.violence_suffered",
    "notes.case_notes",
    "psychosocial.wishes",
    "safe_place.safe_address",
    "safe_place.safe_phone",
    "safe_place.safe_contact_person",
    "safe_place.access_instructions",
]
SuspectField = Literal[
    "full_name",
    "other_names",
    "birth_date",
    "birth_place",
    "identity_number",
    "phone",
    "address",
    "occupation",
    "description",
]


class ThreatDetails(Message):
    """What a `threat.report` holds sealed: words that are added to the dossier, `section.field` → text."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    dossier: Annotated[dict[ThreatField, Value], Field(min_length=1)]

    @property
    def sections(self) -> dict[str, dict[str, str]]:
        """Section → field → text."""
        found: dict[str, dict[str, str]] = {}
        for path, text in self.dossier.items():
            section, _, name = path.partition(".")
            found.setdefault(section, {})[name] = text
        return found


class SuspectIdentity(Message):
    """What a `suspect.report` holds sealed: who it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    identity: Annotated[dict[SuspectField, Value], Field(min_length=1)]

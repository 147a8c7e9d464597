"""What intake says of many persons who were found at once."""

from typing import Annotated, ClassVar

from pydantic import Field

from contracts.event import Message
from contracts.times import Day
from contracts.vocabulary import Cercle, Region

#: The most that one incident brings (design §7, Groups).
INCIDENT_PERSONS = 1000


class IncidentOpened(Message):
    """Many persons were found at once; each of them is a case that names this incident.

    `ce-subject` is the incident. `persons`: how many will be registered, of whom some may still be
    refused.
    """

    name: ClassVar[str] = "incident.opened"

    owner: str
    opened_on: Day
    detected_on: Day
    region: Region | None = None
    cercle: Cercle | None = None
    persons: Annotated[int, Field(ge=1, le=INCIDENT_PERSONS)]


class IncidentRegistered(Message):
    """Everybody of an incident is a case by now, or was refused; nobody more will come of it.

    `ce-subject` is the incident. `persons`: how many became cases.
    """

    name: ClassVar[str] = "incident.registered"

    owner: str
    persons: Annotated[int, Field(ge=0, le=INCIDENT_PERSONS)]

"""What reporting says of outreach and training: a session was held, and it is no other one."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Message
from contracts.reports import Count, Participants, Trained
from contracts.times import Day
from contracts.vocabulary import Cercle, Region, Term


class SessionRecorded(Message):
    """An organisation has reported a session; of one session the last word counts.

    organisation: who reported it, under its own session_id. organiser: who held it, where that is
    another.
    """

    name: ClassVar[str] = "session.recorded"

    session_id: UUID
    organisation: str
    session_kind: Annotated[str, Term("session_kind")]
    held_on: Day
    region: Region
    cercle: Cercle | None = None
    language: Annotated[str, Term("language")]
    organiser: str | None = None
    participants: Participants = Participants()
    trained: Annotated[tuple[Trained, ...], Field(max_length=13)] = ()
    estimated_reach: Count | None = None
    calls: Count | None = None


class SessionDistinguished(Message):
    """A data officer has found that a session which looks like another is one of its own."""

    name: ClassVar[str] = "session.distinguished"

    session_id: UUID
    organisation: str
    distinguished_on: Day


EVENTS: tuple[type[Message], ...] = (SessionRecorded, SessionDistinguished)

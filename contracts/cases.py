"""What intake says of a registered case: whose it is now, how the person is, and how it ends."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.event import Message
from contracts.times import Day
from contracts.vocabulary import Term


class CaseTransferred(Message):
    """The case has another owner, who was asked and accepted; of the whole person, each case says so."""

    name: ClassVar[str] = "case.transferred"

    owner: str
    before: str
    transferred_on: Day


class FollowupDone(Message):
    """The owner has asked how the person is, so many days after the days began to be counted."""

    name: ClassVar[str] = "followup.done"

    organisation: str
    after_days: Annotated[int, Field(ge=1)]
    outcome: Annotated[str, Term("followup_outcome")]
    done_on: Day


class CaseClosed(Message):
    """Its owner takes care of the person no more; of the whole person, each case says so.

    What is open of it is taken back, and nobody is asked any more.
    """

    name: ClassVar[str] = "case.closed"

    organisation: str
    reason: Annotated[str, Term("closure_reason")]
    closed_on: Day


class CaseReopened(Message):
    """Its owner takes care of the person again; nobody is asked for anything but these needs."""

    name: ClassVar[str] = "case.reopened"

    organisation: str
    reason: Annotated[str, Term("reopening_reason")]
    reopened_on: Day
    needs: Annotated[tuple[Annotated[str, Term("service")], ...], Field(max_length=21)] = ()


class ReturnPlanned(Message):
    """The person's way home is planned; a later plan under the same id takes this one's place.

    is_voluntary: the person wants it. is_risk_assessed: somebody has judged what awaits her there.
    """

    name: ClassVar[str] = "return.planned"

    return_id: UUID
    organisation: str
    return_type: Annotated[str, Term("return_type")]
    is_voluntary: bool
    is_risk_assessed: bool
    planned_for: Day


class ReturnCompleted(Message):
    """The person has arrived, on that day, by a return that was planned."""

    name: ClassVar[str] = "return.completed"

    return_id: UUID
    organisation: str
    return_type: Annotated[str, Term("return_type")]
    is_voluntary: bool
    is_risk_assessed: bool
    completed_on: Day


EVENTS: tuple[type[Message], ...] = (
    CaseTransferred,
    FollowupDone,
    CaseClosed,
    CaseReopened,
    ReturnPlanned,
    ReturnCompleted,
)

"""What intake says of a registered case: whose it is now, and how the person is later."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from contracts.event import Message
from contracts.vocabulary import Term


class CaseTransferred(Message):
    """The case has another owner, who was asked and accepted; of the whole person, each case says so."""

    name: ClassVar[str] = "case.transferred"

    owner: str
    before: str
    transferred_on: date


class FollowupDone(Message):
    """The owner has asked how the person is, so many days after the days began to be counted."""

    name: ClassVar[str] = "followup.done"

    organisation: str
    after_days: Annotated[int, Field(ge=1)]
    outcome: Annotated[str, Term("followup_outcome")]
    done_on: date


EVENTS: tuple[type[Message], ...] = (CaseTransferred, FollowupDone)

"""What intake says of a registered case: whose it is now."""

from datetime import date
from typing import ClassVar

from contracts.event import Message


class CaseTransferred(Message):
    """The case has another owner, who was asked and accepted; of the whole person, each case says so."""

    name: ClassVar[str] = "case.transferred"

    owner: str
    before: str
    transferred_on: date


EVENTS: tuple[type[Message], ...] = (CaseTransferred,)

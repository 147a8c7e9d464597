"""One life in the making: what was said of one subject, each word with its moment."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from contracts.event import Message


@dataclass(slots=True)
class Life:
    """What is said of a person and of what follows; `at` moves on with each word.

    said: (moment, subject, message), not yet in order.
    """

    chance: Random
    subject: str
    at: datetime
    said: list[tuple[datetime, str, Message]] = field(default_factory=list)

    def say(self, message: Message, *, at: datetime, subject: str | None = None) -> None:
        """At that moment, of this subject unless another is named."""
        self.said.append((at, subject or self.subject, message))

    def after(self, at: datetime, *, hours: float) -> datetime:
        """Some time later, in the mean so many hours: usually less, seldom much more."""
        return at + timedelta(hours=self.chance.expovariate(1 / hours), seconds=1)


def opaque(chance: Random) -> UUID:
    """An id that says nothing."""
    return UUID(int=chance.getrandbits(128), version=4)

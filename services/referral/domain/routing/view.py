"""What is looked at when one need of one case is routed."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from services.referral.domain.routing.organisations import Candidate, Directory
from services.referral.domain.routing.situation import HOURS, Need, Situation


class Telling(Protocol):
    """What was decided about telling others of the case."""

    def may_tell(self, one: Candidate, service: str) -> bool:
        """Whether anything carries an offer of this service to this organisation."""

    def names(self, one: Candidate, service: str) -> bool:
        """Whether consent that stands names this very organisation, or its kind for a consulate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One need of one case, among all who are there, at one moment (aware).

    holidays: the legal ones, at least from the day before until an answer is due.
    """

    case: Situation
    need: Need
    directory: Directory
    telling: Telling
    at: datetime
    holidays: frozenset[date] = frozenset()

    @property
    def due(self) -> datetime:
        """When an answer is due."""
        return self.at + timedelta(hours=HOURS[self.need.urgency])

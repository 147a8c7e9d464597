"""Routing: rules first, then needs; who may be asked, in which order, and why each choice."""

from services.referral.domain.routing.filtering import unfit
from services.referral.domain.routing.organisations import (
    EVERYWHERE,
    PART,
    Candidate,
    Directory,
    Limits,
    Record,
    Room,
    Shift,
    Unit,
)
from services.referral.domain.routing.ranking import QUESTIONS, Ranked, reasons
from services.referral.domain.routing.reasons import Reason
from services.referral.domain.routing.routes import Route, route
from services.referral.domain.routing.rules import VERSION, duties_of, needs_of
from services.referral.domain.routing.situation import (
    CHILD_BANDS,
    HOURS,
    URGENCIES,
    Need,
    Person,
    Situation,
    ages_of,
)
from services.referral.domain.routing.view import Telling, View

__all__ = [
    "CHILD_BANDS",
    "EVERYWHERE",
    "HOURS",
    "PART",
    "QUESTIONS",
    "URGENCIES",
    "VERSION",
    "Candidate",
    "Directory",
    "Limits",
    "Need",
    "Person",
    "Ranked",
    "Reason",
    "Record",
    "Room",
    "Route",
    "Shift",
    "Situation",
    "Telling",
    "Unit",
    "View",
    "ages_of",
    "duties_of",
    "needs_of",
    "reasons",
    "route",
    "unfit",
]

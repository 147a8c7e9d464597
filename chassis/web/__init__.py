"""The web edge of every service: one app factory, problems instead of errors, pages in two languages."""

from chassis.web.app import web_app
from chassis.web.callers import BearerCaller, KeyLookup, read_caller, session_caller
from chassis.web.pages import LANGUAGES, Pages, language_of
from chassis.web.problems import Refusal, Violation, problem
from chassis.web.session import Sessions, add_entrance
from chassis.web.shown import Shown

__all__ = [
    "LANGUAGES",
    "BearerCaller",
    "KeyLookup",
    "Pages",
    "Refusal",
    "Sessions",
    "Shown",
    "Violation",
    "add_entrance",
    "language_of",
    "problem",
    "read_caller",
    "session_caller",
    "web_app",
]

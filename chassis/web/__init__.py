"""The web edge of every service: one app factory, problems instead of errors, pages in two languages."""

from chassis.web.again import Typed
from chassis.web.app import packed_files, web_app
from chassis.web.callers import BearerCaller, KeyLookup, read_caller
from chassis.web.entrance import Entrance, to_start
from chassis.web.keys import form_key, key_missing
from chassis.web.pages import LANGUAGES, Pages, language_of
from chassis.web.parameters import add_api
from chassis.web.problems import Refusal, Violation, committee_alone, problem, rules_broken
from chassis.web.quick import quick_route
from chassis.web.session import Sessions, check_origin
from chassis.web.shown import Shown
from chassis.web.throttle import Throttle

__all__ = [
    "LANGUAGES",
    "BearerCaller",
    "Entrance",
    "KeyLookup",
    "Pages",
    "Refusal",
    "Sessions",
    "Shown",
    "Throttle",
    "Typed",
    "Violation",
    "add_api",
    "check_origin",
    "committee_alone",
    "form_key",
    "key_missing",
    "language_of",
    "packed_files",
    "problem",
    "quick_route",
    "read_caller",
    "rules_broken",
    "to_start",
    "web_app",
]

"""What every route reads of a request, and how it refuses; table error → problem."""

from collections.abc import Sequence

from fastapi import Request

from chassis.web import Refusal, Violation
from contracts.identifiers import Mint
from services.reporting.domain import PARAMETERS, BadWindow, Window, read_window

ROLES = ("analyst", "data_officer", "operator")
DAY = "YYYY-MM-DD; by default the bound of the calendar year of as_of."
MOMENT = "YYYY-MM-DDThh:mm:ssZ; now by default, and at the latest."


def window_of(request: Request, mint: Mint, *, besides: Sequence[str] = ()) -> Window:
    """The window a request asks for. Raises `Refusal`.

    besides: parameters that the route reads by itself.
    """
    # As it was sent: a parameter that we do not know must not be passed over in silence.
    asked = {name: value for name, value in request.query_params.items() if name not in besides}
    try:
        return read_window(asked, now=mint.moment())
    except BadWindow as bad:
        known = (*PARAMETERS, *besides) if bad.rule == "unknown_parameter" else ()
        raise refusal(bad.field, bad.rule, allowed=known) from None


def refusal(field: str, rule: str, *, allowed: Sequence[str] = ()) -> Refusal:
    """Names the parameter and the rule it breaks, and what could stand there; never what stood."""
    violation = Violation(field=field, rule=rule, place="query")
    if allowed:
        violation["allowed"] = tuple(allowed)
    return Refusal(
        422,
        "invalid_request",
        "The request breaks a rule",
        detail="Each error names a field and the rule it breaks.",
        errors=[violation],
    )

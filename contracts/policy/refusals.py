"""Why something is not told; names of rules and of known fields, never what was in them."""

from typing import Literal

Reason = Literal[
    "unknown_reader",
    "unknown_purpose",
    "unknown_stage",
    "unknown_ground",
    "unknown_kind",
    "unknown_authority",
    "unknown_field",
    "unknown_service",
    "field_not_allowed",
]


class DisclosureRefused(Exception):
    """The policy says no. `what` is a code of ours or a count, never a value of the caller's."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(f"{reason}: {what}")
        self.reason = reason
        self.what = what

"""Who hears what, as data; who is asked is referral's to say (`services/referral/domain/routing`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

CHILD_BANDS = frozenset({"0-4", "5-8", "9-11", "12-14", "15-17"})
# Soonest first.
URGENCIES = ("vital_1h", "emergency_24h", "urgent_72h", "normal_14d")

Relation = Literal["recipient", "owner"]


@dataclass(frozen=True, slots=True)
class Hearing:
    """The event `name` is told to whoever stands in this relation to the case."""

    name: str
    relation: Relation


_STEPS = (
    "received", "accepted", "declined", "overdue", "started", "delivered", "not_delivered",
    "withdrawn",
)  # fmt: skip
HEARINGS = (
    Hearing("referral.offered", "recipient"),
    Hearing("referral.reminded", "recipient"),
    *(Hearing(f"referral.{step}", "recipient") for step in _STEPS),
    *(Hearing(f"referral.{step}", "owner") for step in _STEPS),
    Hearing("referral.unplaced", "owner"),
    Hearing("proceeding.advanced", "owner"),
    Hearing("proceeding.advanced", "recipient"),
    Hearing("threat.reported", "owner"),
    Hearing("threat.reported", "recipient"),
    Hearing("case.closed", "recipient"),
    Hearing("case.reopened", "recipient"),
    Hearing("return.planned", "recipient"),
    Hearing("return.completed", "recipient"),
)


def who_hears(name: str, relations: Mapping[Relation, str]) -> list[tuple[str, Relation]]:
    """(organisation, relation) that hear this event, each organisation once."""
    heard: dict[str, Relation] = {}
    for hearing in HEARINGS:
        organisation = relations.get(hearing.relation)
        if hearing.name == name and organisation is not None:
            heard.setdefault(organisation, hearing.relation)
    return list(heard.items())

"""Placing a whole group at once: all its persons against all the places there are."""

from services.referral.domain.placement.group import (
    Ask,
    Group,
    House,
    Member,
    Offer,
    Wishes,
    asks_of,
    waits_for_plan,
)
from services.referral.domain.placement.plan import Nearer, Placed, Plan, Unplaced, explain
from services.referral.domain.placement.program import (
    PLACED,
    NoPlan,
    Option,
    Program,
    Room,
    Solution,
    filled,
    programs_of,
)
from services.referral.domain.placement.rules import Rule, WishRefused, hindrances, is_open

__all__ = [
    "PLACED",
    "Ask",
    "Group",
    "House",
    "Member",
    "Nearer",
    "NoPlan",
    "Offer",
    "Option",
    "Placed",
    "Plan",
    "Program",
    "Room",
    "Rule",
    "Solution",
    "Unplaced",
    "WishRefused",
    "Wishes",
    "asks_of",
    "explain",
    "filled",
    "hindrances",
    "is_open",
    "programs_of",
    "waits_for_plan",
]

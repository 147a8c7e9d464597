"""What of the product keeps the machine's states valid, each to be taken away by a control."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from chassis.inbox.order import Plan, plan
from contracts.policy.consent import moment_after
from services.intake.domain.transfers import require_open
from services.referral.domain.places import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class Protections:
    """The owner's check, when a word counts as said, each message once and in order, the hold."""

    is_owner_s: Callable[..., None] = require_open
    dated: Callable[[Iterable[datetime], datetime], datetime] = moment_after
    in_order: Callable[..., Plan] = plan
    places: type[Places] = Places

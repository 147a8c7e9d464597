"""What the routes for an organisation's people stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.pseudonyms import FeedKey
from chassis.web import BearerCaller
from services.referral.use_cases.announcing import Announcer


@dataclass(frozen=True, slots=True)
class Desk:
    """announcer: the directory as it is now, and how messages are addressed.

    master_key: what the names that the feeds give to cases are made from.
    """

    parts: Parts
    caller: BearerCaller
    announcer: Callable[[AsyncConnection], Awaitable[Announcer]]
    master_key: bytes = field(repr=False)

    def case_name(self, case_id: UUID, organisation: str) -> str:
        """What this organisation's own feed calls the case."""
        return FeedKey.of(self.master_key, organisation).subject(case_id)

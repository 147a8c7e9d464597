"""What the pages of a desk stand on."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Parts
from chassis.web import Entrance, Pages
from services.referral.use_cases.announcing import Announcer


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPages:
    """What the pages stand on. announcer: the directory as it is now."""

    parts: Parts
    entrance: Entrance
    pages: Pages
    announcer: Callable[[AsyncConnection], Awaitable[Announcer]]

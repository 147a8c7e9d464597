"""What was referred to one organisation, as the people who answer it see it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.store.referrals import Referral


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDesk:
    """One referral as those who answer it see it; times by the database's clock."""

    referral: Referral
    offered_at: datetime
    changed_at: datetime

    @property
    def referral_id(self) -> UUID:
        return self.referral.referral_id

    @property
    def case_id(self) -> UUID:
        return self.referral.case_id

    @property
    def service(self) -> str:
        return self.referral.service

    @property
    def urgency(self) -> str:
        return self.referral.urgency

    @property
    def state(self) -> str:
        return self.referral.state


_OF_ONE = ", ".join(Referral.__slots__)
# All that is open, however old; what is over only for a while.
_AT_DESK = text(f"""
    select {_OF_ONE}, offered_at, changed_at from referrals
    where organisation = :organisation
        and (state = any(:open) or changed_at > clock_timestamp() - interval '7 days')
    order by changed_at desc, referral_id limit 1000
""")  # noqa: S608 - a constant of ours
_ONE_AT_DESK = text(f"""
    select {_OF_ONE}, offered_at, changed_at from referrals
    where referral_id = :referral_id and organisation = :organisation
""")  # noqa: S608 - a constant of ours


async def at_desk(
    connection: AsyncConnection, organisation: str, *, open_states: Iterable[str]
) -> list[AtDesk]:
    """What was referred to an organisation: all that is open, and the last seven days; at most 1,000."""
    asked = {"organisation": organisation, "open": list(open_states)}
    return [_at_desk(row) for row in await connection.execute(_AT_DESK, asked)]


async def one_at_desk(
    connection: AsyncConnection, referral_id: UUID, organisation: str
) -> AtDesk | None:
    """One of them, however old."""
    asked = {"referral_id": referral_id, "organisation": organisation}
    row = (await connection.execute(_ONE_AT_DESK, asked)).one_or_none()
    return None if row is None else _at_desk(row)


def _at_desk(row: Any) -> AtDesk:
    said = dict(row._mapping)
    times = {name: said.pop(name) for name in ("offered_at", "changed_at")}
    return AtDesk(referral=Referral(**said), **times)

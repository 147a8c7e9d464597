"""Asking once more, before a disclosure gets its number, whether its ground still holds."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.feed import DossierDisclosed
from services.intake.store import consents, disclosures
from services.intake.use_cases.consenting import rests


class Resting(Protocol):
    """A message that rests on a ground, as the relay holds it."""

    @property
    def position(self) -> int:
        """Its place in the outbox."""

    @property
    def id(self) -> UUID:
        """The receipt's id too."""

    @property
    def name(self) -> str:
        """Its type."""


async def find_fallen(
    connection: AsyncConnection, rows: Sequence[Resting], *, at: datetime
) -> Collection[int]:
    """Positions of the disclosures that nothing carries any more; their receipts end here."""
    positions = {row.id: row.position for row in rows if row.name == DossierDisclosed.name}
    if not positions:
        return ()
    receipts = await disclosures.receipts(connection, positions)
    files = await consents.files(connection, {one.case_id for one in receipts}, lock=False)
    who = await disclosures.recipients(connection, {one.referral_id for one in receipts})
    standing = {
        one.receipt_id
        for one in receipts
        if rests(one, who[one.referral_id], files[one.case_id], at=at)
    }
    fallen = positions.keys() - standing
    await disclosures.end(connection, fallen, by=None)
    return [positions[one] for one in fallen]

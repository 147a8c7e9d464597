"""Withdrawals of consent that have come: which of them the organisation has not confirmed yet."""

from typing import NamedTuple
from uuid import UUID

from contracts.feed import ConsentWithdrawn
from contracts.requests import AcknowledgeConsent
from partners.kit.database import Database


class Unconfirmed(NamedTuple):
    """What was told of this referral on consent is to be erased, and then confirmed."""

    referral_id: UUID
    withdrawal_id: UUID


class Withdrawals:
    """Kept until confirmed, for only the organisation knows when it has erased; the caller holds the
    transaction."""

    def __init__(self, database: Database):
        self._database = database

    def note(self, message: ConsentWithdrawn, *, number: int) -> None:
        """It has come, as the message with this ledger number."""
        self._database.execute(
            "INSERT INTO withdrawal (id, referral, message) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (str(message.withdrawal_id), str(message.referral_id), number),
        )

    def unconfirmed(self) -> list[Unconfirmed]:
        """Those without a confirmation, or with one that was refused; the earliest first."""
        rows = self._database.execute(
            "SELECT id, referral FROM withdrawal WHERE NOT EXISTS (SELECT 1 FROM request"
            " WHERE name = ? AND refused IS NULL"
            " AND json_extract(CAST(body AS TEXT), '$.withdrawal_id') = withdrawal.id)"
            " ORDER BY message",
            (AcknowledgeConsent.name,),
        )
        return [Unconfirmed(UUID(row["referral"]), UUID(row["id"])) for row in rows]

"""Which referrals this organisation has and how they stand, known again after every restart."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.event import Message
from contracts.feed import Offer, Restated, Update
from partners.kit.database import Database, Row

# A late or repeated message never takes a referral back to where it was.
_RANK = {
    "offered": 0,
    "received": 1,
    "declined": 2,
    "overdue": 2,
    "accepted": 2,
    "started": 3,
    "delivered": 4,
    "not_delivered": 4,
    "withdrawn": 5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A referral made to this organisation; `offer` is None if its offer has never come.

    `withdrawn`: the person took back her consent, and what the offer said is erased. `service` is
    empty where that is all that ever came of it.
    """

    id: UUID
    state: str
    service: str
    offer: Offer | None
    changed_at: datetime


class Referrals:
    """What the organisation has been asked; the caller holds the transaction."""

    def __init__(self, database: Database):
        self._database = database

    def note(self, message: Message, *, number: int, now: datetime, own: str) -> None:
        """Follow a step of a referral made to `own`; steps of others' are not ours to keep."""
        if isinstance(message, Offer):
            self._step(message, body=message.encode(), number=number, now=now)
        elif isinstance(message, Restated):
            offer = Offer.model_validate(message.model_dump(exclude={"state"}))
            self._step(message, body=offer.encode(), number=number, now=now)
        elif isinstance(message, Update) and message.organisation == own:
            self._step(message, body=None, number=number, now=now)

    def forget(self, referral_id: UUID, *, number: int, now: datetime) -> None:
        """Erase what an offer said of the person; that there was a referral stays."""
        self._database.execute(
            "INSERT INTO referral (id, state, service, message, changed_at)"
            " VALUES (?, 'withdrawn', '', ?, ?) ON CONFLICT (id) DO UPDATE SET state = 'withdrawn',"
            " offer = NULL, message = excluded.message, changed_at = excluded.changed_at",
            (str(referral_id), number, now.isoformat()),
        )

    def all(self) -> list[Referral]:
        """Every referral this folder knows, the latest change last."""
        rows = self._database.execute("SELECT * FROM referral ORDER BY changed_at, id")
        return [_referral(row) for row in rows]

    def by_state(self) -> dict[str, int]:
        """How many referrals stand in each state."""
        rows = self._database.execute(
            "SELECT state, count(*) AS count FROM referral GROUP BY state ORDER BY state"
        )
        return {row["state"]: row["count"] for row in rows}

    def _step(
        self, message: Offer | Restated | Update, *, body: bytes | None, number: int, now: datetime
    ) -> None:
        state = message.state if isinstance(message, Restated) else message.name.split(".")[1]
        held = self._database.execute(
            "SELECT state, offer FROM referral WHERE id = ?", (str(message.referral_id),)
        ).fetchone()
        if held is not None and _RANK[state] < _RANK[held["state"]]:
            self._database.execute(
                "UPDATE referral SET offer = coalesce(offer, ?) WHERE id = ? AND state <> 'withdrawn'",
                (body, str(message.referral_id)),
            )
            return
        self._database.execute(
            "INSERT INTO referral (id, state, service, offer, message, changed_at)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state = excluded.state,"
            " offer = coalesce(offer, excluded.offer), message = excluded.message,"
            " changed_at = excluded.changed_at",
            (str(message.referral_id), state, message.service, body, number, now.isoformat()),
        )


def _referral(row: Row) -> Referral:
    return Referral(
        id=UUID(row["id"]),
        state=row["state"],
        service=row["service"],
        offer=None if row["offer"] is None else Offer.model_validate_json(row["offer"]),
        changed_at=datetime.fromisoformat(row["changed_at"]),
    )

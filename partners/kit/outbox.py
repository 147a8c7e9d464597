"""Requests on their way out: stored before they are sent, sent again until the platform has them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from contracts.envelope import Envelope
from contracts.event import Message
from contracts.feed import CaseRegistered, MessageRejected, RequestRefused, Update
from contracts.reports import ReportCase
from contracts.requests import Request
from partners.kit.database import Database, Row

#: Event → the request whose answer it is.
ANSWERED: Final = {
    "referral.received": "referral.receive",
    "referral.accepted": "referral.accept",
    "referral.declined": "referral.decline",
    "referral.started": "referral.start",
    "referral.delivered": "referral.deliver",
    "referral.not_delivered": "referral.fail",
}
_MESSAGE = "SELECT number, id, hop, started_trace, handled_at FROM message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The message that a request answers: its ledger number, id and trace."""

    number: int
    id: str
    hop: str | None
    started_trace: str | None
    handled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request as it travels: every resend is these very bytes under the same id."""

    number: int
    id: UUID
    name: str
    subject: str
    headers: dict[str, str]
    body: bytes
    acknowledged: bool


class Outbox:
    """The outgoing half of the ledger."""

    def __init__(self, database: Database):
        self._database = database

    def answered(self, source: str, id: str) -> Answered | None:
        """The received message with this source and id, if this folder has it."""
        return self._message(f"{_MESSAGE} WHERE source = ? AND id = ?", (source, id))

    def latest_about(self, matter: str | None) -> Answered | None:
        """The last received message about this referral: what an answer usually answers."""
        return self._message(
            f"{_MESSAGE} WHERE number = (SELECT message FROM referral WHERE id = ?)",  # noqa: S608  # constants only
            (matter,),
        )

    def withdrawing(self, id: UUID) -> Answered | None:
        """The received message that told of this withdrawal of consent."""
        return self._message(
            f"{_MESSAGE} WHERE number = (SELECT message FROM withdrawal WHERE id = ?)",  # noqa: S608  # constants only
            (str(id),),
        )

    def same_answer(self, request: Request, answered: Answered | None) -> Prepared | None:
        """The same request to the same message, stored before a crash, or before a replay.

        Only while that message is not (again) handled: afterwards asking again is meant, and also
        where it was refused.
        """
        if answered is None or answered.handled:
            return None
        row = self._database.execute(
            "SELECT * FROM request WHERE answers = ? AND name = ? AND body = ? AND refused IS NULL",
            (answered.number, request.name, request.encode()),
        ).fetchone()
        return None if row is None else _prepared(row)

    def store(
        self,
        request: Request,
        *,
        envelope: Envelope,
        subject: str,
        headers: dict[str, str],
        answers: int | None,
        now: datetime,
    ) -> None:
        """Keep the request; from here on it will reach the platform."""
        self._database.execute(
            "INSERT INTO request"
            " (id, name, answers, subject, headers, body, stored_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                str(envelope.id),
                request.name,
                answers,
                subject,
                json.dumps(headers),
                request.encode(),
                now.isoformat(),
            ),
        )

    def find(self, id: UUID) -> Prepared | None:
        """The request with this id."""
        row = self._database.execute("SELECT * FROM request WHERE id = ?", (str(id),)).fetchone()
        return None if row is None else _prepared(row)

    def waiting(self) -> list[Prepared]:
        """What the platform has not acknowledged yet, in the order it was stored."""
        rows = self._database.execute(
            "SELECT * FROM request WHERE acknowledged_at IS NULL ORDER BY number LIMIT 100"
        )
        return [_prepared(row) for row in rows]

    def all_waiting(self) -> list[Prepared]:
        """All of it."""
        rows = self._database.execute(
            "SELECT * FROM request WHERE acknowledged_at IS NULL ORDER BY number"
        )
        return [_prepared(row) for row in rows]

    def sign_anew(self, id: UUID, headers: Mapping[str, str]) -> None:
        """Other headers for a request that has not been sent."""
        self._database.execute(
            "UPDATE request SET headers = ? WHERE id = ? AND acknowledged_at IS NULL",
            (json.dumps(dict(headers)), str(id)),
        )

    def acknowledged(self, id: UUID, now: datetime) -> None:
        """The platform has it on disk."""
        self._database.execute(
            "UPDATE request SET acknowledged_at = ? WHERE id = ? AND acknowledged_at IS NULL",
            (now.isoformat(), str(id)),
        )

    def note(self, message: Message, now: datetime) -> None:
        """Follow what the platform answers, as far as an answer says which request it is to."""
        if isinstance(message, RequestRefused):
            self._refused(str(message.request_id), message.reason)
        elif isinstance(message, MessageRejected) and message.message_id is not None:
            self._refused(message.message_id, message.reason)
        elif isinstance(message, CaseRegistered):
            self._answered(ReportCase.name, ("report_id", message.report_id), now)
        elif isinstance(message, Update) and message.name in ANSWERED:
            request = ANSWERED[message.name]
            self._answered(request, ("referral_id", message.referral_id), now)

    def is_reborn(self, born: str, *, door: str) -> bool:
        """Whether the feed was made anew since this was last asked; each door's first answer is no."""
        before = self._database.execute("SELECT born FROM store WHERE door = ?", (door,)).fetchone()
        if before is not None and before["born"] == born:
            return False
        self._database.execute(
            "INSERT INTO store (door, born) VALUES (?, ?)"
            " ON CONFLICT (door) DO UPDATE SET born = excluded.born",
            (door, born),
        )
        return before is not None

    def unanswered(self, since: datetime) -> list[Prepared]:
        """What the platform has taken since then, and has not been heard to answer."""
        rows = self._database.execute(
            "SELECT * FROM request WHERE acknowledged_at IS NOT NULL AND answered_at IS NULL"
            " AND refused IS NULL AND stored_at >= ? ORDER BY number",
            (since.isoformat(),),
        )
        return [_prepared(row) for row in rows]

    def send_again(self, id: UUID) -> None:
        """It waits as if it had never been sent."""
        self._database.execute("UPDATE request SET acknowledged_at = NULL WHERE id = ?", (str(id),))

    def _refused(self, id: str, reason: str) -> None:
        """This request changes nothing."""
        self._database.execute("UPDATE request SET refused = ? WHERE id = ?", (reason, id))

    def _answered(self, name: str, about: tuple[str, UUID], now: datetime) -> None:
        """The requests of this name whose body has this id in that field."""
        field, id = about
        self._database.execute(
            "UPDATE request SET answered_at = ? WHERE answered_at IS NULL AND name = ?"
            " AND json_extract(CAST(body AS TEXT), ?) = ?",
            (now.isoformat(), name, f"$.{field}", str(id)),
        )

    def counts(self) -> dict[str, int]:
        """Requests stored, still waiting for the platform, and refused by it."""
        row = self._database.execute(
            "SELECT count(*) AS requests, count(*) - count(acknowledged_at) AS waiting,"
            " count(refused) AS refused FROM request"
        ).fetchone()
        return dict(row)

    def _message(self, query: str, given: tuple[str | None, ...]) -> Answered | None:
        row = self._database.execute(query, given).fetchone()
        if row is None:
            return None
        return Answered(
            number=row["number"],
            id=row["id"],
            hop=row["hop"],
            started_trace=row["started_trace"],
            handled=row["handled_at"] is not None,
        )

    def sent_so_far(self, name: str) -> int:
        """How many requests of this name this folder has ever stored."""
        (count,) = self._database.execute(
            "SELECT count(*) FROM request WHERE name = ?", (name,)
        ).fetchone()
        return int(count)


def _prepared(row: Row) -> Prepared:
    return Prepared(
        number=row["number"],
        id=UUID(row["id"]),
        name=row["name"],
        subject=row["subject"],
        headers=json.loads(row["headers"]),
        body=row["body"],
        acknowledged=row["acknowledged_at"] is not None,
    )

"""What has come over the feed: each message once, numbers that are missing, what nobody can read."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.envelope import Envelope
from partners.kit.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """How a message stands in the ledger; `missing` are the feed numbers it left out, if any."""

    number: int
    copies: int
    handled: bool
    missing: range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A message that could not be read, with its bytes as they came."""

    stream_sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes
    reason: str
    field: str | None


class Feed:
    """The incoming half of the ledger; the caller holds the transaction."""

    def __init__(self, database: Database):
        self._database = database

    def note(
        self, envelope: Envelope, *, hop: str | None, now: datetime, recorded_at: datetime
    ) -> Received:
        """Count this copy; the first one also moves the feed's number of its source.

        What was handled before a replay that it falls into is open again.
        """
        row = self._database.execute(
            "INSERT INTO message (source, id, type, hop, started_trace, received_at)"
            " VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (source, id) DO UPDATE SET copies = copies + 1"
            " RETURNING number, copies, handled_at",
            (
                envelope.source,
                str(envelope.id),
                envelope.type,
                hop,
                envelope.started_trace,
                now.isoformat(),
            ),
        ).fetchone()
        number, first = row["number"], row["copies"] == 1
        handled = self._is_done(row["handled_at"], recorded_at)
        if row["handled_at"] is not None and not handled:
            self._database.execute(
                "UPDATE message SET handled_at = NULL WHERE number = ?", (number,)
            )
        missing = self.follow(envelope, now) if first else None
        return Received(
            number=number,
            copies=row["copies"],
            handled=handled,
            missing=missing,
        )

    def handled(self, number: int, now: datetime) -> None:
        """Close the message with this ledger number."""
        self._database.execute(
            "UPDATE message SET handled_at = ? WHERE number = ?",
            (now.isoformat(), number),
        )

    def replay(self, since: datetime, now: datetime) -> None:
        """What was recorded since this moment, and handled before now, is handed out again."""
        self._database.execute("DELETE FROM replay")
        times = since.astimezone(UTC).isoformat(), now.isoformat()
        self._database.execute("INSERT INTO replay (since, asked_at) VALUES (?, ?)", times)

    def _is_done(self, handled_at: str | None, recorded_at: datetime) -> bool:
        replay = self._database.execute("SELECT since, asked_at FROM replay").fetchone()
        if handled_at is None or replay is None:
            return handled_at is not None
        is_before = datetime.fromisoformat(handled_at) < datetime.fromisoformat(replay["asked_at"])
        return not (is_before and recorded_at >= datetime.fromisoformat(replay["since"]))

    def quarantine(self, broken: Broken, now: datetime) -> None:
        """Keep it once, however often it is delivered."""
        self._database.execute(
            "INSERT INTO quarantine"
            " (stream_sequence, digest, subject, reason, field, headers, body, kept_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                broken.stream_sequence,
                hashlib.sha256(broken.body).hexdigest(),
                broken.subject,
                broken.reason,
                broken.field,
                json.dumps(dict(broken.headers)),
                broken.body,
                now.isoformat(),
            ),
        )

    def follow(self, envelope: Envelope, now: datetime) -> range | None:
        """Move the source's number on; the numbers skipped, or None.

        A gap is something to tell, never a reason to wait: the help in it is not held back.
        """
        source, got = envelope.source, envelope.feed_sequence
        if got is None:
            return None
        last = self._last(source)
        if got <= last:
            self._fill(source, got)
            return None
        self._database.execute(
            "INSERT INTO feed (source, last) VALUES (?, ?)"
            " ON CONFLICT (source) DO UPDATE SET last = excluded.last",
            (source, got),
        )
        if got == last + 1:
            return None
        self._miss(source, range(last + 1, got), now.isoformat())
        return range(last + 1, got)

    def trimmed(self, source: str, numbers: Iterable[int]) -> None:
        """The platform has taken these out of the feed: nothing will come under them."""
        for number in numbers:
            self._fill(source, number)

    def missing(self) -> list[tuple[str, int, int]]:
        """(source, first, last) of every stretch of feed numbers that never came."""
        rows = self._database.execute(
            "SELECT source, first, last FROM missing ORDER BY source, first"
        )
        return [(row["source"], row["first"], row["last"]) for row in rows]

    def last_numbers(self) -> dict[str, int]:
        """The highest feed number of each source."""
        rows = self._database.execute("SELECT source, last FROM feed ORDER BY source")
        return {row["source"]: row["last"] for row in rows}

    def counts(self) -> dict[str, int]:
        """Messages received and handled, copies recognised as repeats, messages kept aside."""
        row = self._database.execute(
            "SELECT count(*) AS received, count(handled_at) AS handled,"
            " coalesce(sum(copies - 1), 0) AS repeats,"
            " (SELECT count(*) FROM quarantine) AS quarantined FROM message"
        ).fetchone()
        return dict(row)

    def _last(self, source: str) -> int:
        row = self._database.execute("SELECT last FROM feed WHERE source = ?", (source,)).fetchone()
        return int(row["last"]) if row else 0

    def _fill(self, source: str, got: int) -> None:
        row = self._database.execute(
            "DELETE FROM missing WHERE source = ? AND first <= ? AND last >= ?"
            " RETURNING first, last, noticed_at",
            (source, got, got),
        ).fetchone()
        if row is None:
            return
        for rest in (range(row["first"], got), range(got + 1, row["last"] + 1)):
            if rest:
                self._miss(source, rest, row["noticed_at"])

    def _miss(self, source: str, numbers: range, noticed_at: str) -> None:
        self._database.execute(
            "INSERT INTO missing (source, first, last, noticed_at) VALUES (?, ?, ?, ?)",
            (source, numbers.start, numbers.stop - 1, noticed_at),
        )

"""Remembers, across crashes, what came in, what was done with it and what must still go out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Self

from contracts.envelope import Envelope
from contracts.event import Message
from contracts.feed import ConsentWithdrawn, FeedTrimmed
from partners.kit.database import Database, connect, connect_memory, transaction
from partners.kit.feed import Broken, Feed, Received
from partners.kit.outbox import Outbox, Prepared
from partners.kit.referrals import Referrals
from partners.kit.withdrawals import Withdrawals

FILE = "ledger.sqlite3"
#: The headers of a stored request, with a signature by the key of now.
Sign = Callable[[Prepared], Mapping[str, str]]


class Ledger:
    """One SQLite file: `feed` (in), `referrals` and `withdrawals` (what we have), `outbox` (out).

    Each method here is one transaction, on disk when it returns. Times are aware UTC.
    """

    def __init__(self, database: Database):
        self._database = database
        self.feed = Feed(database)
        self.referrals = Referrals(database)
        self.withdrawals = Withdrawals(database)
        self.outbox = Outbox(database)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open or make the ledger beside the keys; raises `LedgerRefused`."""
        return cls(connect(folder / FILE))

    @classmethod
    def open_in_memory(cls) -> Self:
        """A ledger that is gone when closed: for trying things out."""
        return cls(connect_memory())

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def receive(
        self,
        envelope: Envelope,
        message: Message,
        *,
        hop: str | None,
        recorded_at: datetime,
        now: datetime,
        organisation: str,
    ) -> Received:
        """Remember that this message has come, before anybody acts on it."""
        with transaction(self._database):
            received = self.feed.note(envelope, hop=hop, now=now, recorded_at=recorded_at)
            if received.copies == 1:
                self.referrals.note(message, number=received.number, now=now, own=organisation)
                self.outbox.note(message, now)
                self._note_withdrawal(envelope, message, number=received.number, now=now)
        return received

    def handled(self, number: int, now: datetime) -> None:
        """The partner's own work for this message is done: it is never handed out again."""
        self.feed.handled(number, now)

    def replay(self, since: datetime, now: datetime) -> None:
        """Hand out again what was recorded since this moment and handled before now."""
        with transaction(self._database):
            self.feed.replay(since, now)

    def mind_loss(self, born: str, *, door: str, since: datetime, sign: Sign) -> int:
        """Let wait again, where the feed was made anew, what was sent since then and never answered.

        `door` is by which the feed said when it was made. Each is signed anew, for its key may have ended meanwhile. How many wait again.
        """
        with transaction(self._database):
            again = self.outbox.unanswered(since) if self.outbox.is_reborn(born, door=door) else []
            for one in again:
                self.outbox.send_again(one.id)
                self.outbox.sign_anew(one.id, sign(one))
        return len(again)

    def quarantine(self, broken: Broken, now: datetime, *, envelope: Envelope | None) -> None:
        """Keep a message nobody here can read, so that a person can look at it later.

        With `envelope`, which somebody we believe has signed, its feed number counts as come: it is
        unreadable, not missing.
        """
        with transaction(self._database):
            self.feed.quarantine(broken, now)
            if envelope is not None:
                self.feed.follow(envelope, now)

    def _note_withdrawal(
        self, envelope: Envelope, message: Message, *, number: int, now: datetime
    ) -> None:
        """Numbers that will not come are not missing, and an offer withdrawn is not ours to keep."""
        if isinstance(message, FeedTrimmed):
            self.feed.trimmed(envelope.source, message.numbers)
        elif isinstance(message, ConsentWithdrawn):
            self.withdrawals.note(message, number=number)
            if not message.kept:
                self.referrals.forget(message.referral_id, number=number, now=now)

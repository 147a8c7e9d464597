"""What the ledger knows, as numbers: the answer to "is everything in order?"."""

from dataclasses import dataclass
from pathlib import Path

from partners.kit.ledger import FILE, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Messages: received = handled + open; `repeats` were recognised and not handled twice.

    `gaps` are (source, first, last) feed numbers that never came; `referrals` counts by state;
    `to_erase` are the referrals whose withdrawal of consent is not confirmed.
    """

    received: int
    handled: int
    repeats: int
    quarantined: int
    requests: int
    waiting: int
    refused: int
    gaps: tuple[tuple[str, int, int], ...]
    last: dict[str, int]
    referrals: dict[str, int]
    to_erase: tuple[str, ...]


def read_counters(folder: Path) -> Counters | None:
    """The counters of this folder's ledger; None when nothing was ever received or sent there."""
    if not (folder / FILE).exists():
        return None
    ledger = Ledger.open(folder)
    try:
        return Counters(
            **ledger.feed.counts(),
            **ledger.outbox.counts(),
            gaps=tuple(ledger.feed.missing()),
            last=ledger.feed.last_numbers(),
            referrals=ledger.referrals.by_state(),
            to_erase=tuple(str(one.referral_id) for one in ledger.withdrawals.unconfirmed()),
        )
    finally:
        ledger.close()

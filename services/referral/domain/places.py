"""How many places of a service are left: what was counted, and who has come or gone since."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The last count of an organisation's places of one service, and our referrals beside it.

    promised: accepted, and the service had not begun when it was counted; the place is held.
    left: whose service had begun when it was counted, and has ended since the count came.
    """

    organisation: str
    service: str
    places: int
    free: int
    counted_at: datetime
    promised: int = 0
    left: int = 0

    @property
    def room(self) -> int:
        """Whom it can still take; never fewer than none.

        A person who is on the way lies in no bed yet, so whoever counts beds does not see her.
        """
        return max(0, min(self.places, self.free + self.left) - self.promised)

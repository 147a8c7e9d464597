"""What referral says of the ladder: which rung is called, and what became of each notice.

A notice says to a person that something waits, and nothing else; it is told here by codes, and never
to which address it went.
"""

from typing import Annotated, ClassVar
from uuid import UUID

from contracts.event import Message
from contracts.vocabulary import Term


class OfSomethingThatWaits(Message):
    """referral_id, unplaced_id or threat_id: what waits. waits_for: the organisation that has to act."""

    service: Annotated[str, Term("service")]
    waits_for: str
    rung: Annotated[str, Term("rung")]
    referral_id: UUID | None = None
    unplaced_id: UUID | None = None
    threat_id: UUID | None = None


class ReferralEscalated(OfSomethingThatWaits):
    """The next rung of the ladder is called, since nobody acted or nobody could be told."""

    name: ClassVar[str] = "referral.escalated"

    reason: Annotated[str, Term("escalation_reason")]


class NoticeEvent(OfSomethingThatWaits):
    """organisation: whose post is told; without it, nobody stands on this rung."""

    notice_id: UUID
    organisation: str | None = None


class NoticeSent(NoticeEvent):
    """A post was told that something waits."""

    name: ClassVar[str] = "notice.sent"

    medium: Annotated[str, Term("notice_medium")]


class NoticeFailed(NoticeEvent):
    """Nobody on this rung could be told: the next one is called at once."""

    name: ClassVar[str] = "notice.failed"

    reason: Annotated[str, Term("notice_failure")]


class NoticeAcknowledged(NoticeEvent):
    """A person looks after it: no further rung is called."""

    name: ClassVar[str] = "notice.acknowledged"

    by_role: Annotated[str, Term("role")]


NOTICES: tuple[type[Message], ...] = (
    ReferralEscalated,
    NoticeSent,
    NoticeFailed,
    NoticeAcknowledged,
)

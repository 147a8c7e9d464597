"""The rules of giving a case to another owner: one offers, the other accepts, one has it always."""

from dataclasses import dataclass
from uuid import UUID

#: Days for which an offer stands; then it ends by itself, and the case is its owner's as before.
LAPSES_AFTER_DAYS = 14


class TransferRefused(Exception):
    """What was asked cannot be."""


class AlreadyOwner(TransferRefused):
    """Nobody gives a case to itself."""


class CannotOwn(TransferRefused):
    """No organisation of the directory, or one of a kind that owns no case."""


class NoGround(TransferRefused):
    """Nothing allows the new owner to be told: neither consent nor another ground."""


class Pending(TransferRefused):
    """Somebody has been asked already, and may still accept."""


class Closed(TransferRefused):
    """Nobody takes care of the person: the case is reopened before it is given away."""


class Settled(TransferRefused):
    """Accepted, refused, withdrawn or lapsed, or the case is not the offering owner's any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offer as it stands. is_open: nobody has ended it, and it has not lapsed."""

    transfer_id: UUID
    case_id: UUID
    from_owner: str
    to_owner: str
    ground: str
    is_open: bool


def require_open(offer: Offer, *, root: UUID, owner: str, is_erased: bool) -> None:
    """Whether it can still be accepted, of the person whose case and owner these are now.

    Raises `Settled`: also where a merge has put the case under another, or given it to another.
    """
    if not offer.is_open or is_erased or (offer.case_id, offer.from_owner) != (root, owner):
        raise Settled

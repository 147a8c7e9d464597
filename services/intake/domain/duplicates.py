"""The rules of two cases that may be of one person: who says so, and what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

OPEN, DISMISSED, MERGED = "open", "dismissed", "merged"


class DuplicateRefused(Exception):
    """What was asked of a pair cannot be."""


class NotOwner(DuplicateRefused):
    """Whoever has neither case any more has no say in it."""


class AlreadyMerged(DuplicateRefused):
    """A merge is undone, not denied."""


class NotMerged(DuplicateRefused):
    """This pair has merged nothing that could be undone."""


class OneIsClosed(DuplicateRefused):
    """One person is not cared for in one case and given up in the other."""


class NotTheirsToUndo(DuplicateRefused):
    """Neither the surviving case's owner nor the merged case's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of a pair. first_owner: whose it is when it is merged into no other."""

    case_id: UUID
    owner: str
    first_owner: str
    registered_at: datetime
    is_closed: bool = False

    @property
    def age(self) -> tuple[datetime, UUID]:
        """What orders cases: of two, the one with the lower age came first."""
        return self.registered_at, self.case_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A candidate as it stands. said: organisation → whether it is one person, its last word.

    link: (merged case, the case that it was merged into) by this very pair.
    """

    pair_id: UUID
    earlier: Case
    later: Case
    state: str
    said: Mapping[str, bool]
    link: tuple[Case, Case] | None = None

    @property
    def owners(self) -> frozenset[str]:
        """Whose word is needed: both owners', one where it has both."""
        return frozenset({self.earlier.owner, self.later.owner})

    @property
    def parties(self) -> frozenset[str]:
        """Who may know of the pair at all."""
        return self.owners | {self.earlier.first_owner, self.later.first_owner}


def state_after(pair: Pair, organisation: str, *, same_person: bool) -> str:
    """`merged` once every owner has said yes, `dismissed` when one says no, else `open`.

    Raises `NotOwner`, `AlreadyMerged`.
    """
    if organisation not in pair.owners:
        raise NotOwner
    if pair.state == MERGED:
        if not same_person:
            raise AlreadyMerged
        return MERGED
    said = {**pair.said, organisation: same_person}
    words = [said.get(owner) for owner in pair.owners]
    if False in words:
        return DISMISSED
    return OPEN if None in words else MERGED


def link_to_undo(pair: Pair, organisation: str) -> tuple[Case, Case]:
    """The merged case and its parent. Raises `NotMerged`, `NotTheirsToUndo`."""
    if pair.link is None:
        raise NotMerged
    child, parent = pair.link
    if organisation not in {parent.owner, child.first_owner}:
        raise NotTheirsToUndo
    return child, parent


def in_order(one: Case, other: Case) -> tuple[Case, Case]:
    """(earlier, later). The later goes into the earlier, so that no circle can come about.

    Raises `OneIsClosed`.
    """
    if one.is_closed != other.is_closed:
        raise OneIsClosed
    return (one, other) if one.age < other.age else (other, one)

"""Who reports which part of a proceeding, and what a new word changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

#: Request → the kinds of organisation whose business it is (domain §5.2).
REPORTERS: Mapping[str, frozenset[str]] = {
    "proceeding.report": frozenset({"police", "gendarmerie", "justice"}),
    "suspect.report": frozenset({"police", "gendarmerie", "justice"}),
    "judgment.report": frozenset({"justice"}),
}
#: What a file is once a court has ended the trial.
AFTER_TRIAL = frozenset({"judged", "appealed", "cassation", "final"})


class File(NamedTuple):
    """A file, by the id that the organisation itself gives it."""

    organisation: str
    proceeding_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a file stands, as far as those on the victim's side hear of it."""

    state: str
    on: date
    next_hearing_on: date | None


def is_news(before: Standing | None, now: Standing) -> bool:
    """Whether this word tells where the file stands: of an earlier day than the last it does not."""
    if before is None:
        return True
    if now.on < before.on:
        return False
    return (now.state, now.next_hearing_on) != (before.state, before.next_hearing_on)

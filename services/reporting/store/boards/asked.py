"""What a count of a board is: a question for things, each with one code of every division."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """meaning: what is counted, in words. question: SQL that gives `item`, counted once however
    often it is found, and a text column for each of the divisions.
    """

    unit: Literal["persons", "referrals", "services", "cases"]
    meaning: str
    question: str
    divisions: tuple[str, ...] = ()

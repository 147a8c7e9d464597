"""What an indicator is: a question that finds each thing it counts, with the event it rests on."""

from dataclasses import dataclass
from typing import Literal

MeasureUnit = Literal[
    "persons", "nights", "days", "francs", "sessions", "participants", "reached", "calls"
]  # fmt: skip
Unit = Literal["persons", "referrals", "files", "suspects", "cases", "exceptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One line of domain §6, over a window of days and up to a moment.

    numerator, denominator, source: what is counted, out of what, and from which events; an empty
    denominator is none. counted, out_of: SQL that gives (item, event_id, by): what counts once
    however often it is found, an event it rests on, and its codes in each dimension. The unit of
    both is `unit`. dimensions: what `by` may be asked for; where a thing has several codes of one,
    it counts under each, so the parts may be more than the whole.
    """

    code: str
    unit: Unit
    numerator: str
    source: str
    counted: str
    dimensions: tuple[str, ...]
    denominator: str = ""
    out_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A sum, or a median that is one of the values, over things of a window.

    meaning: what is measured, over what, and out of what where there is something. measured,
    out_of: SQL that gives (item, by, amount), each item with one amount; measured also the event_id
    it rests on. times: what the quotient is told as, such as per 100,000.
    """

    code: str
    unit: MeasureUnit
    how: Literal["sum", "median"]
    meaning: str
    source: str
    measured: str
    dimensions: tuple[str, ...]
    out_of: str | None = None
    times: int = 1

    @property
    def numerator(self) -> str:
        """Its meaning, where an edition says what is counted."""
        return self.meaning

    @property
    def denominator(self) -> str:
        """The meaning says that too."""
        return ""

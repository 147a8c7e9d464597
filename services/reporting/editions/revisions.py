"""The section on revisions in the words of one language: what reads otherwise than before, and why."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from services.reporting.editions import words
from services.reporting.use_cases.revising import Moved, Number, Revised
from services.reporting.use_cases.summing import SHOWN

#: What stands for a hidden number, in both languages: secret statistique, suppressed.
HIDDEN: Final = "s"
#: Where nothing can be told.
NONE: Final = "–"
FIRST: Final = "This is the first edition of this period: there is none before it to compare with."
SAME: Final = (
    "Compared with the edition as of %(moment)s UTC, each of %(compared)s figures reads as before."
)
OTHERWISE: Final = "Compared with the edition as of %(moment)s UTC, %(moved)s of %(compared)s figures read otherwise."
ROUNDED: Final = (
    "Events recorded between the two editions. Their numbers are rounded down to a multiple of "
    "%(k)s, so that they tell of nobody who came since; 0 may stand for a few."
)
HEADS: Final = ("Figure", "Before", "Now", "Difference")
REASON_HEADS: Final = ("Reason", "Events, at least")
TEXTS: Final = (FIRST, SAME, OTHERWISE, ROUNDED, *HEADS, *REASON_HEADS)


class Told(NamedTuple):
    """How a language says a word, a number and a moment."""

    word: Callable[[str], str]
    number: Callable[[int], str]
    moment: Callable[[datetime], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """rows: figure with its unit, before, now, difference; reasons: with the number of events."""

    summary: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    reason_heads: tuple[str, ...]
    reasons: tuple[tuple[str, str], ...]


def revision_of(revised: Revised | None, told: Told) -> Revision:
    """Also of a first edition, which says that it is one."""
    if revised is None:
        return Revision(
            summary=told.word(FIRST), heads=(), rows=(), note="", reason_heads=(), reasons=()
        )
    counts = {"moved": told.number(len(revised.moved)), "compared": told.number(revised.compared)}
    said = told.word(OTHERWISE if revised.moved else SAME)
    return Revision(
        summary=said % (counts | {"moment": told.moment(revised.since)}),
        heads=tuple(map(told.word, HEADS)),
        rows=tuple(_row(one, told) for one in revised.moved),
        note=told.word(ROUNDED) % {"k": told.number(revised.step)},
        reason_heads=tuple(map(told.word, REASON_HEADS)),
        reasons=tuple(
            (told.word(words.REASONS[reason]), told.number(count))
            for reason, count in revised.reasons.items()
        ),
    )


def _row(moved: Moved, told: Told) -> tuple[str, ...]:
    indicator = SHOWN[moved.code]
    title = told.word(words.title_of(moved.code))
    unit = told.word(words.UNITS.get(indicator.unit, indicator.unit))
    has_whole = indicator.out_of is not None
    before, now = (_number(one, told, has_whole=has_whole) for one in (moved.before, moved.now))
    return (f"{title} ({moved.code}), {unit}", before, now, _difference(moved, told))


def _number(number: Number, told: Told, *, has_whole: bool) -> str:
    value, out_of = (HIDDEN if one is None else told.number(one) for one in number)
    return f"{value} / {out_of}" if has_whole else value


def _difference(moved: Moved, told: Told) -> str:
    """Of the numerators, where both are shown: then each may know it."""
    before, now = moved.before[0], moved.now[0]
    if before is None or now is None:
        return NONE
    sign = "+" if now > before else "−" if now < before else ""
    return f"{sign}{told.number(abs(now - before))}"

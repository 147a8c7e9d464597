"""An edition in the words of one language: what each of its forms (page, PDF, sheets) lays out."""

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from chassis.web.pages import load_translations
from contracts.vocabulary import label
from services.reporting.domain import is_calendar_year
from services.reporting.editions import words
from services.reporting.editions.revisions import HIDDEN, Revision, Told, revision_of
from services.reporting.use_cases.dividing import UNKNOWN, list_of
from services.reporting.use_cases.drawing import Drawn, Row, Table

LOCALE: Final = Path(__file__).parent / "locale"
__all__ = [
    "HIDDEN",
    "LOCALE",
    "Division",
    "Figure",
    "Line",
    "Section",
    "View",
    "translations",
    "view_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row as it is read; number and whole: as they are, None where hidden; share: of the largest shown value, for a bar; None where hidden."""

    code: str
    label: str
    value: str
    out_of: str
    percent: str
    number: int | None
    whole: int | None
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A table of one indicator; kind: `map` for the 20 units, else `bars`.

    is_suppressed: some number is hidden; is_hidden: all are, so that a sentence says as much.
    """

    name: str
    dimension: str
    caption: str
    head: str
    lines: tuple[Line, ...]
    kind: str
    is_suppressed: bool
    is_hidden: bool
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One indicator: its number with its unit, what it means, its tables."""

    code: str
    title: str
    unit: str
    whole: Line
    has_denominator: bool
    definition: tuple[tuple[str, str], ...]
    divisions: tuple[Division, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An axis of the committee."""

    name: str
    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All of an edition, translated; `drawn` for what has no words."""

    drawn: Drawn
    language: str
    words: gettext.NullTranslations
    title: str
    period: str
    as_of: str
    sections: tuple[Section, ...]
    revision: Revision
    method: tuple[str, ...]
    positions: tuple[tuple[str, str, str], ...]


def translations(language: str) -> gettext.NullTranslations:
    """The report's catalogue."""
    return load_translations(language, [LOCALE], domain="report")


def view_of(drawn: Drawn, language: str) -> View:
    """The edition in French or English."""
    return _Reader(language).view(drawn)


class _Reader:
    """Turns codes and numbers into what somebody reads."""

    def __init__(self, language: str):
        self.language = language
        self.words = translations(language)
        self._ = self.words.gettext

    def view(self, drawn: Drawn) -> View:
        """Everything."""
        window = drawn.edition.window
        days = {"first": self.day(window.start), "last": self.day(window.end - timedelta(days=1))}
        return View(
            drawn=drawn,
            language=self.language,
            words=self.words,
            title=self.title(drawn),
            period=self._("From %(first)s to %(last)s, both included") % days,
            as_of=self.moment(window.as_of),
            sections=tuple(
                Section(name=name, title=self._(title), figures=self.figures(drawn, name))
                for name, title in words.SECTIONS
            ),
            revision=revision_of(drawn.revised, Told(self._, self.number, self.moment)),
            method=tuple(self._(one) for one in words.METHOD),
            positions=tuple(
                (one.stream, self.number(one.sequence), self.moment(one.recorded_at))
                for one in drawn.positions
            ),
        )

    def title(self, drawn: Drawn) -> str:
        """The year where the window is one."""
        start, end = drawn.edition.window.start, drawn.edition.window.end
        if is_calendar_year(start, end):
            return self._("Annual report %(year)d") % {"year": start.year}
        return self._("Report on a period")

    def figures(self, drawn: Drawn, section: str) -> tuple[Figure, ...]:
        """The indicators of an axis, in the order in which they are registered."""
        by_code: dict[str, list[Table]] = {}
        for table in drawn.tables:
            by_code.setdefault(table.indicator.code, []).append(table)
        return tuple(
            self.figure(tables)
            for code, tables in by_code.items()
            if words.section_of(code) == section
        )

    def figure(self, tables: list[Table]) -> Figure:
        """whole: the table that is not divided."""
        indicator = tables[0].indicator
        whole = next(one for one in tables if not one.dimension)
        return Figure(
            code=indicator.code,
            title=self._(words.title_of(indicator.code)),
            unit=self._(words.UNITS.get(indicator.unit, indicator.unit)),
            whole=self.line(whole.rows[0], "", most=0),
            has_denominator=indicator.out_of is not None,
            definition=tuple(
                (self._(name), self._(text) if is_text else text)
                for name, text, is_text in (
                    ("What is counted", indicator.numerator, True),
                    ("Out of", indicator.denominator, True),
                    ("Source", indicator.source, False),
                )
                if text
            ),
            divisions=tuple(
                self.division(one) for one in tables if one.dimension and _has_some(one)
            ),
        )

    def division(self, table: Table) -> Division:
        """Rows in the order of their list."""
        head = self._(words.DIMENSIONS.get(table.dimension, table.dimension))
        title = self._(words.title_of(table.indicator.code))
        unit = self._(words.UNITS.get(table.indicator.unit, table.indicator.unit))
        most = max((one.value or 0 for one in table.rows), default=0)
        lines = tuple(self.line(one, table.dimension, most=most) for one in table.rows)
        return Division(
            name=table.name,
            dimension=table.dimension,
            caption=f"{title} ({unit}) – {head}",
            head=head,
            lines=lines,
            kind="map" if table.dimension == "region" else "bars",
            is_suppressed=table.is_suppressed,
            is_hidden=table.is_hidden,
            description="; ".join(f"{one.label}: {one.value}" for one in lines),
        )

    def line(self, row: Row, dimension: str, *, most: int) -> Line:
        """A row of a table, or the whole."""
        is_whole = row.value is not None and bool(row.out_of)
        return Line(
            code=row.code,
            label=self.label(dimension, row.code),
            value=self.shown(row.value),
            out_of=self.shown(row.out_of),
            percent="–" if not is_whole else self.percent((row.value or 0) / (row.out_of or 1)),
            number=row.value,
            whole=row.out_of,
            share=None if row.value is None else row.value / max(most, 1),
        )

    def label(self, dimension: str, code: str) -> str:
        """What a code means."""
        if not code:
            return self._("Whole")
        name = list_of(dimension)
        if name is None or code == UNKNOWN:
            return self._(words.CODES[code])
        return label(name, code, self.language)

    def shown(self, number: int | None) -> str:
        """A number, or what stands for one that is hidden."""
        return HIDDEN if number is None else self.number(number)

    def number(self, number: int) -> str:
        """As the language writes it."""
        return str(format_decimal(number, locale=self.language))

    def percent(self, share: float) -> str:
        """One decimal."""
        return str(format_percent(share, format=_PERCENT[self.language], locale=self.language))

    def day(self, day: date) -> str:
        """In words."""
        told = str(format_date(day, format="long", locale=self.language))
        # French numbers the first of a month otherwise than the days after it.
        return told.replace("1 ", "1er ", 1) if self.language == "fr" and day.day == 1 else told

    def moment(self, moment: datetime) -> str:
        """To the second, in UTC."""
        return str(format_datetime(moment, format=_MOMENT[self.language], locale=self.language))


def _has_some(table: Table) -> bool:
    """A whole of none has no parts worth a table."""
    return any(one.value != 0 or one.out_of not in (0, None) for one in table.rows)


#: On a clock of 24 hours in English as well: "12:00 AM" is read as noon and as midnight.
_MOMENT: Final[Mapping[str, str]] = {"fr": "medium", "en": "MMM d, y, HH:mm:ss"}
_PERCENT: Final[Mapping[str, str]] = {"fr": "#,##0.0 %", "en": "#,##0.0%"}

"""The edition as a PDF that reads aloud: tagged, in one language, with its own fonts, the same bytes each time."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typst

from services.reporting.editions.charts import chart
from services.reporting.editions.view import Division, Figure, Section, View

LAYOUT: Final = Path(__file__).parent / "templates" / "annual.typ"
#: What the layout says itself, by its own name for it.
WORDS: Final[Mapping[str, str]] = {
    "subject": "Figures on trafficking in persons in Mali",
    "public": "Public edition",
    "internal": "Internal edition: not for publication",
    "contents": "Contents",
    "units": (
        "Each number has one unit. Persons, referrals, files and suspects are never added up, and "
        "smuggled migrants are never among the victims."
    ),
    "out_of": "out of",
    "Out_of": "Out of",
    "empty": (
        "No indicator of this axis is counted from events yet. Nothing is estimated in its place."
    ),
    "revisions": "Revisions",
    "reasons": "What was recorded since",
    "method": "Method",
    "read": "What was read",
    "stream": "Stream",
    "up_to": "Up to message",
    "recorded": "Recorded (UTC)",
}
#: The same with something put in: the moment, the least number that is shown.
PHRASES: Final[Mapping[str, str]] = {
    "as_of": "As of %(moment)s UTC: only events recorded before that moment count.",
    "hidden": (
        "“s” stands for a number that is not shown: it is below %(k)s, or one below %(k)s could be "
        "computed with it. Where a table has an “s”, a none may be one as well."
    ),
    "suppressed": (
        "Numbers of this table are not shown, so that none below %(k)s can be read or computed."
    ),
    "all_hidden": (
        "No number of this table is shown: each is below %(k)s, or one below %(k)s could be "
        "computed with it."
    ),
}


def paper(view: View) -> bytes:
    """The whole file, as PDF/UA-1. Dated by the edition's moment, so the same again is the same."""
    return typst.compile(
        LAYOUT.read_bytes(),
        format="pdf",
        # Fonts of the machine would make another file of the same edition elsewhere.
        ignore_system_fonts=True,
        sys_inputs={"edition": json.dumps(_content(view), ensure_ascii=False)},
        pdf_standards=["ua-1"],
        timestamp=int(view.drawn.edition.window.as_of.timestamp()),
    )


def _content(view: View) -> dict[str, Any]:
    put = {"k": view.drawn.edition.k, "moment": view.as_of}
    said = {name: view.words.gettext(text) for name, text in WORDS.items()}
    said |= {name: view.words.gettext(text) % put for name, text in PHRASES.items()}
    return {
        "language": view.language,
        "title": view.title,
        "period": view.period,
        "audience": view.drawn.edition.audience,
        "words": said,
        "sections": [_section(one) for one in view.sections],
        "revision": asdict(view.revision),
        "method": view.method,
        "positions": view.positions,
    }


def _section(section: Section) -> dict[str, Any]:
    return {"title": section.title, "figures": [_figure(one) for one in section.figures]}


def _figure(figure: Figure) -> dict[str, Any]:
    whole = figure.whole
    return {
        "title": f"{figure.title} ({figure.code})",
        "unit": figure.unit,
        "value": whole.value,
        "out_of": [whole.out_of, whole.percent] if figure.has_denominator else [],
        "definition": figure.definition,
        "divisions": [_division(one, figure) for one in figure.divisions],
    }


def _division(division: Division, figure: Figure) -> dict[str, Any]:
    return {
        "head": division.head,
        "caption": division.caption,
        "kind": division.kind,
        "chart": chart(division),
        "description": division.description,
        "is_suppressed": division.is_suppressed,
        "is_hidden": division.is_hidden,
        "rows": [
            [one.label, one.value, *([one.out_of, one.percent] if figure.has_denominator else [])]
            for one in division.lines
        ],
    }

"""Pictures of a table as SVG: bars, and the 20 units as tiles; no colour says what no number says."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from services.reporting.editions.view import HIDDEN, Division, Line

#: Where each unit stands, (column, row), about as on a map: neighbours lie near each other.
TILES: Final[Mapping[str, tuple[int, int]]] = {
    "09": (4, 0), "06": (3, 1), "07": (5, 1), "08": (6, 0), "10": (6, 1),
    "01": (0, 2), "11": (1, 2), "14": (2, 2), "05": (3, 2), "18": (4, 2), "19": (5, 2),
    "12": (0, 3), "02": (1, 3), "04": (2, 3), "17": (3, 3), "16": (4, 3),
    "00": (1, 4), "13": (2, 4), "15": (2, 5), "03": (3, 4),
}  # fmt: skip
#: Beside the map, for what has no place on it.
_NOWHERE: Final = ("unknown", (6, 4))
#: From light to dark in one hue, so that it reads without colours as well; with the ink on each.
SHADES: Final = (
    ("#eef1f8", "#1d2433"), ("#c3cde6", "#1d2433"), ("#8296c9", "#1d2433"),
    ("#40589a", "#ffffff"), ("#20335f", "#ffffff"),
)  # fmt: skip
_HIDDEN_FILL: Final = "#e2d8c5"
_FONT: Final = "font-family='Source Sans 3, Noto Sans, Libertinus Serif, sans-serif'"
_SIZE: Final = 84
_BAR: Final = 26
_LABELS: Final = 280
#: As many as a wide font of a reader's own machine has room for: a page brings no font along.
_LETTERS: Final = 35
_SMALL_LETTERS: Final = 40


def chart(division: Division) -> str:
    """The picture, whose title and description say the same in words; none where it would show nothing."""
    if not any(one.number for one in division.lines):
        return ""
    draw = _tiles if division.kind == "map" else _bars
    return draw(division)


def shade(share: float | None) -> tuple[str, str]:
    """Fill and ink for a share of the largest."""
    if share is None:
        return _HIDDEN_FILL, "#1d2433"
    return SHADES[min(len(SHADES) - 1, round(share * (len(SHADES) - 1) + 0.499) if share else 0)]


def _tiles(division: Division) -> str:
    lines = {one.code: one for one in division.lines}
    places = [*TILES.items(), *([_NOWHERE] if _NOWHERE[0] in lines else [])]
    shapes = [_tile(lines[code], place) for code, place in places]
    width = (1 + max(column for column, _ in TILES.values())) * _SIZE
    height = (1 + max(row for _, row in TILES.values())) * _SIZE
    return _svg(division, shapes, size=(width, height))


def _tile(line: Line, place: tuple[int, int]) -> str:
    x, y = place[0] * _SIZE, place[1] * _SIZE
    fill, ink = shade(line.share if line.value != HIDDEN else None)
    middle = x + _SIZE // 2
    name = line.label.removeprefix("District de ").removesuffix(" District")
    return (
        f"<rect x='{x + 2}' y='{y + 2}' width='{_SIZE - 4}' height='{_SIZE - 4}' rx='6' "
        f"fill='{fill}' stroke='#5a6072' stroke-width='0.7'/>"
        f"<text x='{middle}' y='{y + 32}' text-anchor='middle' font-size='12.5' fill='{ink}'>"
        f"{escape(name)}</text>"
        f"<text x='{middle}' y='{y + 58}' text-anchor='middle' font-size='19' font-weight='600' "
        f"fill='{ink}'>{escape(line.value)}</text>"
    )


def _bars(division: Division) -> str:
    shapes = [_bar(one, nth) for nth, one in enumerate(division.lines)]
    return _svg(division, shapes, size=(_LABELS + 350, _BAR * len(shapes)))


def _bar(line: Line, nth: int) -> str:
    top = nth * _BAR
    length = round(270 * (line.share or 0), 1)
    bar = (
        f"<rect x='{_LABELS}' y='{top + 5}' width='{length}' height='{_BAR - 10}' fill='#40589a'/>"
    )
    return (
        f"{_label(line.label, top)}{bar if length else ''}"
        f"<text x='{_LABELS + length + 6}' y='{top + 18}' font-size='13' fill='#1d2433'>"
        f"{escape(line.value)}</text>"
    )


def _label(label: str, top: int) -> str:
    """The whole of it, on two lines where one is too short: two courts may begin alike."""
    lines = wrap(label, _SMALL_LETTERS)
    size = 13 if len(label) <= _LETTERS else 11
    first = top + (18 if len(lines) == 1 else 11)
    return "".join(
        f"<text x='{_LABELS - 8}' y='{first + 12 * nth}' text-anchor='end' font-size='{size}' "
        f"fill='#1d2433'>{escape(one)}</text>"
        for nth, one in enumerate(lines)
    )


def _svg(division: Division, shapes: Sequence[str], *, size: tuple[int, int]) -> str:
    width, height = size
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' "
        f"aria-label={quoteattr(division.caption)} {_FONT}><title>{escape(division.caption)}</title>"
        f"<desc>{escape(division.description)}</desc>{''.join(shapes)}</svg>"
    )

"""Reads a small QR code back from how it is drawn, as a telephone would: version 2, one block, no damage."""

import re
from collections.abc import Callable, Iterator
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
SIZE: Final = 25
QUIET: Final = 4
#: The eight masks of ISO/IEC 18004, table 10, by row and column.
MASKS: Final[tuple[Callable[[int, int], int], ...]] = (
    lambda i, j: (i + j) % 2, lambda i, _: i % 2, lambda _, j: j % 3, lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2, lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2, lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
)  # fmt: skip


def read_code(path: str) -> str:
    """What a path of strokes, one dot high and beyond a quiet zone, says in letters and digits."""
    dark = set(_dots(path))
    mask = MASKS[_format(dark) >> 10 & 7]
    bits = "".join(str(int(((i, j) in dark) != (mask(i, j) == 0))) for i, j in _way())
    assert bits[:4] == "0010", "not alphanumeric"
    length, bits = int(bits[4:13], 2), bits[13:]
    said = ""
    for at in range(0, length - 1, 2):
        pair = int(bits[at // 2 * 11 : at // 2 * 11 + 11], 2)
        said += ALPHABET[pair // 45] + ALPHABET[pair % 45]
    if length % 2:
        said += ALPHABET[int(bits[length // 2 * 11 : length // 2 * 11 + 6], 2)]
    return said


def _dots(path: str) -> Iterator[tuple[int, int]]:
    """(row, column) of each dark dot: `M` and `m` go somewhere, `h` draws to the right."""
    column, row = 0.0, 0.0
    for verb, given in re.findall(r"([Mmh])([-0-9. ]+)", path):
        numbers = [float(one) for one in given.split()]
        if verb == "M":
            column, row = numbers
        elif verb == "m":
            column, row = column + numbers[0], row + numbers[1]
        else:
            for step in range(int(numbers[0])):
                yield int(row) - QUIET, int(column) + step - QUIET
            column += numbers[0]


def _format(dark: set[tuple[int, int]]) -> int:
    """The fifteen bits beside the first corner, without their own mask."""
    places = [*((8, j) for j in (0, 1, 2, 3, 4, 5, 7, 8)), *((i, 8) for i in (7, 5, 4, 3, 2, 1, 0))]
    return int("".join(str(int(one in dark)) for one in places), 2) ^ 0b101010000010010


def _way() -> Iterator[tuple[int, int]]:
    """From the last corner up and down by pairs of columns, around what is the code's own."""
    upwards = True
    for right in (*range(SIZE - 1, 6, -2), 5, 3, 1):
        rows = range(SIZE - 1, -1, -1) if upwards else range(SIZE)
        yield from ((i, j) for i in rows for j in (right, right - 1) if not _is_its_own(i, j))
        upwards = not upwards


def _is_its_own(i: int, j: int) -> bool:
    """Corners with their formats, the lines between them, and the mark of version 2."""
    corner = (i < 9 and j < 9) or (i < 9 and j >= SIZE - 8) or (i >= SIZE - 8 and j < 9)
    return corner or 6 in (i, j) or (16 <= i <= 20 and 16 <= j <= 20)

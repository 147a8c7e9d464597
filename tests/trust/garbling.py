"""Garbage that is nearly right, since a decoder refuses plain noise at its first check."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.builders import CANARY

# Made to exhaust a parser's stack, its memory or, by backtracking, its time.
MONSTERS = (
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"9" * 60_000,
    b"%" * 60_000,
    b"a" + b" " * 60_000 + b"b",
    b";".join([b"a"] * 30_000),
    b"-.,|\n" * 12_000,
    b'"' * 60_000,
    b"\xff\xfe" + b"\0" * 60_000,
    b'"\\ud800"',
)
TEXTS = st.sampled_from([CANARY, "", "\0", "\ud800", "null", "-1", "9" * 400, "٣", "%", "%zz%C3"])
TEXT = TEXTS | st.text(max_size=40) | st.integers().map(str)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def garbled(draw: st.DrawFn, sample: bytes) -> bytes:
    """Bytes that were cut, doubled, spliced or changed, or are a monster."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from(MONSTERS))
    content = sample
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(_place(content)), draw(_place(content))))
        patch = st.binary(max_size=12) | TEXT.map(_encoded) | st.just(content[start:end] * 2)
        content = content[:start] + draw(patch) + content[end:]
    return content


def garbled_text(sample: str) -> st.SearchStrategy[str]:
    """The same for text."""
    return garbled(sample.encode()).map(lambda content: content.decode("utf-8", "replace")) | TEXT


@st.composite
def garbled_document(draw: st.DrawFn, document: Any) -> Any:
    """A JSON document in which some values, members and names are something else."""
    copy = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(list(_spots({"": copy}))))
        if holder == {"": copy}:
            return draw(ANYTHING)
        change = draw(st.sampled_from(("other", "gone", "renamed")))
        if change == "other":
            holder[key] = draw(ANYTHING)
        elif change == "gone" or isinstance(holder, list):
            del holder[key]
        else:
            holder[draw(TEXT)] = holder.pop(key)
        if not copy:
            break
    return copy


def garbled_json(document: Any) -> st.SearchStrategy[bytes]:
    """The same as bytes, which may be garbled once more."""
    text = json.dumps(document).encode()
    return garbled_document(document).map(_dumped) | garbled(text)


@st.composite
def garbled_headers(draw: st.DrawFn, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that are missing, doubled in another case, or hold something else."""
    said = dict(headers)
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(headers)))
        change = draw(st.sampled_from(("other", "near", "gone", "doubled")))
        said.pop(name, None)
        if change != "gone":
            value = draw(TEXT if change == "other" else garbled_text(headers[name]))
            said[name.upper() if change == "doubled" else name] = value
    return said


@st.composite
def garbled_archive(draw: st.DrawFn, workbook: bytes) -> bytes:
    """A workbook, one of whose parts is garbled and packed again; or one that is garbled itself."""
    if draw(st.booleans()):
        return draw(garbled(workbook))
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as source, zipfile.ZipFile(packed, "w") as target:
        names = source.namelist()
        victim = draw(st.sampled_from(names))
        for name in names:
            content = source.read(name)
            target.writestr(name, draw(garbled(content)) if name == victim else content)
    return packed.getvalue()


def _place(content: bytes) -> st.SearchStrategy[int]:
    return st.integers(0, len(content))


def _spots(holder: Any) -> list[tuple[Any, Any]]:
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    inner = [held for key in keys if isinstance(held := holder[key], dict | list)]
    return [(holder, key) for key in keys] + [spot for held in inner for spot in _spots(held)]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")

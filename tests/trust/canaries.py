"""Canaries: texts that stand for a person's, and the search for any of them in any disguise.

All share a mark and each has a number. A store is searched for the mark only, in every encoding, so
that a thousand canaries cost no more than one.
"""

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote, quote_plus

import zstandard

#: What every person's canary begins with.
MARK = "Ségou ZkanariQw7"
#: The same for what somebody writes where no person's data belong: a request's envelope, say.
STRAY = "Gào WqarinakQx9"
PIECE = 4096
ROOM = 16 * 1024 * 1024
_PACKED: Mapping[str, bytes] = {
    "gzip": b"\x1f\x8b\x08",
    "zstd": b"\x28\xb5\x2f\xfd",
    "deflate, fast": b"x\x01",
    "deflate": b"x\x9c",
    "deflate, small": b"x\xda",
}


def canary(number: int, *, mark: str = MARK) -> str:
    """The text with this number, 0 to 999,999."""
    return f"{mark}{number:06}z"


@cache
def disguises(text: str) -> Mapping[str, bytes]:
    """What the text looks like, by the name of the encoding."""
    plain, listed = text.encode(), quote(text)
    return {
        "plain": plain,
        **{f"base64 at {offset}": _in_base64(plain, offset) for offset in range(3)},
        "hex": plain.hex().encode(),
        "HEX": plain.hex().upper().encode(),
        "url": listed.encode(),
        "url with +": quote_plus(text).encode(),
        "json": "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text).encode(),
        "repr": ascii(text)[1:-1].encode(),
        "repr of bytes": repr(plain)[2:-1].encode(),
        "utf-16": text.encode("utf-16-le"),
        "utf-16 be": text.encode("utf-16-be"),
        "latin-1": text.encode("latin-1"),
        "reversed": text[::-1].encode(),
        "reversed bytes": plain[::-1],
    }


def _in_base64(text: bytes, offset: int) -> bytes:
    """The part of its base64 that stays the same whatever stands around it."""
    coded = base64.b64encode(bytes(offset) + text + bytes(3))
    return coded[-(-offset * 8 // 6) : (offset + len(text)) * 8 // 6]


@dataclass(frozen=True, slots=True)
class Hit:
    """A canary where none may be: the store, the encoding, what stands around it."""

    place: str
    encoding: str
    around: bytes


def hits(place: str, content: bytes, *, mark: str = MARK) -> Iterator[Hit]:
    """Every canary in these bytes and in what is packed in them; linear in their number."""
    for encoding, needle in disguises(mark).items():
        for at in _places(content, needle):
            yield Hit(place, encoding, content[max(0, at - 60) : at + 100])
    for packing, magic in _PACKED.items():
        for at in _places(content, magic):
            inside = _unpacked(packing, memoryview(content)[at : at + ROOM])
            for encoding, needle in disguises(mark).items():
                if needle in inside:
                    yield Hit(place, f"{encoding} in {packing}", inside[:100])


def _places(content: bytes, needle: bytes) -> Iterator[int]:
    at = content.find(needle)
    while at >= 0:
        yield at
        at = content.find(needle, at + 1)


class _Unpacker(Protocol):
    def decompress(self, data: Any, /) -> bytes: ...


def _unpacked(packing: str, content: memoryview) -> bytes:
    """What comes out before it breaks off, as most of what only looked packed does at once."""
    unpacker: _Unpacker = (
        zstandard.ZstdDecompressor().decompressobj()
        if packing == "zstd"
        else zlib.decompressobj(31 if packing == "gzip" else 15)
    )
    out = bytearray()
    try:
        for at in range(0, len(content), PIECE):
            out += unpacker.decompress(content[at : at + PIECE])
            if len(out) > ROOM or getattr(unpacker, "eof", False):
                break
    except (zlib.error, zstandard.ZstdError):
        pass
    return bytes(out)

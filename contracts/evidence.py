"""What shows that nothing was changed, dropped or put in: hash chains, and Merkle trees over them."""

import re
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple, Self

from contracts.keyring import decode_base64url, encode_base64url

#: The attribute by which each message of a (source, case) names its predecessor; it is signed.
PREVIOUS: Final = "ce-previousdigest"
#: What the first message of a chain names.
CHAIN_START: Final = "0" * 64
HASH_BYTES: Final = 32
_BRANCH = re.compile(r"(0|[1-9]\d{0,3})\.([1-9]\d{0,3})\.([A-Za-z0-9_-]+)")


def chain_digest(payload: bytes) -> str:
    """What the next message of the chain names: hex SHA-256 of the signed payload."""
    return sha256(payload).hexdigest()


def previous_digest(payload: bytes) -> str | None:
    """The predecessor that a signed payload names; None where it names none."""
    name = f"{PREVIOUS}:".encode()
    for line in payload.split(b"\n"):
        if line.startswith(name):
            return line[len(name) :].decode("ascii", "replace")
    return None


def first_break(payloads: Iterable[bytes], *, start: str = CHAIN_START) -> int | None:
    """The first place, from 0, that does not follow its predecessor; None for a whole chain.

    A chain cut at its end is whole: that shows against a head in a signed root.
    """
    expected = start
    for place, payload in enumerate(payloads):
        if previous_digest(payload) != expected:
            return place
        expected = chain_digest(payload)
    return None


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 §2.1: leaves and nodes never look alike."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1."""
    return sha256(b"\x01" + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The 32-byte tree hash of RFC 6962 §2.1; an odd node is carried up, never doubled."""
    if not leaves:
        return sha256().digest()
    return _levels(leaves)[-1][0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The hashes beside the way from leaf `index` to the root (RFC 6962 §2.1.1); IndexError."""
    if not 0 <= index < len(leaves):
        raise IndexError("no such leaf")
    return _beside(_levels(leaves), index)


def is_included(leaf: bytes, path: Sequence[bytes], *, index: int, size: int, root: bytes) -> bool:
    """Whether `leaf` is number `index` of the `size` leaves under `root` (RFC 9162 §2.1.3.2)."""
    return root_above(leaf, path, index=index, size=size) == root


def root_above(leaf: bytes, path: Sequence[bytes], *, index: int, size: int) -> bytes | None:
    """The root that this path leads to; None when no leaf of such a tree has such a path."""
    if not 0 <= index < size:
        return None
    here, last, reached = index, size - 1, leaf_hash(leaf)
    for beside in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            reached = node_hash(beside, reached)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            reached = node_hash(reached, beside)
        here, last = here >> 1, last >> 1
    return reached if last == 0 else None


class Branch(NamedTuple):
    """One leaf's place in a tree whose statement somebody signed, and the hashes beside its way."""

    place: int
    size: int
    path: tuple[bytes, ...]

    def statement(self, leaf: bytes) -> bytes | None:
        """What must be signed for this leaf to be; None when it can be no such leaf."""
        root = root_above(leaf, self.path, index=self.place, size=self.size)
        return None if root is None else _statement(root, self.size)

    @property
    def text(self) -> str:
        """`place.size.path`, the path in base64url."""
        return f"{self.place}.{self.size}.{encode_base64url(b''.join(self.path))}"

    @classmethod
    def read(cls, text: str) -> Self:
        """From the one text that stands for it; ValueError for any other."""
        found = _BRANCH.fullmatch(text)
        raw = decode_base64url(found[3]) if found else b""
        if found is None or len(raw) % HASH_BYTES:
            raise ValueError("not a branch")
        path = tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
        return cls(int(found[1]), int(found[2]), path)


def grow(leaves: Sequence[bytes]) -> tuple[bytes, list[Branch]]:
    """The statement to sign for all these leaves, and each one's branch; at least one leaf."""
    levels, size = _levels(leaves), len(leaves)
    branches = [Branch(place, size, _beside(levels, place)) for place in range(size)]
    return _statement(levels[-1][0], size), branches


def _statement(root: bytes, size: int) -> bytes:
    return f"size:{size}\nroot:{root.hex()}\n".encode()


def _beside(levels: Sequence[Sequence[bytes]], index: int) -> tuple[bytes, ...]:
    path = []
    for level in levels[:-1]:
        if (index ^ 1) < len(level):
            path.append(level[index ^ 1])
        index //= 2
    return tuple(path)


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Every level of the tree, the leaves' hashes first, the root alone last."""
    levels = [[leaf_hash(leaf) for leaf in leaves]]
    while len(below := levels[-1]) > 1:
        level = [node_hash(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)]
        levels.append(level + below[len(below) & ~1 :])
    return levels

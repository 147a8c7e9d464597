"""What a signed root says of one chain: where it stood, or that there was none."""

from collections.abc import Sequence
from hashlib import sha256

from partners.verify.document import Leaf, Root


def leaf_name(stream: str, key: str) -> str:
    """What the leaves of a tree are sorted by."""
    return f"{stream} {sha256(key.encode()).hexdigest()}"


def is_included(leaf: Leaf, root: Root) -> bool:
    """Whether this leaf lies at its place under this root."""
    return root_above(leaf.text, leaf.path, place=leaf.place, size=root.size) == root.root


def root_above(leaf: bytes, path: Sequence[bytes], *, place: int, size: int) -> bytes | None:
    """The root that this path leads to (RFC 9162 §2.1.3.2); None for no path of such a tree."""
    if place >= size:
        return None
    here, last, reached = place, size - 1, sha256(b"\x00" + leaf).digest()
    for beside in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            reached = sha256(b"\x01" + beside + reached).digest()
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            reached = sha256(b"\x01" + reached + beside).digest()
        here, last = here >> 1, last >> 1
    return reached if last == 0 else None


def shows_none(name: str, leaves: Sequence[Leaf], root: Root) -> bool:
    """Whether these leaves of the root show that it has none of this name.

    They are sorted by name, so two neighbours around it do; before the first or behind the last,
    one does.
    """
    below = {leaf.place for leaf in leaves if leaf.name < name}
    above = {leaf.place for leaf in leaves if leaf.name > name}
    return any(place + 1 in above for place in below) or 0 in above or root.size - 1 in below

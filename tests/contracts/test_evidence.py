from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.evidence import (
    CHAIN_START,
    PREVIOUS,
    chain_digest,
    first_break,
    inclusion_path,
    is_included,
    leaf_hash,
    merkle_root,
    node_hash,
    previous_digest,
)
from contracts.signing import signed_payload
from tests.contracts.letters import a_letter

pytestmark = pytest.mark.share("sealed")
# The leaves and roots that implementations of Certificate Transparency test each other with.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
trees = st.lists(st.binary(max_size=8), min_size=1, max_size=40)


def a_chain(length: int) -> list[bytes]:
    """Signed payloads of one case, each naming the one before."""
    payloads, previous = [], CHAIN_START
    for number in range(1, length + 1):
        letter = a_letter(b"%d" % number, case_sequence=number)
        headers = letter.headers | {PREVIOUS: previous}
        payloads.append(signed_payload(headers, letter.body, subject=letter.subject))
        previous = chain_digest(payloads[-1])
    return payloads


@pytest.mark.parametrize("size", range(9))
def test_the_tree_of_the_first_leaves_has_the_root_everybody_knows(size: int) -> None:
    assert merkle_root(LEAVES[:size]).hex() == ROOTS[size]


def test_the_paths_are_those_of_the_example_in_rfc_6962() -> None:
    # §2.1.3: seven leaves a to f and j under d0 to d6.
    leaves = [b"d%d" % number for number in range(7)]
    a, b, c, d, e, f, j = map(leaf_hash, leaves)
    g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
    k, m = node_hash(g, h), node_hash(i, j)

    assert inclusion_path(leaves, 0) == (b, h, m)
    assert inclusion_path(leaves, 3) == (c, g, m)
    assert inclusion_path(leaves, 4) == (f, j, k)
    assert inclusion_path(leaves, 6) == (i, k)
    assert merkle_root(leaves) == node_hash(k, m)


@given(trees, st.data())
def test_every_leaf_has_a_path_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path, root = inclusion_path(leaves, index), merkle_root(leaves)

    assert is_included(leaves[index], path, index=index, size=len(leaves), root=root)


@given(trees, st.data())
def test_no_other_leaf_place_size_path_or_root_will_do(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    leaf, path, root = leaves[index], inclusion_path(leaves, index), merkle_root(leaves)
    longer = (*path, leaf_hash(b""))

    assert not is_included(leaf + b"x", path, index=index, size=size, root=root)
    assert not is_included(leaf, path, index=index, size=size, root=leaf_hash(root))
    assert not is_included(leaf, longer, index=index, size=size, root=root)
    assert not is_included(leaf, path[1:], index=index, size=size, root=root) or not path
    assert not is_included(leaf, path, index=size + index, size=size, root=root)
    assert not is_included(leaf, path, index=-1, size=size, root=root)
    for at in range(len(path)):
        bent = (*path[:at], leaf_hash(path[at]), *path[at + 1 :])
        assert not is_included(leaf, bent, index=index, size=size, root=root)


@given(trees)
def test_a_place_belongs_to_one_leaf(leaves: list[bytes]) -> None:
    different = [str(number).encode() + leaf for number, leaf in enumerate(leaves)]
    root, size = merkle_root(different), len(different)

    for (here, _), (there, other) in pairwise(enumerate(different)):
        path = inclusion_path(different, here)
        assert not is_included(other, path, index=here, size=size, root=root)
        assert not is_included(different[here], path, index=there, size=size, root=root)


def test_a_node_cannot_be_shown_as_a_leaf() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert merkle_root([left + right]) != merkle_root([b"a", b"b"])


def test_there_is_no_path_to_a_leaf_that_is_not_there() -> None:
    for index in (-1, 2):
        with pytest.raises(IndexError):
            inclusion_path([b"a", b"b"], index)
    assert not is_included(b"", (), index=0, size=0, root=merkle_root([]))


def test_a_chain_that_nobody_touched_is_whole() -> None:
    chain = a_chain(6)

    assert previous_digest(chain[0]) == CHAIN_START
    assert first_break(chain) is None
    assert first_break([]) is None
    assert first_break(chain[3:], start=chain_digest(chain[2])) is None


def test_a_payload_without_a_predecessor_names_none() -> None:
    assert previous_digest(b"ce-id:1\nsubject:s\n") is None
    assert first_break([b"ce-id:1\n"]) == 0


@given(st.integers(2, 8), st.data())
def test_what_is_edited_dropped_swapped_or_put_in_shows_at_its_place(
    length: int, data: st.DataObject
) -> None:
    chain = a_chain(length)
    at = data.draw(st.integers(0, length - 2))
    edited = [*chain[:at], chain[at].replace(b"sha-256:", b"sha-256:0"), *chain[at + 1 :]]
    dropped = chain[:at] + chain[at + 1 :]
    swapped = [*chain[:at], chain[at + 1], chain[at], *chain[at + 2 :]]
    put_in = [*chain[:at], chain[at], *chain[at:]]

    assert first_break(edited) == at + 1
    assert first_break(dropped) == at
    assert first_break(swapped) == at
    assert first_break(put_in) == at + 1
    assert chain_digest(chain[:-1][-1]) != chain_digest(chain[-1])  # how a signed head tells a cut

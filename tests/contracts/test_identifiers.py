from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts.identifiers import Mint, uuid7
from contracts.topology import PARTITIONS, partition

milliseconds = st.integers(0, 2**48 - 1)
entropy = st.binary(min_size=10, max_size=10)


@given(milliseconds, entropy)
def test_a_message_id_is_laid_out_as_version_7_says(now_ms: int, random: bytes) -> None:
    made = uuid7(now_ms, random)

    assert made.version == 7
    assert made.variant == RFC_4122
    assert made.int >> 80 == now_ms


@given(milliseconds, entropy)
def test_all_74_random_bits_are_the_ones_given(now_ms: int, random: bytes) -> None:
    made = uuid7(now_ms, random).int
    given_bits = int.from_bytes(random, "big")

    assert made & (1 << 62) - 1 == given_bits & (1 << 62) - 1
    assert made >> 64 & 0xFFF == given_bits >> 64 & 0xFFF


@given(st.tuples(milliseconds, entropy), st.tuples(milliseconds, entropy))
def test_ids_sort_by_time(one: tuple[int, bytes], other: tuple[int, bytes]) -> None:
    if one[0] != other[0]:
        assert (uuid7(*one) < uuid7(*other)) == (one[0] < other[0])


def test_the_example_of_the_rfc_is_met() -> None:
    # RFC 9562 appendix A.6: 2022-02-22T19:22:22Z, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    made = uuid7(0x017F22E279B0, bytes.fromhex("0CC3" + "18C4DC0C0C07398F"))

    assert made == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


def test_what_partners_see_says_nothing_about_time() -> None:
    mint = Mint(now_ms=lambda: 1_790_000_000_000, entropy=lambda n: b"\xff" * n)

    assert mint.opaque_id().version == 4
    assert mint.opaque_id() == Mint(now_ms=lambda: 0, entropy=lambda n: b"\xff" * n).opaque_id()


@given(st.uuids())
def test_one_case_lies_always_in_the_same_of_16_partitions(case_id: UUID) -> None:
    assert partition(str(case_id)) == partition(str(case_id))
    assert 0 <= partition(str(case_id)) < PARTITIONS == 16


def test_the_partition_of_a_known_case_never_changes() -> None:
    # Moving a case to another subject would let two consumers hold it at once.
    assert partition("00000000-0000-4000-8000-000000000001") == 5

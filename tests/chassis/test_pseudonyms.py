from uuid import UUID

from hypothesis import assume, given
from hypothesis import strategies as st

from chassis.pseudonyms import FeedKey
from chassis.telemetry import Hop

keys = st.binary(min_size=32, max_size=32)
names = st.from_regex(r"[A-Z0-9_]{2,24}", fullmatch=True)
cases = st.uuids(version=4)


@given(keys, names, names, cases)
def test_two_organisations_know_a_case_by_names_that_have_nothing_in_common(
    master: bytes, one: str, other: str, case_id: UUID
) -> None:
    assume(one != other)
    first, second = FeedKey.of(master, one), FeedKey.of(master, other)

    assert first.subject(case_id) != second.subject(case_id)
    assert first.trace(case_id, sampled=True) != second.trace(case_id, sampled=True)
    assert str(case_id) not in (first.subject(case_id), second.subject(case_id))


@given(keys, names, cases, cases)
def test_one_organisation_knows_a_case_always_by_the_same_name_and_two_by_two_names(
    master: bytes, code: str, case_id: UUID, another: UUID
) -> None:
    assume(case_id != another)

    assert FeedKey.of(master, code).subject(case_id) == FeedKey.of(master, code).subject(case_id)
    assert FeedKey.of(master, code).subject(case_id) != FeedKey.of(master, code).subject(another)


@given(keys, keys, names, cases)
def test_without_the_master_key_no_name_can_be_made(
    master: bytes, guessed: bytes, code: str, case_id: UUID
) -> None:
    assume(master != guessed)

    assert FeedKey.of(master, code).subject(case_id) != FeedKey.of(guessed, code).subject(case_id)


@given(keys, names, cases, st.booleans())
def test_the_trace_that_a_partner_is_shown_is_one_of_the_standard_and_not_the_name(
    master: bytes, code: str, case_id: UUID, sampled: bool
) -> None:
    key = FeedKey.of(master, code)
    hop = Hop.parse(key.trace(case_id, sampled=sampled))

    assert hop is not None
    assert hop.sampled is sampled
    assert hop.trace_id != UUID(key.subject(case_id)).hex


def test_a_pseudonym_looks_like_any_random_id() -> None:
    made = UUID(FeedKey.of(b"k" * 32, "SHELTER_B").subject(UUID(int=1)))

    assert made.version == 4
    assert made != UUID(int=1)


def test_names_that_run_into_each_other_are_still_two_organisations() -> None:
    master, case_id = b"k" * 32, UUID(int=1)

    assert FeedKey.of(master, "AB").subject(case_id) != FeedKey.of(master, "A").subject(case_id)

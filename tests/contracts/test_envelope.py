from contextlib import suppress
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import SAFE, Envelope, Rejected, decode_headers, encode_headers
from tests.builders import CANARY

NUMBERS = ("ce-casesequence", "ce-feedsequence")
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
maybe = st.none() | text
number = st.none() | st.integers(1, 10**18 - 1)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    return Envelope(
        id=draw(st.uuids()),
        source=draw(text),
        type=draw(text),
        subject=draw(text),
        case_sequence=draw(number),
        feed_sequence=draw(number),
        causation_id=draw(maybe),
        correlation_id=draw(maybe),
        started_trace=draw(maybe),
        signature=draw(maybe),
    )


def headers(**changes: str) -> dict[str, str]:
    said = encode_headers(
        Envelope(id=UUID(int=7), source="/siraba/intake", type="ml.siraba.a.b.v1", subject="s")
    )
    return said | {name.replace("_", "-"): value for name, value in changes.items()}


@given(envelopes())
def test_whatever_text_an_attribute_holds_it_comes_back_the_same(envelope: Envelope) -> None:
    assert decode_headers(encode_headers(envelope)) == envelope


@given(envelopes())
def test_headers_are_printable_ascii_whatever_the_attributes_hold(envelope: Envelope) -> None:
    for name, value in encode_headers(envelope).items():
        assert name.isascii()
        assert value.isascii()
        assert value.isprintable()
        assert " " not in value


@given(envelopes())
def test_the_message_id_that_jetstream_dedupes_by_is_the_event_id(envelope: Envelope) -> None:
    said = encode_headers(envelope)

    assert said["Nats-Msg-Id"] == said["ce-id"] == str(envelope.id)
    assert said["ce-specversion"] == "1.0"


def test_only_what_the_binding_asks_for_is_percent_encoded() -> None:
    said = headers(ce_subject=quote('a b"c%dé', safe=SAFE))

    assert said["ce-subject"] == "a%20b%22c%25d%C3%A9"
    assert decode_headers(said).subject == 'a b"c%dé'


def test_header_names_may_come_in_any_case() -> None:
    said = {name.upper(): value for name, value in headers().items()}

    assert decode_headers(said).subject == "s"


def test_half_a_character_in_an_attribute_is_read_as_one_that_can_be_stored() -> None:
    assert decode_headers(headers() | {"ce-subject": "a\ud800"}).subject == "a?"


def test_the_hop_is_a_header_of_its_own_and_absent_without_one() -> None:
    envelope = decode_headers(headers())

    assert "traceparent" not in encode_headers(envelope)
    assert encode_headers(envelope, hop="00-a-b-01")["traceparent"] == "00-a-b-01"


@pytest.mark.parametrize("missing", ["ce-id", "ce-source", "ce-type", "ce-subject"])
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_a_required_attribute_that_is_missing_is_named(missing: str, how: str) -> None:
    said = headers()
    del said[missing]
    if how == "empty":
        said[missing] = ""

    with pytest.raises(Rejected) as rejected:
        decode_headers(said)

    assert (rejected.value.reason, rejected.value.field) == ("missing_attribute", missing)


def test_no_headers_at_all_are_rejected_like_missing_ones() -> None:
    with pytest.raises(Rejected):
        decode_headers(None)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", ["-1", "1.5", "", "٣", "1_000", " 1", "0x1", CANARY, "9" * 5000, "9" * 19]
)
def test_a_sequence_that_is_no_plain_number_is_rejected_by_name(name: str, value: str) -> None:
    with pytest.raises(Rejected) as rejected:
        decode_headers(headers() | {name: value})

    assert (rejected.value.reason, rejected.value.field) == ("missing_attribute", name)
    assert value == "" or value not in str(rejected.value)


@given(st.dictionaries(st.sampled_from([*headers(), *NUMBERS]), st.text(max_size=60)))
def test_reading_headers_either_works_or_is_rejected(changes: dict[str, str]) -> None:
    with suppress(Rejected):
        assert decode_headers(headers() | changes).subject


@given(st.sampled_from(["ce-id", *NUMBERS]), st.text(max_size=20), st.text(max_size=20))
def test_a_rejection_never_repeats_the_value(name: str, before: str, after: str) -> None:
    with pytest.raises(Rejected) as rejected:
        decode_headers(headers() | {name: before + CANARY + after})

    told = (str(rejected.value), rejected.value.field or "", *rejected.value.allowed)
    assert not any(CANARY in said for said in told)

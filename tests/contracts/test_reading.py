import json
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.catalogue import EVENTS, FEED, REQUESTS
from contracts.envelope import Envelope, Rejected, encode_headers
from contracts.feed import Offer
from contracts.reading import REQUEST_BYTES, read_event, read_feed, read_request
from contracts.requests import AcceptReferral, DeclineReferral
from contracts.signing import Reason
from contracts.topology import out_subject
from contracts.vocabulary import codes
from tests.builders import (
    CANARY,
    a_case,
    coded_facts,
    event_headers,
    event_subject,
    request_headers,
    stored_subject,
)

CASE = str(UUID(int=5, version=4))
EVENT = a_case()
REQUEST = DeclineReferral(referral_id=uuid4(), reason="capacity")
OFFER = Offer(
    referral_id=uuid4(),
    service="shelter",
    urgency="urgent_72h",
    region="12",
    sex="female",
    age_band="12-14",
    citizenship=("MLI",),
    exploitation=("domestic_work",),
    ground="consent",
)


def event(**changes: Any) -> dict[str, Any]:
    said = {
        "subject": event_subject(EVENT, CASE),
        "headers": event_headers(EVENT, case_id=CASE, number=1),
        "body": EVENT.encode(),
    }
    return said | changes


def request(**changes: Any) -> dict[str, Any]:
    said = {
        "subject": stored_subject("POLICE_A", REQUEST),
        "headers": request_headers("POLICE_A", REQUEST),
        "body": REQUEST.encode(),
    }
    return said | changes


def offer(**changes: Any) -> dict[str, Any]:
    envelope = Envelope(id=uuid4(), source="/siraba/referral", type=OFFER.ce_type(), subject="p")
    said = {
        "subject": out_subject("SHELTER_B", OFFER.name, OFFER.version),
        "headers": encode_headers(envelope),
        "body": OFFER.encode(),
    }
    return said | changes


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key.lower() != name.lower()}


def body(**changes: Any) -> bytes:
    said = json.loads(EVENT.encode()) | changes
    return json.dumps({key: value for key, value in said.items() if value != "absent"}).encode()


def test_a_good_message_of_each_kind_is_read() -> None:
    assert read_event(**event())[1] == EVENT
    assert read_request(**request())[1:] == (REQUEST, "POLICE_A")
    assert read_feed(**offer(), code="SHELTER_B")[1] == OFFER


EVENT_HEADERS = event()["headers"]
BAD_EVENTS = {
    "not_utf8": (event(body=b"\xff\xfe"), "body"),
    "not_json": (event(body=b"{"), "body"),
    "wrong_schema of a type": (event(body=body(detected_on="soon")), "detected_on"),
    "wrong_schema of a field that is missing": (event(body=body(sex="absent")), "sex"),
    "wrong_schema of a list": (event(body=b"[]"), "body"),
    "wrong_schema of consent said twice": (
        event(
            body=body(
                consent=[{"recipient_kind": "shelter", "state": "given", "by": "guardian"}] * 2
            )
        ),
        "body",
    ),
    "wrong_schema of a cercle elsewhere": (event(body=body(cercle="0101")), "body"),
    "unknown_code": (event(body=body(sex="girl")), "sex"),
    "unknown_code in a list": (event(body=body(needs=["shelter", "gold"])), "needs.1"),
    "unknown_type": (event(headers=EVENT_HEADERS | {"ce-type": "ml.siraba.a.b.v1"}), "ce-type"),
    "unknown_type of a request": (
        event(headers=EVENT_HEADERS | {"ce-type": REQUEST.ce_type()}),
        "ce-type",
    ),
    "wrong_source": (event(headers=EVENT_HEADERS | {"ce-source": "/siraba/referral"}), "ce-source"),
    "wrong_subject of another case": (
        event(headers=event_headers(EVENT, case_id=str(UUID(int=7)), number=1)),
        "subject",
    ),
    "wrong_subject": (event(subject="siraba.intake.case.closed.v1.0"), "subject"),
    "missing_attribute": (event(headers=without(EVENT_HEADERS, "ce-subject")), "ce-subject"),
    "missing_attribute, the number": (
        event(headers=without(EVENT_HEADERS, "ce-casesequence")),
        "ce-casesequence",
    ),
}
REQUEST_HEADERS = request()["headers"]
BAD_REQUESTS = {
    "not_utf8": (request(body=b'{"referral_id": "\xff"}'), "body"),
    "not_json": (request(body=b""), "body"),
    "wrong_schema of a field we do not know": (
        request(body=json.dumps({**json.loads(REQUEST.encode()), CANARY: 1}).encode()),
        "body",
    ),
    "unknown_code": (
        request(body=json.dumps({"referral_id": CASE, "reason": CANARY}).encode()),
        "reason",
    ),
    "unknown_type of an event": (
        request(headers=REQUEST_HEADERS | {"ce-type": EVENT.ce_type()}),
        "ce-type",
    ),
    "wrong_subject of nobody": (request(subject="_INBOX.abc"), "subject"),
    "wrong_subject of another verb": (
        request(subject=stored_subject("POLICE_A", AcceptReferral(referral_id=uuid4()))),
        "subject",
    ),
    "wrong_source of another's ingress": (
        request(headers=REQUEST_HEADERS | {"Nats-Stream-Source": "IN_SHELTER_B 1 > >"}),
        "stream",
    ),
    "wrong_source of no ingress at all": (
        request(headers=without(REQUEST_HEADERS, "Nats-Stream-Source")),
        "stream",
    ),
    "wrong_source of another's name": (
        request(headers=REQUEST_HEADERS | {"ce-source": "/partners/SHELTER_B"}),
        "ce-source",
    ),
    "oversize": (request(body=b" " * REQUEST_BYTES + REQUEST.encode()), "body"),
    "missing_attribute": (request(headers=without(REQUEST_HEADERS, "ce-id")), "ce-id"),
}
BAD_OFFERS = {
    "not_json": (offer(body=b"nonsense"), "body"),
    "unknown_type of a request": (
        offer(headers=offer()["headers"] | {"ce-type": REQUEST.ce_type()}),
        "ce-type",
    ),
    "wrong_subject of another's feed": (
        offer(subject=out_subject("POLICE_A", OFFER.name, OFFER.version)),
        "subject",
    ),
}


@pytest.mark.parametrize("why", BAD_EVENTS)
def test_a_bad_event_is_rejected_with_reason_and_field(why: str) -> None:
    said, field = BAD_EVENTS[why]
    with pytest.raises(Rejected) as rejected:
        read_event(**said)

    assert (rejected.value.reason, rejected.value.field) == (_reason(why), field)


@pytest.mark.parametrize("why", BAD_REQUESTS)
def test_a_bad_request_is_rejected_with_reason_and_field(why: str) -> None:
    said, field = BAD_REQUESTS[why]
    with pytest.raises(Rejected) as rejected:
        read_request(**said)

    assert (rejected.value.reason, rejected.value.field) == (_reason(why), field)
    assert CANARY not in f"{rejected.value} {rejected.value.allowed}"


@pytest.mark.parametrize("why", BAD_OFFERS)
def test_a_bad_message_of_a_feed_is_rejected_with_reason_and_field(why: str) -> None:
    said, field = BAD_OFFERS[why]
    with pytest.raises(Rejected) as rejected:
        read_feed(**said, code="SHELTER_B")

    assert (rejected.value.reason, rejected.value.field) == (_reason(why), field)


def _reason(why: str) -> str:
    return why.split(" ")[0].rstrip(",")


def test_every_reason_that_is_given_is_a_code_that_a_partner_can_be_told() -> None:
    given = {_reason(why) for why in (*BAD_EVENTS, *BAD_REQUESTS, *BAD_OFFERS)}

    # The consumer adds two: an id used twice, and the count of what was not told; the rest is
    # said of signatures, before anything is read.
    of_signatures = set(get_args(Reason))
    assert given | of_signatures | {"id_reused", "too_many"} == set(codes("rejection_reason"))


def test_a_type_or_code_that_is_unknown_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(Rejected) as of_type:
        read_request(**request(headers=REQUEST_HEADERS | {"ce-type": "ml.siraba.a.b.v1"}))
    with pytest.raises(Rejected) as of_code:
        read_event(**event(body=body(sex="girl")))

    assert of_type.value.allowed == tuple(sorted(REQUESTS))
    assert set(of_code.value.allowed) == set(codes("sex"))


def test_a_reader_takes_an_event_with_a_field_more_and_forgets_it() -> None:
    assert read_event(**event(body=body(added_in_a_later_version=1)))[1] == EVENT


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, held in value.items() for leaf in leaves(held, (*path, key))]
    if isinstance(value, list):
        return [leaf for nth, held in enumerate(value) for leaf in leaves(held, (*path, nth))]
    return [path]


def planted(document: Any, path: tuple[Any, ...], canary: Any) -> bytes:
    copy = json.loads(json.dumps(document))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = canary
    return json.dumps(copy, ensure_ascii=False).encode()


FACTS = coded_facts(
    owner="POLICE_A", registered_on="2026-11-24", cercle="1201", safety=["do_not_call"]
)
CANARIES = st.sampled_from([CANARY, [CANARY], {CANARY: CANARY}, {"kind": CANARY}, f"x{CANARY}"])


@given(st.sampled_from([*leaves(FACTS), *((key,) for key in FACTS)]), CANARIES)
def test_a_rejection_never_repeats_what_any_field_of_an_event_held(
    path: tuple[Any, ...], canary: Any
) -> None:
    rejected = rejection(body=planted(FACTS, path, canary))

    if rejected is not None:
        told = (str(rejected), rejected.field or "", *rejected.allowed, repr(rejected))
        assert not any(CANARY in said for said in told)
        assert rejected.__cause__ is None


def rejection(**changes: Any) -> Rejected | None:
    """Why an event with these changes is rejected; a free text such as the owner's may pass."""
    try:
        read_event(**event(**changes))
    except Rejected as rejected:
        return rejected
    return None


@given(
    st.sampled_from(sorted(REQUESTS)),
    st.sampled_from(["ce-id", "ce-source", "ce-type", "ce-subject", "ce-casesequence", "body"]),
    CANARIES,
)
def test_a_rejection_never_repeats_what_any_part_of_a_request_held(
    ce_type: str, where: str, canary: Any
) -> None:
    headers = REQUEST_HEADERS | {"ce-type": ce_type}
    said = request(headers=headers, body=json.dumps({"referral_id": canary}).encode())
    if where != "body":
        said["headers"] = headers | {where: f"{canary}"}

    with pytest.raises(Rejected) as rejected:
        read_request(**said)

    told = (str(rejected.value), rejected.value.field or "", *rejected.value.allowed)
    assert not any(CANARY in text for text in told)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_rejected_and_never_a_fault(garbage: bytes) -> None:
    for model in (*EVENTS.values(), *REQUESTS.values(), *FEED.values()):
        headers = EVENT_HEADERS | {"ce-type": model.ce_type()}
        with pytest.raises(Rejected):
            read_event(**event(headers=headers, body=garbage))


@pytest.mark.parametrize(
    "garbage",
    [
        b"[" * 100_000,
        b'{"sex":' * 50_000,
        b"9" * 60_000,
        b'"\\ud800"',
        b'{"sex":"\\ud800"}',
        b"\x00",
    ],
    ids=["deep lists", "deep objects", "a long number", "a surrogate", "one inside", "nul"],
)
def test_a_body_made_to_break_a_parser_is_only_rejected(garbage: bytes) -> None:
    with pytest.raises(Rejected):
        read_event(**event(body=garbage))

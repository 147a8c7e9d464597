import hashlib
from datetime import timedelta
from uuid import UUID

import pytest

from contracts import topology


def test_an_internal_subject_names_service_event_version_and_partition() -> None:
    case = str(UUID(int=7))
    number = int.from_bytes(hashlib.sha256(case.encode()).digest()[:2], "big") % 16
    subject = topology.internal_subject("intake", "case.registered", 1, subject_id=case)
    assert subject == f"siraba.intake.case.registered.v1.{number}"


def test_all_partitions_are_used() -> None:
    assert {topology.partition(str(UUID(int=n))) for n in range(500)} == set(range(16))


def test_feed_and_ingress_subjects_carry_the_organisation() -> None:
    assert topology.out_subject("POLICE_A", "referral.offered", 1) == (
        "out.POLICE_A.referral.offered.v1"
    )
    assert topology.partner_subject("referral.accept", 1) == "in.referral.accept.v1"
    stored = topology.stored_partner_subject("POLICE_A", "referral.accept", 1)
    assert stored == "in.POLICE_A.referral.accept.v1"
    assert topology.sender_of(stored) == "POLICE_A"


@pytest.mark.parametrize(
    "subject", ["out.A.x.y.v1", "in.referral.accept.v1", "in.police.x.y.v1", "_INBOX.a", ""]
)
def test_no_sender_is_read_from_a_foreign_subject(subject: str) -> None:
    with pytest.raises(ValueError, match=r"subject|organisation code"):
        topology.sender_of(subject)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("IN_POLICE_A 1 > >", "POLICE_A"),
        ("IN_POLICE_A", "POLICE_A"),
        ("IN_POLICE_A:C=Gn27oKuH 1 > >", "POLICE_A"),
        ("INBOX 1 > >", None),
        ("OUT 1 > >", None),
        ("IN_police 1", None),
        ("", None),
    ],
)
def test_where_a_request_came_from_is_what_the_server_stamped(
    header: str, code: str | None
) -> None:
    assert topology.origin_of({"nats-STREAM-source": header}) == code
    assert topology.origin_of({}) is None


@pytest.mark.parametrize("code", ["a", "A", "police", "A.B", "A>", "A B", "*", "SYS", "PLATFORM"])
def test_an_organisation_code_is_refused_unless_it_is_a_plain_name(code: str) -> None:
    with pytest.raises(ValueError, match="organisation code"):
        topology.out_subject(code, "referral.offered", 1)


@pytest.mark.parametrize("message_type", ["case", "case.registered.v1", "case.*", "Case.x", ""])
def test_a_message_type_is_one_entity_and_one_verb(message_type: str) -> None:
    with pytest.raises(ValueError, match="message type"):
        topology.partner_subject(message_type, 1)


def test_facts_are_kept_for_ever_and_cannot_be_deleted() -> None:
    for service in topology.SERVICES:
        stream = topology.service_stream(service)
        assert stream.max_age is None
        assert stream.deny_delete
        assert stream.deny_purge


def test_only_the_inbox_has_no_window_for_duplicates() -> None:
    streams = {stream.name: stream for stream in topology.all_streams(["AA", "BB"])}
    assert streams.pop("INBOX").duplicate_window == timedelta(0)
    assert {stream.duplicate_window for stream in streams.values()} == {timedelta(minutes=30)}


def test_every_durable_reads_a_stream_that_exists() -> None:
    names = {stream.name for stream in topology.all_streams(["AA"])}
    durables = topology.all_durables(["AA"])
    assert {durable.stream for durable in durables} <= names
    assert len({(durable.stream, durable.name) for durable in durables}) == len(durables)

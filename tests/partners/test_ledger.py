import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Envelope
from contracts.event import Message
from contracts.feed import Accepted, Received, RequestRefused, Update
from contracts.requests import AcceptReferral, ReplayFeed
from partners.kit import Edge, LedgerRefused
from partners.kit.keys import init
from partners.kit.ledger import FILE, Ledger
from partners.kit.writing import Writer
from tests.partners.platform import TRACE, offer

pytestmark = pytest.mark.share("partners")

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOURCE = "/siraba/referral"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path)
    yield opened
    opened.close()


def numbered(number: int | None, *, source: str = SOURCE, id: UUID | None = None) -> Envelope:
    return Envelope(id=id or uuid4(), source=source, type="t", subject="s", feed_sequence=number)


def receive(ledger: Ledger, envelope: Envelope, message: Message | None = None) -> range | None:
    received = ledger.receive(
        envelope, message or offer(), hop=TRACE, now=NOW, recorded_at=NOW, organisation="SHELTER_A"
    )
    return received.missing


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path, ledger: Ledger) -> None:
    receive(ledger, numbered(1))

    files = [path for path in tmp_path.iterdir() if path.name.startswith(FILE)]
    assert files
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_what_is_committed_survives_a_power_cut(ledger: Ledger, tmp_path: Path) -> None:
    database = ledger._database

    assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert database.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_numbers_in_order_leave_no_gap(ledger: Ledger) -> None:
    assert [receive(ledger, numbered(n)) for n in (1, 2, 3)] == [None, None, None]
    assert ledger.feed.missing() == []


def test_a_skipped_stretch_is_named_once_and_filled_when_it_comes(ledger: Ledger) -> None:
    assert receive(ledger, numbered(1)) is None
    assert receive(ledger, numbered(6)) == range(2, 6)
    assert receive(ledger, numbered(4)) is None
    assert ledger.feed.missing() == [(SOURCE, 2, 3), (SOURCE, 5, 5)]
    for number in (2, 3, 5):
        receive(ledger, numbered(number))

    assert ledger.feed.missing() == []


def test_each_source_counts_for_itself(ledger: Ledger) -> None:
    receive(ledger, numbered(1))

    assert receive(ledger, numbered(2, source="/siraba/intake")) == range(1, 2)
    assert ledger.feed.last_numbers() == {"/siraba/intake": 2, SOURCE: 1}


def test_a_message_without_number_changes_no_count(ledger: Ledger) -> None:
    assert receive(ledger, numbered(None)) is None
    assert ledger.feed.last_numbers() == {}


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_whatever_the_order_the_missing_numbers_are_those_that_never_came(
    numbers: list[int],
) -> None:
    ledger = Ledger.open_in_memory()
    for number in numbers:
        receive(ledger, numbered(number))

    missing = {n for _, first, last in ledger.feed.missing() for n in range(first, last + 1)}
    ledger.close()
    assert missing == set(range(1, max(numbers) + 1)) - set(numbers)


def test_one_id_from_two_sources_is_two_messages(ledger: Ledger) -> None:
    id = uuid4()
    for source in (SOURCE, "/siraba/intake"):
        receive(ledger, numbered(1, source=source, id=id))

    assert ledger.feed.counts()["received"] == 2


def test_a_repeat_is_counted_and_known_as_handled(ledger: Ledger) -> None:
    envelope, message = numbered(1), offer()
    first = ledger.receive(
        envelope, message, hop=None, now=NOW, recorded_at=NOW, organisation="SHELTER_A"
    )
    assert not first.handled
    ledger.handled(first.number, NOW)

    again = ledger.receive(
        envelope, message, hop=None, now=NOW, recorded_at=NOW, organisation="SHELTER_A"
    )

    assert again.handled
    assert ledger.feed.counts() == {"received": 1, "handled": 1, "repeats": 1, "quarantined": 0}


def test_a_referral_is_known_with_its_offer_and_state_after_a_restart(tmp_path: Path) -> None:
    made = offer()
    step = {"referral_id": made.referral_id, "service": "shelter", "organisation": "SHELTER_A"}
    first = Ledger.open(tmp_path)
    receive(first, numbered(1), made)
    receive(first, numbered(2), Accepted.model_validate(step))
    first.close()

    second = Ledger.open(tmp_path)
    (referral,) = second.referrals.all()
    second.close()

    assert (referral.id, referral.state, referral.offer) == (made.referral_id, "accepted", made)


def test_a_late_step_never_takes_a_referral_back(ledger: Ledger) -> None:
    made = offer()
    step = {"referral_id": made.referral_id, "service": "shelter", "organisation": "SHELTER_A"}
    for message in (Accepted.model_validate(step), Received.model_validate(step), made):
        receive(ledger, numbered(None), message)

    (referral,) = ledger.referrals.all()
    assert (referral.state, referral.offer) == ("accepted", made)


def test_the_steps_of_another_organisation_are_not_kept(ledger: Ledger) -> None:
    step = {"referral_id": uuid4(), "service": "shelter", "organisation": "CLINIC_B"}
    receive(ledger, numbered(1), Accepted.model_validate(step))

    assert ledger.referrals.all() == []


@pytest.mark.parametrize("step", Update.__subclasses__(), ids=lambda step: step.name)
def test_every_step_of_a_referral_is_followed_also_one_that_answers_no_request(
    ledger: Ledger, step: type[Update]
) -> None:
    asked = offer()
    receive(ledger, numbered(1), asked)
    reason = {"reason": "other"} if "reason" in step.model_fields else {}
    told = {"referral_id": asked.referral_id, "service": asked.service, "organisation": "SHELTER_A"}

    receive(ledger, numbered(2), step.model_validate(told | reason))

    assert [one.state for one in ledger.referrals.all()] == [step.name.partition(".")[2]]


def test_a_refusal_is_noted_at_the_request_it_refuses(ledger: Ledger, tmp_path: Path) -> None:
    edge = Edge(now=lambda: NOW, random=bytes)
    writer = Writer(ledger=ledger, edge=edge, keys=init(tmp_path / "keys", code="SHELTER_A"))
    id = writer.store(AcceptReferral(referral_id=uuid4()))

    receive(
        ledger,
        numbered(1),
        RequestRefused(
            request_id=id,
            request_type="ml.siraba.referral.accept.v1",
            reason="unknown_referral",
        ),
    )

    assert ledger.outbox.counts()["refused"] == 1


def test_a_ledger_of_a_newer_kit_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(LedgerRefused, match="newer"):
        Ledger.open(tmp_path)


def test_going_from_one_door_to_the_other_sends_nothing_again(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Each door names the feed's making in a way of its own."""
    edge = Edge(now=lambda: NOW, random=bytes)
    writer = Writer(ledger=ledger, edge=edge, keys=init(tmp_path / "keys", code="SHELTER_A"))
    ledger.outbox.acknowledged(writer.store(ReplayFeed(after=0)), NOW)

    again = [
        ledger.mind_loss(born, door=door, since=NOW, sign=writer.signed_anew)
        for door, born in (("nats", "n1"), ("http", "h1"), ("nats", "n1"), ("http", "h1"))
    ]

    assert again == [0, 0, 0, 0]
    assert ledger.mind_loss("n2", door="nats", since=NOW, sign=writer.signed_anew) == 1


def test_a_ledger_of_an_older_kit_goes_on_with_what_it_holds(
    ledger: Ledger, tmp_path: Path
) -> None:
    edge = Edge(now=lambda: NOW, random=bytes)
    writer = Writer(ledger=ledger, edge=edge, keys=init(tmp_path / "keys", code="SHELTER_A"))
    id = writer.store(AcceptReferral(referral_id=uuid4()))
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("ALTER TABLE request ADD COLUMN referral_id TEXT NOT NULL DEFAULT ''")
        for statement in ("DROP TABLE replay", "DROP TABLE store", "DROP TABLE withdrawal"):
            database.execute(statement)
        database.execute("ALTER TABLE request DROP COLUMN answered_at")
        database.execute("PRAGMA user_version = 1")
    database.close()

    again = Ledger.open(tmp_path)
    found = again.outbox.find(id)
    later = Edge(now=lambda: NOW, random=lambda n: b"\1" * n)
    newer = Writer(ledger=again, edge=later, keys=init(tmp_path / "more", code="SHELTER_A"))
    other = newer.store(ReplayFeed(after=0))
    again.close()

    assert found is not None
    assert found.name == "referral.accept"
    assert other != id


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)

    with pytest.raises(LedgerRefused, match=FILE):
        Ledger.open(tmp_path)

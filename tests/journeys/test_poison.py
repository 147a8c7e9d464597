import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts import feed
from contracts.event import Message
from deploy.jetstream import asked, connected
from deploy.keys import OPERATIONS, PROVISIONER
from tests.journeys.bad_letters import (
    GOOD,
    OWNER,
    SHELTER,
    named,
    write_inbox,
    write_intake,
    write_referral,
)
from tests.journeys.cases import CANARY
from tests.journeys.in_process import Town, running, town
from tests.servers import PostgresServer
from tests.trust.evidence import body_of
from tests.trust.streams import Stored, read_streams

CONSUMERS = ("referral-INTAKE", "intake-REFERRAL", "referral-INBOX")
OFFERED = "select case_id::text, referral_id::text, state from referral.referrals"
FAR_STEPS = "select case_id::text, step from intake.steps where step <> 'offered'"
ANSWERED = "select true from referral.referrals where state <> 'offered'"
ALL_LETTERS = """
    select consumer, reason, field, tries, case_sequence from referral.dead_letters
    union all
    select consumer, reason, field, tries, case_sequence from intake.dead_letters
"""
# What a dead letter keeps, as text: nothing of it may be the sender's own words.
TEXTS = "select dead_letters::text from {}.dead_letters"
DISCARD = """
    update referral.dead_letters set state = 'discarded'
    where consumer = 'referral-INTAKE' and reason = 'not_utf8'
"""


@dataclass(slots=True)
class Seen:
    """What stood where when the good ones were done (`early`), and in the end."""

    early_letters: Counter[str] = field(default_factory=Counter)
    early_parked: list[tuple[Any, ...]] = field(default_factory=list)
    tried: set[tuple[str, int]] = field(default_factory=set)
    letters: list[tuple[Any, ...]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    cases: set[str] = field(default_factory=set)
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    states: dict[str, str] = field(default_factory=dict)
    told: list[Stored] = field(default_factory=list)
    unsettled: dict[str, int] = field(default_factory=dict)

    def reasons(self, consumer: str) -> Counter[tuple[Any, ...]]:
        """(reason, field, tries) of this consumer's dead letters."""
        return Counter(row[1:4] for row in self.letters if row[0] == consumer)

    def heard(self, kind: type[Message]) -> list[dict[str, Any]]:
        """What the shelter was told of this kind."""
        mine = [one for one in self.told if one.subject.split(".")[1] == SHELTER]
        return [body_of(one) for one in mine if one.name == kind.name]


@pytest.fixture(scope="module")
def seen(postgres_server: PostgresServer) -> Seen:
    """Bad messages among good ones on three streams, and what became of each."""
    return asyncio.run(_travel(postgres_server))


async def _travel(server: PostgresServer) -> Seen:
    seen = Seen()
    async with town(server, (OWNER, SHELTER), services=()) as place:
        await write_intake(place)
        await write_referral(place)
        async with running(place, "intake"), running(place, "referral"):
            await _until(place, OFFERED, len(GOOD) + 1)
            await _until(place, FAR_STEPS, len(GOOD) + 3)
            await _look_early(place, seen)
        offered = {case: identity for case, identity, _ in await place.rows(OFFERED)}
        names = (*GOOD, "twice")
        await write_inbox(place, {name: offered[named(name)] for name in names})
        async with running(place, "intake"), running(place, "referral"):
            await _until(place, ANSWERED, 3)
            await _note_letters(place, seen, "referral-INBOX", count=2)
            await _until(place, ALL_LETTERS, 8, seconds=60)
            await place.run(DISCARD)
            await _until(place, OFFERED, len(GOOD) + 3)
            await _look(place, seen)
    return seen


async def _until(place: Town, query: str, count: int, *, seconds: float = 10) -> None:
    """Wait for so many rows. Good ones have 10 s with a start of the services in it."""
    async with asyncio.timeout(seconds):
        while len(await place.rows(query)) < count:
            await asyncio.sleep(0.05)


async def _note_letters(place: Town, seen: Seen, *consumers: str, count: int) -> None:
    """Those that the next sweep buries, long before anything has failed five times."""
    of = f"select * from ({ALL_LETTERS}) as letters where consumer in {(*consumers, '')}"
    await _until(place, of, count, seconds=3)
    seen.early_letters.update(row[1] for row in await place.rows(of))


async def _look_early(place: Town, seen: Seen) -> None:
    await _note_letters(place, seen, "referral-INTAKE", "intake-REFERRAL", count=3)
    seen.early_parked = await place.rows(
        "select consumer, subject, case_sequence from referral.parked"
    )


async def _look(place: Town, seen: Seen) -> None:
    async with asyncio.timeout(20):
        while sum((unsettled := await _unsettled(place)).values()):
            await asyncio.sleep(0.1)
    seen.unsettled = unsettled
    seen.letters = await place.rows(ALL_LETTERS)
    for service in ("intake", "referral"):
        seen.texts += [text for (text,) in await place.rows(TEXTS.format(service))]
        rows = await place.rows(f"select consumer, tries from {service}.attempts")
        seen.tried |= {(consumer, tries) for consumer, tries in rows}
    seen.cases = {case for (case,) in await place.rows("select case_id::text from referral.cases")}
    seen.steps = Counter((case, step) for case, step in await place.rows(FAR_STEPS))
    states = await place.rows(f"{OFFERED} where organisation = '{SHELTER}'")
    seen.states = {case: state for case, _, state in states}
    seed = place.nats.seed_file(PROVISIONER)
    seen.told = (await read_streams(place.nats.url, seed, ("OUT",)))["OUT"]


async def _unsettled(place: Town) -> dict[str, int]:
    """Messages that a consumer has not settled, by consumer."""
    seed = place.nats.seed_file(OPERATIONS)
    counts = {}
    async with connected(place.nats.url, OPERATIONS, seed) as client:
        for name in CONSUMERS:
            info = await asked(client, f"CONSUMER.INFO.{name.partition('-')[2]}.{name}")
            counts[name] = info["num_pending"] + info["num_ack_pending"]
    return counts


def test_the_good_ones_do_not_wait_for_the_bad(seen: Seen) -> None:
    """When they were done, what poisons was still alive and trying."""
    assert {named(name) for name in GOOD} < seen.cases
    assert {(named(f"elsewhere {name}"), "received") for name in GOOD} < set(seen.steps)
    assert seen.states[named(GOOD[0])] == "received"
    assert seen.states[named(GOOD[1])] == "accepted"
    assert seen.states[named(GOOD[3])] == "declined"
    assert not any(reason.startswith("failed") for reason in seen.early_letters)


def test_what_cannot_be_read_is_dead_with_the_next_sweep(seen: Seen) -> None:
    assert seen.early_letters == {"not_utf8": 3, "unknown_code": 2}
    for consumer in CONSUMERS:
        assert seen.reasons(consumer)["not_utf8", "body", 1] == 1
    assert seen.reasons("referral-INTAKE")["unknown_code", "sex", 1] == 1
    assert seen.reasons("referral-INBOX")["unknown_code", "reason", 1] == 1


def test_what_the_handler_cannot_do_is_dead_after_five_tries(seen: Seen) -> None:
    assert seen.reasons("referral-INTAKE")["failed:IntegrityError", None, 5] == 1
    assert seen.reasons("intake-REFERRAL")["failed:ValueError", None, 5] == 1
    poisoned = [row for row in seen.reasons("referral-INBOX") if str(row[0]).startswith("failed:")]
    assert [row[2] for row in poisoned] == [5]
    assert len(seen.letters) == 8
    assert seen.states[named("twice")] == "offered"


def test_what_came_too_early_waits_and_then_runs_in_order(seen: Seen) -> None:
    early = {step: n for (case, step), n in seen.steps.items() if case == named("early")}
    assert early == {"accepted": 1, "started": 1, "delivered": 1}
    assert seen.tried == {(consumer, 5) for consumer in CONSUMERS}, "waiting costs no try"


def test_a_dead_letter_holds_up_its_own_case_until_a_human_discards_it(seen: Seen) -> None:
    assert ("referral-INTAKE", named("undecodable"), 2) in seen.early_parked
    assert named("undecodable") in seen.cases


def test_the_sender_hears_what_was_wrong_with_each(seen: Seen) -> None:
    rejected = {one["reason"]: one for one in seen.heard(feed.MessageRejected)}
    assert set(rejected) == {"not_utf8", "unknown_code"}
    assert rejected["unknown_code"]["field"] == "reason"
    assert "capacity" in rejected["unknown_code"]["allowed"]
    assert all(one["message_id"] for one in rejected.values())
    (refused,) = seen.heard(feed.RequestRefused)
    assert refused["reason"] == "wrong_state"
    assert refused["request_type"] == "referral.start"
    assert set(refused["allowed"]) == {"referral.receive", "referral.accept", "referral.decline"}


def test_nothing_is_left_unsettled(seen: Seen) -> None:
    assert seen.unsettled == dict.fromkeys(CONSUMERS, 0)


def test_no_word_of_a_sender_is_kept_or_told(seen: Seen) -> None:
    told = [one.body.decode() for one in seen.told]
    assert len(told) > len(GOOD)
    assert not [text for text in (*told, *seen.texts) if CANARY in text]

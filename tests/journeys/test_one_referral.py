import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import nats
from nats.aio.client import Client

from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.feed import MessageRejected, Offer, RequestRefused, Unplaced, Update
from contracts.requests import AcceptReferral
from contracts.signing import Signer, signed_payload
from contracts.topology import (
    PARTNER_API_PREFIX,
    inbox_prefix,
    partner_subject,
    stored_partner_subject,
)
from deploy.settings import PlatformSettings
from tests.journeys.cases import Case, some_cases
from tests.journeys.oracle import Oracle, Outcome, by_digest
from tests.journeys.programs import Program
from tests.journeys.road import PARTNERS, Road, answering, running_road
from tests.ledger import Figure, Form
from tests.trust.worlds import asked

SEED = 20261128
CHOICES = ("complete", "accept", "decline", "decline", "receive", "silent")
HONEST, VICTIM = "SHELTER_BENKADI_KAYES", "PARQUET_KAYES"
log = logging.getLogger("siraba.tests")
#: (event, referral or service, reason): one line of a feed.
Line = tuple[str, str, str | None]


@dataclass(slots=True)
class Journey:
    """What was submitted, what the oracle says of it, and what everybody saw in the end."""

    numbers: dict[str, Case]
    outcomes: dict[str, Outcome]
    shown: dict[str, dict[str, Any]]
    feeds: dict[str, Counter[Line]]
    offers: dict[str, list[Offer]]

    def referral(self, number: str, service: str, organisation: str) -> str:
        """The id by which everybody knows one referral, as its owner was told."""
        return next(
            str(step["referral_id"])
            for step in self.shown[number]["steps"]
            if (step["service"], step["organisation"]) == (service, organisation)
        )

    def expected_feed(self, code: str) -> Counter[Line]:
        """What this organisation must have heard: its offers, their steps, those of its cases."""
        feed: Counter[Line] = Counter()
        for number, outcome in self.outcomes.items():
            is_owner = self.numbers[number].owner == code
            for placed in outcome.offers:
                if code == placed.organisation or is_owner:
                    identity = self.referral(number, placed.service, placed.organisation)
                    steps = placed.steps[1:] if is_owner else placed.steps
                    feed.update(
                        (f"referral.{step}", identity, "capacity" if step == "declined" else None)
                        for step in steps
                    )
            if is_owner:
                feed.update(("referral.unplaced", s, r) for s, r in outcome.unplaced.items())
        return feed


async def test_each_partner_gets_what_routing_says_and_no_other_partners(
    form: Form, figure: Figure
) -> None:
    cases = some_cases(form.pick(short=60, long=1500), owners=PARTNERS, seed=SEED)
    oracle = Oracle(PlatformSettings().directory_file, by_digest(PARTNERS, CHOICES))
    async with running_road() as road:
        async with answering(road, by_digest(PARTNERS, CHOICES), by_http=PARTNERS[::2]) as programs:
            journey = await _travel(road, cases, oracle)
            _take_feeds(journey, programs)
            await _trespass(road, journey)
        _, repeated = await asyncio.gather(*(road.submit(cases[0]) for _ in range(2)))

    assert repeated.json()["case_number"] == next(iter(journey.numbers))
    assert _covers_every_way(journey)
    for number, outcome in journey.outcomes.items():
        _owner_sees(journey, number, outcome)
    wrong = {code: _difference(journey, code) for code in PARTNERS}
    messages = sum(map(Counter.total, journey.feeds.values()))
    log.info("seed %d: %d cases, %d messages in four feeds", SEED, len(cases), messages)
    figure("road.demo.misdelivered", sum(map(Counter.total, wrong.values())), seed=SEED)
    _offers_show_the_right_person(journey)
    _a_planted_fault_shows(journey)


async def _travel(road: Road, cases: list[Case], oracle: Oracle) -> Journey:
    """Submit all, then wait until every owner sees every step that must come."""
    numbers = {}
    for case in cases:
        answer = await road.submit(case)
        assert answer.status_code == 202, answer.text
        numbers[answer.json()["case_number"]] = case
    outcomes = {number: oracle.outcome(case.owner, case.body) for number, case in numbers.items()}
    steps = {n: sum(len(placed.steps) for placed in o.offers) for n, o in outcomes.items()}
    shown = {}
    async with asyncio.timeout(60 + len(cases) / 5):
        for number, case in numbers.items():
            while True:
                shown[number] = await road.seen_by_owner(case.owner, number)
                if len(shown[number]["steps"]) >= steps[number]:
                    break
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # what must not come has its chance to
    return Journey(numbers, outcomes, shown, feeds={}, offers={})


def _take_feeds(journey: Journey, programs: Mapping[str, Program]) -> None:
    for code, program in programs.items():
        told = [one.message for one in program.handled if one.dossier is None]
        journey.feeds[code] = Counter(map(_line, told))
        journey.offers[code] = [o for o in program.messages(Offer) if isinstance(o, Offer)]


def _line(message: object) -> Line:
    if isinstance(message, Unplaced):
        return message.name, message.service, message.reason
    assert isinstance(message, Offer | Update), type(message).__name__
    return message.name, str(message.referral_id), getattr(message, "reason", None)


def _difference(journey: Journey, code: str) -> Counter[Line]:
    expected, got = journey.expected_feed(code), journey.feeds[code]
    return (expected - got) + (got - expected)


def _a_planted_fault_shows(journey: Journey) -> None:
    """One message went to the wrong partner: that is one too many here and one too few there."""
    stray = next(iter(journey.feeds[VICTIM]))
    journey.feeds[VICTIM][stray] -= 1
    journey.feeds[HONEST][stray] += 1
    assert [_difference(journey, code).total() for code in (VICTIM, HONEST)] == [1, 1]


def _covers_every_way(journey: Journey) -> bool:
    """A journey in which nobody declined, or nothing was left unplaced, would prove little."""
    offers = [placed for outcome in journey.outcomes.values() for placed in outcome.offers]
    reasons = {r for outcome in journey.outcomes.values() for r in outcome.unplaced.values()}
    return (
        {placed.decision for placed in offers} == set(CHOICES)
        and {placed.organisation for placed in offers} >= set(PARTNERS)
        and {placed.rank for placed in offers} >= {1, 2}
        and reasons == {"no_candidate", "none_left", "high_risk"}
    )


def _owner_sees(journey: Journey, number: str, outcome: Outcome) -> None:
    shown = journey.shown[number]
    expected = Counter(
        (p.service, p.organisation, step) for p in outcome.offers for step in p.steps
    )
    assert Counter((s["service"], s["organisation"], s["step"]) for s in shown["steps"]) == expected
    assert {one["service"]: one["reason"] for one in shown["unplaced"]} == outcome.unplaced


def _offers_show_the_right_person(journey: Journey) -> None:
    """Each offer holds the coarse profile of its own case, and the urgency that the rules say."""
    shown = {offer.referral_id: offer for offers in journey.offers.values() for offer in offers}
    for number, outcome in journey.outcomes.items():
        body = journey.numbers[number].body
        for placed in outcome.offers:
            offer = next(
                (
                    one
                    for one in shown.values()
                    if str(one.referral_id)
                    == journey.referral(number, placed.service, placed.organisation)
                ),
                None,
            )
            if offer is not None:
                seen = (offer.sex, offer.age_band, offer.region, list(offer.safety))
                assert seen == (body["sex"], body["age_band"], body["region"], body["safety"])
                assert offer.urgency == placed.urgency


async def _trespass(road: Road, journey: Journey) -> None:
    """With a partner's real key: pull another's feed, speak in its name, read what is internal."""
    async with _client(road, HONEST) as client:
        for prefix in ("$JS.API", PARTNER_API_PREFIX):
            assert not await _gets(client, f"{prefix}.CONSUMER.MSG.NEXT.OUT.{VICTIM}")
            for stream in ("INTAKE", "REFERRAL", "OUT", "INBOX"):
                assert not await _gets(client, f"{prefix}.STREAM.MSG.GET.{stream}", {"seq": 1})
        # Whatever it writes, the server puts its own name in front and keeps it in its own stream.
        stored = await asked(client, f"in.{VICTIM}.referral.accept.v1", {})
        assert stored is not None
        assert stored["stream"] == f"IN_{HONEST}"
        signer = Signer(road.keys[HONEST].signing)
        for code in (VICTIM, HONEST):
            await _accept(client, _foreign_referral(journey), code, signer=signer)
    heard = road.programs[HONEST]
    async with asyncio.timeout(20):
        while len(heard.messages(MessageRejected)) < 2 or not heard.messages(RequestRefused):
            await asyncio.sleep(0.1)
    rejected = [
        (one.reason, one.field)
        for one in heard.messages(MessageRejected)
        if isinstance(one, MessageRejected)
    ]
    assert sorted(rejected) == [("foreign_key", SIGNATURE), ("unsigned", SIGNATURE)]
    (refused,) = heard.messages(RequestRefused)
    assert isinstance(refused, RequestRefused)
    assert refused.reason == "unknown_referral"


def _foreign_referral(journey: Journey) -> str:
    """One that was offered to the victim and that the intruder has learnt of somehow."""
    return next(str(offer.referral_id) for offer in journey.offers[VICTIM])


async def _accept(client: Client, referral_id: str, code: str, *, signer: Signer) -> None:
    """As this organisation, with the key that the sender really has."""
    request = AcceptReferral(referral_id=UUID(referral_id))
    envelope = Envelope(
        id=uuid4(), source=f"/partners/{code}", type=request.ce_type(), subject=referral_id
    )
    headers = encode_headers(envelope)
    stored = stored_partner_subject(HONEST, request.name, request.version)
    payload = signed_payload(headers, request.encode(), subject=stored)
    await client.request(
        partner_subject(request.name, request.version),
        request.encode(),
        timeout=5,
        headers=headers | {SIGNATURE: signer.sign(payload, kind="request")},
    )


@contextlib.asynccontextmanager
async def _client(road: Road, code: str) -> AsyncIterator[Client]:
    async def silent(_: Exception) -> None:
        """Refusals are what is looked for."""

    client = await nats.connect(
        road.platform.nats_url,
        nkeys_seed_str=road.keys[code].seed,
        inbox_prefix=inbox_prefix(code),
        error_cb=silent,
    )
    try:
        yield client
    finally:
        await client.close()


async def _gets(client: Client, subject: str, body: object = None) -> bool:
    answer = await asked(client, subject, body)
    return answer is not None and "error" not in answer


def test_the_oracle_itself_knows_the_simplest_case() -> None:
    """By hand: a girl of 12 to 14 in Kayes who needs a shelter and allows shelters and social."""
    case = {
        "region": "01", "sex": "female", "age_band": "12-14", "urgency": "urgent_72h",
        "risk": "low", "needs": ["shelter"],
        "consent": [{"recipient_kind": k, "state": "given", "by": "guardian"} for k in ("shelter", "social")],
    }  # fmt: skip
    oracle = Oracle(PlatformSettings().directory_file, by_digest((), CHOICES))
    outcome = oracle.outcome("POLICE_KAYES", case)
    assert [(p.service, p.urgency, p.organisation) for p in outcome.offers] == [
        ("child_protection", "emergency_24h", "DRPFEF_KAYES"),
        ("shelter", "urgent_72h", "SHELTER_BENKADI_KAYES"),
    ]
    assert outcome.unplaced == {}

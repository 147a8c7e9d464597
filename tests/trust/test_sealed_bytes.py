import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from random import Random
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.settings import PlatformSettings
from deploy.signing_keys import to_hand_over
from tests.journeys.cases import NEEDS
from tests.journeys.oracle import by_digest
from tests.journeys.programs import Program
from tests.journeys.road import PARTNERS, Road, running_road
from tests.ledger import Figure, Form
from tests.trust.byte_scan import Referral, World, in_the_clear, names_in, shared_names, too_much
from tests.trust.evidence import Asking
from tests.trust.key_turns import turn_signing_keys
from tests.trust.load import come_to_rest
from tests.trust.people import People, people
from tests.trust.telling import say
from tests.trust.wiretap import Wiretap, listening

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]
SEED = 20261124
AT_ONCE = 16
#: How every trace that a partner sees begins, whatever it is of.
FIRST_SPAN = b"0000000000000001"
#: What else than consent may stand: who answers for which kind of reader.
GROUNDS = (
    ("police", "legal_obligation"), ("justice", "legal_obligation"), ("shelter", "vital_interest"),
    ("health", "vital_interest"), ("police", "vital_interest"), ("social", "court_order"),
)  # fmt: skip


@pytest.mark.timeout(3000)
async def test_no_byte_of_a_closed_group_reaches_a_partner_and_no_two_feeds_share_a_name(
    form: Form, figure: Figure
) -> None:
    crowd = mixed(people(form.pick(short=80, long=11_000), owners=PARTNERS, seed=SEED))
    async with running_road() as road, tapped(road) as taps:
        await submitted(road, crowd)
        await turn_signing_keys(road)
        await come_to_rest(road, within=form.pick(short=60, long=900))
        world = await the_world(road, crowd)

    feeds = {code: list(tap.messages()) for code, tap in taps.items()}
    heard = Counter(one.subject.split(".", 2)[-1] for feed in feeds.values() for one in feed
                    if one.subject.startswith("out."))  # fmt: skip
    wrong = [w for code, feed in feeds.items() for w in too_much(code, feed, world)]
    wrong += [w for code, tap in taps.items() for w in in_the_clear(code, map(bytes, tap.recorded))]
    shared = list(shared_names(feeds, world))
    say(f"{heard.total()} messages, {world.opened} dossiers opened: {dict(heard)}")
    assert not wrong[:10]
    assert not shared[:10]
    assert world.opened > form.pick(short=20, long=1000)
    figure("sealed.bytescan.hits", len(wrong), seed=SEED)
    figure("sealed.linkage.shared_ids", len(shared), seed=SEED)
    if form.is_long:
        figure("sealed.bytescan.messages", heard.total(), seed=SEED)


def mixed(crowd: People) -> People:
    """All within reach of our four, with many needs; some with grounds beside consent or for it."""
    rng, needs = Random(SEED), sorted(set(NEEDS))
    cases = []
    for case in crowd.cases:
        drawn = rng.sample(GROUNDS, k=rng.choice((0, 0, 1, 2)))
        more = {
            "region": "01",
            "needs": rng.sample(needs, k=rng.randint(2, 6)),
            "grounds": [{"recipient_kind": kind, "ground": ground} for kind, ground in drawn],
        }
        cases.append(replace(case, body=case.body | more))
    return People(cases)


@asynccontextmanager
async def tapped(road: Road) -> AsyncIterator[dict[str, Wiretap]]:
    """Every organisation's program runs, behind a tap of its own."""
    decide = by_digest(PARTNERS, ("complete", "complete", "accept", "receive", "decline"))
    port = urlsplit(road.platform.nats_url).port
    assert port is not None
    async with AsyncExitStack() as stack:
        taps = {code: await stack.enter_async_context(listening(port)) for code in road.keys}
        road.programs = {
            code: Program(code, road.folder(code), f"nats://127.0.0.1:{tap.port}", decide)
            for code, tap in taps.items()
        }
        tasks = [asyncio.create_task(program.run()) for program in road.programs.values()]
        try:
            yield taps
            assert not [task.exception() for task in tasks if task.done()]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def submitted(road: Road, crowd: People) -> None:
    """A few at once, each until it is taken."""
    waiting = iter(crowd.cases)

    async def write() -> None:
        for case in waiting:
            await road.submit_until_accepted(case)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(write())


async def the_world(road: Road, crowd: People) -> World:
    """What was submitted, and who was asked, by the tables."""
    by_key = {case.key: case for case in crowd.cases}
    keys = await Asking(road, "intake")("""
        select case_id, key from intake.cases
        join intake.idempotency on answer->>'case_number' = number
    """)
    cases = {case_id: by_key[key] for case_id, key in keys}
    asked = await Asking(road, "referral")("""
        select referral_id, case_id, owner, organisation, service from referral.referrals
    """)
    directory = yaml.safe_load(PlatformSettings().directory_file.read_text("utf-8"))
    platform = to_hand_over(road.platform.state)
    return World(
        people=crowd,
        kinds={one["code"]: one["kind"] for one in directory["organisations"]},
        keys=road.keys,
        referrals={
            referral: Referral(cases[case_id], owner, recipient, service)
            for referral, case_id, owner, recipient, service in asked
        },
        constants=frozenset(
            {FIRST_SPAN, *(key.id.encode() for key in platform.keys)}
            | names_in(platform.write().encode())
        ),
    )

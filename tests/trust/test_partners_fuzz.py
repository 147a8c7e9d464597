import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import PubAck

from contracts.signing import Signer
from contracts.topology import PARTNER_API_PREFIX, inbox_prefix
from deploy.directory import load_directory
from deploy.keys import PROVISIONER, seed_file
from deploy.settings import PlatformSettings
from services.referral.store.directory import FEED_CHANNELS
from tests.journeys.road import Road, running_road
from tests.ledger import Figure, Form
from tests.trust.auditor import Audit, Finding, compare
from tests.trust.evidence import Asking, body_of
from tests.trust.fuzz import Spoilt, spoilt
from tests.trust.load import moving
from tests.trust.refusals import refused
from tests.trust.streams import Stored, read_streams
from tests.trust.telling import say
from tests.trust.web_fuzz import ANSWERS, through_http

pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]
SEED = 20261124
CONSUMER = "referral-INBOX"
#: Below the share that each organisation has, so that none of it waits for its turn.
PER_SECOND = 45
DRAIN_SECONDS = 120
WAITING = """
    select (select count(*) from referral.redeliveries)
         + (select count(*) from referral.rejections where count > 60)
         + (select count(*) from referral.refusals where count > 60)
         + (select count(*) from referral.outbox where sent_at is null and erased_at is null)
"""


def senders() -> list[str]:
    """Every organisation that has a feed to be answered in."""
    entries = load_directory(PlatformSettings().directory_file)
    return [one.code for one in entries if one.channel in FEED_CHANNELS]


@pytest.mark.timeout(900)
async def test_whatever_a_partner_sends_is_answered_or_counted_and_brings_nothing_down(
    form: Form, figure: Figure
) -> None:
    payloads, codes = form.pick(short=800, long=100_000), senders()
    random = Random(SEED)
    async with running_road(codes) as road:
        before = road.platform.pids()
        signers = {code: Signer(road.keys[code].signing) for code in codes}
        load = [
            spoilt(codes[nth % len(codes)], random, signer=signers[codes[nth % len(codes)]])
            for nth in range(payloads)
        ]
        by_nats, by_http = load[::2], load[1::2]
        stored, posted = await asyncio.gather(
            through_nats(road, by_nats),
            through_http(road, by_http, random, per_second=PER_SECOND * len(codes) // 2),
        )
        found = await judged(road, stored, posted.taken)

        assert road.platform.pids() == before, "nothing crashed"
        assert all(report["ready"] for report in (await road.readiness()).values())
        assert not (await judged(road, stored | {("IN_NOBODY", 1)}, set())).is_clean, "it can tell"

    say(f"{found}\nby HTTP: {dict(posted.answers)}")
    assert len(stored) == len(by_nats)
    assert posted.answers.total() == len(by_http)
    assert set(posted.answers) <= ANSWERS
    assert posted.answers[202] > len(by_http) / 4, "most of it must come as far as the other door's"
    assert found.is_clean, found
    figure("partners.fuzz.lost", found.count("lost"), seed=SEED)


async def through_nats(road: Road, load: Sequence[Spoilt]) -> set[tuple[str, int]]:
    """Send as each organisation may; (stream, sequence) of all that the broker took."""
    stored = set()
    clients = {code: await _client(road, code) for code in road.keys}
    loop = asyncio.get_running_loop()
    try:
        for start in range(0, len(load), at_once := PER_SECOND * len(clients) // 2):
            second = loop.time() + 1
            acks = await asyncio.gather(
                *(_publish(clients[one.code], one) for one in load[start : start + at_once])
            )
            stored |= {(ack.stream, ack.seq) for ack in acks}
            await asyncio.sleep(second - loop.time())
    finally:
        for client in clients.values():
            await client.close()
    return stored


async def _client(road: Road, code: str) -> Client:
    return await nats.connect(
        road.platform.nats_url,
        nkeys_seed_str=road.keys[code].seed,
        inbox_prefix=inbox_prefix(code),
        allow_reconnect=False,
    )


async def _publish(client: Client, one: Spoilt) -> PubAck:
    jetstream = client.jetstream(prefix=PARTNER_API_PREFIX, timeout=15)
    return await jetstream.publish(one.subject, one.body, headers=dict(one.headers))


async def judged(road: Road, stored: set[tuple[str, int]], taken: set[tuple[str, str]]) -> Audit:
    """Where each message ended, and whether its sender was told of each or of how many."""
    await _drained(road)
    seed = seed_file(road.platform.state, PROVISIONER)
    streams = await read_streams(road.platform.nats_url, seed, ("INBOX", "OUT"))
    inbox = {one.sequence: one for one in streams["INBOX"]}
    buried = {
        int(sequence): reason
        for sequence, reason in await Asking(road, "referral")(
            f"select stream_sequence, reason from referral.dead_letters where consumer = '{CONSUMER}'"
        )
    }
    understood = {
        (one.subject.split(".")[1], one.id) for n, one in inbox.items() if n not in buried
    }
    told = _told(streams["OUT"])
    dead = Counter(inbox[sequence].subject.split(".")[1] for sequence in buried)
    return Audit(
        [
            compare(
                "what the broker took lies in the inbox",
                acked=stored,
                found=[place for place in _origins(inbox) if place in stored],
            ),
            compare(
                "what the HTTP door took lies in the inbox",
                acked=taken,
                found=[one for one in _ids(inbox) if one in taken],
            ),
            compare(
                "what can be read is answered",
                acked=understood,
                found=refused(streams["OUT"], understood),
            ),
            compare("each dead letter has a reason", acked=buried, found=_reasoned(buried)),
            _counted(dead, told),
        ]
    )


def _told(feeds: Sequence[Stored]) -> Counter[str]:
    told = Counter[str]()
    for one in feeds:
        if one.name == "message.rejected":
            told[one.subject.split(".")[1]] += body_of(one)["count"]
    return told


def _origins(inbox: dict[int, Stored]) -> list[tuple[str, int]]:
    return [one.origin for one in inbox.values()]


def _ids(inbox: dict[int, Stored]) -> list[tuple[str, str]]:
    return [(one.subject.split(".")[1], one.headers.get("ce-id", "")) for one in inbox.values()]


def _reasoned(buried: dict[int, str]) -> list[int]:
    return [sequence for sequence, reason in buried.items() if reason not in ("", "None")]


def _counted(dead: Counter[str], told: Counter[str]) -> Finding:
    return compare(
        "the rest is told, one by one or as a number", acked=dead.items(), found=told.items()
    )


async def _drained(road: Road) -> None:
    """Until nothing waits any more, the numbers of the last minute included."""
    ask = Asking(road, "referral")
    async with asyncio.timeout(DRAIN_SECONDS):
        while await moving(road) or await ask(WAITING) != [("0",)]:
            await asyncio.sleep(0.5)

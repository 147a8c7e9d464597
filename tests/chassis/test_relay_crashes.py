from collections import defaultdict
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest

from chassis.assembly import Parts
from chassis.broker import Wire
from chassis.outbox import Outgoing
from chassis.relay import Relay
from chassis.relay.loop import ROOM
from chassis.relay.rows import headers_of
from chassis.relay.send import ATOMIC_FROM
from tests.chassis.mortal import Died, Life, MortalConnection, MortalWire
from tests.chassis.outgoing import (
    POLICE,
    SHELTER,
    drain,
    feed_of,
    ids,
    inside,
    numbers,
    queue,
    stored,
    told,
)
from tests.parts import Site

pytestmark = pytest.mark.share("fire")

# Every await of a small round; every second of one in batches, for the stream and for both feeds.
ROUNDS = {"a window": (3, 1), "atomic batches": (2 * ATOMIC_FROM, 2)}
Leased = dict[str, tuple[str, str]]


async def die_at(parts: Parts, point: int) -> bool:
    """One round of a relay that is killed at its n-th await; False when it outlived the round."""
    life = Life(ends_at=point)
    relay = mortal(parts, life)
    async with parts.work.connect() as connection:
        try:
            await relay.carry(cast(Any, MortalConnection(connection, life)))
        except Died:
            await connection.invalidate()
            return True
    return False


def mortal(parts: Parts, life: Life) -> Relay:
    wire = cast(Wire, MortalWire(parts.wire, life))
    return Relay(
        service="referral",
        engine=parts.work,
        wire=wire,
        stamper=parts.relay.stamper,
        tracing=parts.tracing,
    )


async def leased(site: Site) -> Leased:
    """The exact bytes that are committed to be sent."""
    query = "select id::text, headers, convert_from(body, 'UTF8') from referral.outbox"
    rows = await site.rows(f"{query} where leased_at is not null")
    return {identity: (headers, body) for identity, headers, body in rows}


def a_round(count: int) -> list[Outgoing]:
    case_id = uuid4()
    return [
        *(inside(case_id) for _ in range(count)),
        *(told((SHELTER, POLICE)[nth % 2], case_id) for nth in range(count)),
    ]


@pytest.mark.parametrize("how", ROUNDS)
async def test_wherever_the_relay_dies_each_message_is_there_once_in_order_and_byte_for_byte(
    site: Site, how: str
) -> None:
    count, stride = ROUNDS[how]
    sent: list[Outgoing] = []
    committed: Leased = {}
    deaths, point = 0, 1
    async with site.parts("referral") as parts:
        while True:
            messages = a_round(count)
            sent += messages
            await queue(parts, messages)
            died = await die_at(parts, point)
            for identity, exact in (await leased(site)).items():
                assert committed.setdefault(identity, exact) == exact
            await recover(parts)
            for identity, exact in (await leased(site)).items():
                assert committed.setdefault(identity, exact) == exact
            if not died:
                break
            deaths, point = deaths + 1, point + stride

    assert deaths > 12
    await check(site, sent, committed)


async def recover(parts: Parts) -> None:
    """The next relay, which knows nothing of the one before."""
    parts.relay = replace_relay(parts)
    await drain(parts)


def replace_relay(parts: Parts) -> Relay:
    return replace(parts.relay, leading=False, _left_over=True)


async def check(site: Site, sent: list[Outgoing], committed: Leased) -> None:
    inside_ids = [one for one in sent if one.organisation is None]
    found = await stored(site)
    assert ids(found) == ids(inside_ids)
    by_case: dict[str, list[int]] = defaultdict(list)
    for one, number in zip(found, numbers(found, "ce-casesequence"), strict=True):
        by_case[str((one.headers or {})["ce-subject"])].append(number)
        same_bytes(dict(one.headers or {}), one.data or b"", committed)
    assert all(ran == list(range(1, len(ran) + 1)) for ran in by_case.values())
    for code in (SHELTER, POLICE):
        own = [one for one in sent if one.organisation == code]
        pulled = await feed_of(site, code, len(own))
        assert ids(pulled) == ids(own)
        assert numbers(pulled, "ce-feedsequence") == list(range(1, len(own) + 1))
        for message in pulled:
            same_bytes(dict(message.headers or {}), message.data, committed)
    places = await site.rows(
        "select stream_sequence from referral.outbox where sent_at is not null"
    )
    assert len(places) == len(sent)


def same_bytes(headers: dict[str, str], body: bytes, committed: Leased) -> None:
    own = {name: value for name, value in headers.items() if not name.startswith("Nats-Batch-")}
    exact_headers, exact_body = committed[headers["ce-id"]]
    assert own == headers_of(exact_headers)
    assert body.decode() == exact_body


async def test_more_than_a_round_can_hold_is_sent_again_to_the_last(site: Site) -> None:
    async with site.parts("referral") as parts:
        sent = [inside(uuid4()) for _ in range(ROOM + 20)]
        await queue(parts, sent)
        await drain(parts)
        await site.run("update referral.outbox set sent_at = null, stream_sequence = null")

        await recover(parts)

        left = await site.rows("select count(*) from referral.outbox where sent_at is null")
        assert left == [(0,)]
        assert ids(await stored(site)) == ids(sent)

"""Sends forged messages over a running platform, and says what became of each."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import nats
from nats.aio.client import Client

from chassis.inbox.rejections import PER_MINUTE
from contracts.keyring import generate_signing_key
from contracts.signing import Signer
from contracts.topology import READINGS, inbox_prefix
from deploy.keys import PROVISIONER, seed_file
from partners.kit.database import connect
from partners.kit.ledger import FILE
from tests.journeys.road import Road
from tests.trust.auditor import Finding, compare
from tests.trust.evidence import Asking, body_of
from tests.trust.forgery import Draft, Loot
from tests.trust.load import moving
from tests.trust.streams import Stored, read_streams

PATIENCE = 15.0
#: Below each organisation's share, so that nothing has to wait for its turn.
PER_SECOND = 160
STREAMS = ("INTAKE", "REFERRAL", "INBOX", "OUT")
#: What the services know of the world; mechanisms (positions, dead letters, spans…) left out.
TABLES = {
    "intake": "organisations cases consents disclosures withdrawals steps unplaced organisation_keys",
    "referral": "organisations cases referrals unplaced organisation_keys",
    "reporting": "organisations facts_cases facts_referrals facts_referral_steps facts_unplaced",
}
#: What a sender may be told; anything else that appears is an effect.
ANSWERS = ("request.refused", "message.rejected")

Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Everything that a forged message could change: rows by table, and what lies in the streams."""

    rows: Counter[tuple[str, str]]
    places: frozenset[Place]


@dataclass(slots=True)
class Sent:
    """Where the broker put each forged message."""

    by_place: dict[Place, Draft] = field(default_factory=dict)
    ways: Counter[str] = field(default_factory=Counter)


async def known(road: Road) -> Known:
    """As it stands now."""
    rows: Counter[tuple[str, str]] = Counter()
    for service, tables in TABLES.items():
        ask = Asking(road, service)
        for table in tables.split():
            found = await ask(f"select row_to_json(t)::text from {service}.{table} t")
            rows.update((f"{service}.{table}", row) for (row,) in found)
    streams = await _streams(road)
    return Known(rows=rows, places=frozenset(_places(streams)))


async def plunder(road: Road, random: Random) -> Loot:
    """What forgers could have gathered of the honest traffic so far."""
    streams = await _streams(road)
    waiting = await Asking(road, "referral")(
        "select organisation, referral_id from referral.referrals where state = 'offered'"
    )
    return Loot(
        random=random,
        signers={code: Signer(keys.signing) for code, keys in road.keys.items()},
        stranger=Signer(generate_signing_key(random.randbytes(32))),
        requests=_of(road, streams["INBOX"]),
        feeds=_of(road, streams["OUT"]),
        facts={name: streams[name] for name in ("INTAKE", "REFERRAL")},
        open={code: [r for one, r in waiting if one == code] for code in road.keys},
    )


async def send(road: Road, forged: Sequence[tuple[str, Draft]]) -> Sent:
    """Publish all, in groups of a second, each over its sender's own connection."""
    sent, loop = Sent(), asyncio.get_running_loop()
    async with _connections(road, {draft.sender for _, draft in forged}) as clients:
        for start in range(0, len(forged), PER_SECOND):
            until = loop.time() + 1
            group = forged[start : start + PER_SECOND]
            places = await asyncio.gather(*(_publish(clients[one.sender], one) for _, one in group))
            for place, (way, draft) in zip(places, group, strict=True):
                sent.by_place[place] = draft
                sent.ways[way] += 1
            await asyncio.sleep(until - loop.time())
    return sent


async def at_rest(road: Road, *, within: float) -> None:
    """Nothing moves any more, and nobody has anything left to be told."""
    ask = Asking(road, "referral")
    unsent = "select count(*) from referral.outbox where sent_at is null and erased_at is null"
    aside = "select count(*) from referral.redeliveries"
    async with asyncio.timeout(within):
        while await moving(road) or any([await _number(ask, q) for q in (aside, unsent)]):
            await asyncio.sleep(0.5)


async def _number(ask: Asking, question: str) -> int:
    ((number,),) = await ask(question)
    return int(number)


async def effects(road: Road, sent: Sent, *, before: Known) -> list[str]:
    """Rows that came or went, events that followed, and what a partner's program acted on."""
    after, streams = await known(road), await _streams(road)
    changed = [f"row of {table}" for table, _ in (before.rows - after.rows)]
    changed += [f"row of {table}" for table, _ in (after.rows - before.rows)]
    for name, messages in streams.items():
        for one in messages:
            place = (name, one.sequence)
            is_new = place not in before.places and place not in sent.by_place and name != "INBOX"
            if is_new and one.name not in ANSWERS:
                changed.append(f"{one.name} in {name}")
    forged = {draft.headers["ce-id"] for draft in sent.by_place.values() if _is_fed(draft)}
    for code, program in road.programs.items():
        # The real message by that id may have come before; another place in the feed is a copy.
        acted = Counter(str(one.envelope.id) for one in program.handled)
        real = Counter(one.id for one in streams["OUT"] if ("OUT", one.sequence) in before.places)
        changed += [f"program of {code}" for i in forged if acted[i] > min(real[i], 1)]
    return changed


async def ends(road: Road, sent: Sent) -> list[Finding]:
    """That each forged message has an end which somebody can see."""
    streams = await _streams(road)
    return [
        *await _of_requests(road, sent, streams),
        *[await _of_facts(road, sent, stream) for stream in ("INTAKE", "REFERRAL")],
        _of_feeds(road, sent),
    ]


async def _of_requests(
    road: Road, sent: Sent, streams: dict[str, list[Stored]]
) -> tuple[Finding, Finding]:
    """Dead, or refused: by name, or in the number of those beyond 60 in a minute."""
    refusals = [body_of(one) for one in streams["OUT"] if one.name == "request.refused"]
    named = {one["request_id"] for one in refusals}
    buried = {int(n) for (n,) in await _buried(road, "referral-INBOX")}
    taken = {int(n) for (n,) in await _taken(road)}
    asked = {place for place in sent.by_place if place[0].startswith("IN_")}
    ended, unnamed = set(), set()
    for one in streams["INBOX"]:
        if one.sequence in buried or one.headers.get("ce-id") in named:
            ended.add(one.origin)
        elif one.sequence in taken and one.origin in asked:
            unnamed.add(one.origin)
    # Of the minute that is not over the number is kept, and not told yet.
    kept = f"select coalesce(sum(count - {PER_MINUTE}), 0) from referral.refusals where count > {PER_MINUTE}"
    counted = sum(one["count"] - 1 for one in refusals)
    counted += await _number(Asking(road, "referral"), kept)
    return (
        compare(
            "each forged request is dead or refused", acked=asked, found=(ended & asked) | unnamed
        ),
        compare(
            "each refusal without a name is in a number",
            acked=range(len(unnamed)),
            found=range(counted),
        ),
    )


async def _of_facts(road: Road, sent: Sent, stream: str) -> Finding:
    readers = [reading.durable.name for reading in READINGS if reading.stream == stream]
    said = {place[1] for place in sent.by_place if place[0] == stream}
    buried = [(reader, int(n)) for reader in readers for (n,) in await _buried(road, reader)]
    return compare(
        f"each forged fact in {stream} is dead for each of its readers",
        acked={(reader, n) for reader in readers for n in said},
        found=[one for one in buried if one[1] in said],
    )


def _of_feeds(road: Road, sent: Sent) -> Finding:
    fed = {place[1] for place, draft in sent.by_place.items() if _is_fed(draft)}
    aside = []
    for code in road.programs:
        ledger = connect(road.folder(code) / FILE)
        try:
            rows = ledger.execute("select stream_sequence from quarantine").fetchall()
            aside += [int(row["stream_sequence"]) for row in rows]
        finally:
            ledger.close()
    return compare(
        "each forged message of a feed is put aside",
        acked=fed,
        found=[n for n in aside if n in fed],
    )


async def _buried(road: Road, reader: str) -> list[tuple[str, ...]]:
    schema = reader.partition("-")[0]
    return await Asking(road, schema)(
        f"select stream_sequence from {schema}.dead_letters where consumer = '{reader}'"
    )


async def _taken(road: Road) -> list[tuple[str, ...]]:
    return await Asking(road, "referral")(
        "select stream_sequence from referral.inbox where consumer = 'referral-INBOX'"
    )


async def _streams(road: Road) -> dict[str, list[Stored]]:
    seed = seed_file(road.platform.state, PROVISIONER)
    return await read_streams(road.platform.nats_url, seed, STREAMS)


def _places(streams: dict[str, list[Stored]]) -> list[Place]:
    return [(name, one.sequence) for name, messages in streams.items() for one in messages]


def _of(road: Road, messages: Sequence[Stored]) -> dict[str, list[Stored]]:
    return {
        code: [one for one in messages if one.subject.split(".")[1] == code] for code in road.keys
    }


def _is_fed(draft: Draft) -> bool:
    return draft.subject.startswith("out.")


@asynccontextmanager
async def _connections(road: Road, names: set[str]) -> AsyncIterator[dict[str, Client]]:
    clients: dict[str, Client] = {}
    try:
        for name in sorted(names):
            keys = road.keys.get(name)
            seed = keys.seed if keys else seed_file(road.platform.state, name).read_text("ascii")
            clients[name] = await nats.connect(
                road.platform.nats_url,
                nkeys_seed_str=seed.strip(),
                inbox_prefix=inbox_prefix(name),
                allow_reconnect=False,
            )
        yield clients
    finally:
        for client in clients.values():
            await client.close()


async def _publish(client: Client, draft: Draft) -> Place:
    answer = await client.request(
        draft.published, draft.body, headers=dict(draft.headers), timeout=PATIENCE
    )
    stored: dict[str, Any] = json.loads(answer.data)
    return stored["stream"], stored["seq"]

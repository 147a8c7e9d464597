"""Sends bad messages with real credentials, and judges afterwards where each of them ended."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from time import monotonic

import nats
from nats.aio.client import Client

from chassis.trust import PlatformKeys, SigningKey
from contracts.envelope import SIGNATURE
from contracts.signing import Kind, Signer, signed_payload
from contracts.topology import READINGS, inbox_prefix
from deploy.keys import seed_file
from partners.kit.ledger import FILE
from tests.journeys.road import SERVICES, Road
from tests.trust.auditor import Audit, Finding, compare
from tests.trust.evidence import Asking, Evidence, Fact, body_of
from tests.trust.poison import PARKED, REFUSED, UNSTORED, Known, Letter, Sort
from tests.trust.questions import audit
from tests.trust.refusals import refused

PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What the broker said to one bad message: the stream and place it took it at, if it did."""

    end: str
    letter: Letter
    stream: str = ""
    sequence: int = 0
    refusal: str = ""

    @property
    def place(self) -> tuple[str, int]:
        return self.stream, self.sequence


@dataclass(slots=True)
class Poisoner:
    """Everybody's connections in the wrong hands. `sent`: what came of each message so far."""

    road: Road
    random: Random
    clients: dict[str, Client]
    signers: dict[str, Signer]
    sent: list[Sent] = field(default_factory=list)

    async def spread(self, poison: Sequence[tuple[Sort, Letter]], *, seconds: float) -> None:
        """Send them evenly over so long."""
        began, known = monotonic(), Known(self._request_of, self._foreign_to)
        async with asyncio.TaskGroup() as group:
            for nth, (sort, letter) in enumerate(poison):
                await asyncio.sleep(began + seconds * nth / len(poison) - monotonic())
                group.create_task(self._send(sort.end, sort.spoil(letter, known)))

    async def _send(self, end: str, letter: Letter) -> None:
        if end == UNSTORED:
            self.sent.append(Sent(end, letter, refusal=await _insist(self.road, letter)))
            return
        headers = self._signed(letter)
        answer = await self.clients[letter.sender].request(
            letter.subject, letter.body, headers=headers, timeout=PATIENCE
        )
        stored = json.loads(answer.data)
        self.sent.append(Sent(end, letter, stored["stream"], stored["seq"]))

    def _signed(self, letter: Letter) -> dict[str, str]:
        """Under the sender's own key, or everything would die of its signature.

        No Nats-Msg-Id: the broker's window must not be what saves us.
        """
        left_out = ("Nats-Msg-Id", SIGNATURE)
        headers = {name: value for name, value in letter.headers.items() if name not in left_out}
        is_request = letter.sender in self.road.keys
        subject = letter.subject
        if is_request:
            subject = subject.replace("in.", f"in.{letter.sender}.", 1)
        payload = signed_payload(headers, letter.body, subject=subject)
        kind: Kind = "request" if is_request else "event"
        return headers | {SIGNATURE: self.signers[letter.sender].sign(payload, kind=kind)}

    def _request_of(self, code: str) -> str:
        ledger = sqlite3.connect(self.road.folder(code) / FILE)
        try:
            found = ledger.execute("select id from request where acknowledged_at is not null")
            return str(self.random.choice(found.fetchall())[0])
        finally:
            ledger.close()

    def _foreign_to(self, code: str) -> str:
        others = [p.chosen for name, p in self.road.programs.items() if name != code]
        return self.random.choice([referral for chosen in others for referral in chosen])


@asynccontextmanager
async def poisoner(road: Road, random: Random) -> AsyncIterator[Poisoner]:
    """As intake, as referral and as every organisation."""
    names = ("intake", "referral", *road.keys)
    clients = {name: await _client(road, name) for name in names}
    try:
        yield Poisoner(road, random, clients, {name: _signer(road, name) for name in names})
    finally:
        for client in clients.values():
            await client.close()


def _signer(road: Road, name: str) -> Signer:
    if name in road.keys:
        return Signer(road.keys[name].signing)
    return SigningKey(PlatformKeys(road.platform.state.secrets), name).signer()


async def _client(road: Road, name: str) -> Client:
    ours = name not in road.keys
    seed = (
        seed_file(road.platform.state, name).read_text().strip() if ours else road.keys[name].seed
    )
    return await nats.connect(
        road.platform.nats_url,
        nkeys_seed_str=seed,
        inbox_prefix=inbox_prefix(name),
        allow_reconnect=False,
        error_cb=_quiet,
    )


async def _quiet(_: Exception) -> None:
    """A refusal is what the largest ones are sent for."""


async def _insist(road: Road, letter: Letter) -> str:
    """Past the library's own check; what the broker says before it hangs up."""
    client = await _client(road, letter.sender)
    assert client._transport is not None
    head = f"PUB {letter.subject} {len(letter.body)}\r\n".encode()
    client._transport.write(head + letter.body + b"\r\n")
    async with asyncio.timeout(PATIENCE):
        while not client.is_closed:
            await asyncio.sleep(0.01)
    return str(client.last_error).lower()


async def judged(road: Road, evidence: Evidence, sent: Sequence[Sent]) -> Audit:
    """All questions about the good ones, and where each bad one ended."""
    inbox = {one.origin: one.sequence for one in evidence.streams["INBOX"]}
    there = [
        replace(one, stream="INBOX", sequence=inbox.get(one.place, 0))
        if one.letter.stream == "INBOX" and one.stream
        else one
        for one in sent
    ]
    bad = [
        await _buried(road, there),
        await _parked(road, there),
        _refused(evidence, there),
        _unstored(there),
    ]
    return Audit([*audit(_good_part(evidence, there)).findings, *bad])


def _good_part(evidence: Evidence, sent: Sequence[Sent]) -> Evidence:
    """Without what is asked about the bad ones; a foreign case is a request like any other."""
    bad = {one.place for one in sent if one.end != REFUSED}
    cases = {one.letter.headers.get("ce-subject") for one in sent}
    asked = [(s.letter.sender, s.letter.headers["ce-id"]) for s in sent if s.end == REFUSED]
    return replace(
        evidence,
        streams={
            name: [one for one in stored if (name, one.sequence) not in bad]
            for name, stored in evidence.streams.items()
        },
        positions=[one for one in evidence.positions if one[1] not in cases],
        requests=[*evidence.requests, *asked],
        left=[one for one in evidence.left if one[1] not in ("parked", "dead_letters")],
    )


def _read_by(sent: Sent) -> list[str]:
    """The durables that read all of its stream; the others ask for kinds that are not sent here."""
    return [
        one.durable.name
        for one in READINGS
        if one.stream == sent.stream and not one.filter_subjects
    ]


async def _buried(road: Road, sent: Sequence[Sent]) -> Finding:
    ends = (PARKED, REFUSED, UNSTORED)
    dead = await _rows(
        road, "select consumer, stream, stream_sequence, reason from {}.dead_letters"
    )
    return compare(
        "each bad message is a dead letter for its reason, wherever it was read",
        acked=[
            (name, one.stream, str(one.sequence), one.end)
            for one in sent
            if one.end not in ends
            for name in _read_by(one)
        ],
        found=dead,
    )


async def _parked(road: Road, sent: Sequence[Sent]) -> Finding:
    return compare(
        "each that is far ahead of its case waits for what never comes",
        acked=[
            (name, one.stream, str(one.sequence))
            for one in sent
            if one.end == PARKED
            for name in _read_by(one)
        ],
        found=await _rows(road, "select consumer, stream, stream_sequence from {}.parked"),
    )


def _refused(evidence: Evidence, sent: Sequence[Sent]) -> Finding:
    asked = [(s.letter.sender, s.letter.headers["ce-id"]) for s in sent if s.end == REFUSED]
    said = [
        one
        for one in evidence.streams["OUT"]
        if one.name == "request.refused" and body_of(one)["reason"] == REFUSED
    ]
    return compare(
        "who asks about a foreign case hears that there is none",
        acked=asked,
        found=refused(said, asked),
    )


def _unstored(sent: Sequence[Sent]) -> Finding:
    tried = [(nth, one) for nth, one in enumerate(sent) if one.end == UNSTORED]
    return compare(
        "the broker refuses what is larger than it takes",
        acked=[nth for nth, _ in tried],
        found=[nth for nth, one in tried if "maximum payload" in one.refusal],
    )


async def _rows(road: Road, query: str) -> list[Fact]:
    return [row for name in SERVICES for row in await Asking(road, name)(query.format(name))]

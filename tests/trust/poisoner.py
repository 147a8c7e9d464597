"""Spoils and sends bad messages with real credentials, and judges where each of them ended."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from random import Random

from contracts.topology import READINGS
from partners.kit.ledger import FILE
from tests.journeys.road import SERVICES, Road
from tests.parts import until
from tests.trust.auditor import Audit, Finding, compare
from tests.trust.evidence import Asking, Evidence, Fact, body_of
from tests.trust.poison import PARKED, REFUSED, UNSTORED, Known, Letter, Sort
from tests.trust.questions import audit
from tests.trust.refusals import refused
from tests.trust.sender import Credentials, Sent, send_all


@dataclass(slots=True)
class Poisoner:
    """Everybody's connections in the wrong hands. `sent`: what came of each message so far."""

    road: Road
    random: Random
    process: ProcessPoolExecutor
    sent: list[Sent] = field(default_factory=list)

    def spoilt(self, poison: Sequence[tuple[Sort, Letter]]) -> list[tuple[str, Letter]]:
        """Each with how it must end; what can be known is what is known now."""
        used = {code: self._requests_of(code) for code in self.road.keys}
        known = Known(lambda code: self.random.choice(used[code]), self._foreign_to)
        return [(sort.end, sort.spoil(letter, known)) for sort, letter in poison]

    async def spread(
        self, letters: Sequence[tuple[str, Letter]], *, between: tuple[float, float]
    ) -> None:
        """Send them evenly between two moments, from another process."""
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(self.process, send_all, self._hands, letters, between)
        self.sent += await job

    async def look_on(self, seconds: float) -> None:
        """Over so long at least, and until everybody has asked something whose id can be used again."""
        await asyncio.sleep(seconds)
        await until(self._knows_enough, seconds=60)

    async def _knows_enough(self) -> bool:
        return all(self._requests_of(code) for code in self.road.keys)

    @property
    def _hands(self) -> Credentials:
        return Credentials(
            nats_url=self.road.platform.nats_url,
            state=self.road.platform.state,
            folders={code: self.road.folder(code) for code in self.road.keys},
        )

    def _requests_of(self, code: str) -> list[str]:
        ledger = sqlite3.connect(self.road.folder(code) / FILE)
        try:
            found = ledger.execute("select id from request where acknowledged_at is not null")
            return [str(one) for (one,) in found]
        finally:
            ledger.close()

    def _foreign_to(self, code: str) -> str:
        others = [p.chosen for name, p in self.road.programs.items() if name != code]
        return self.random.choice([referral for chosen in others for referral in chosen])


@asynccontextmanager
async def poisoner(road: Road, random: Random) -> AsyncIterator[Poisoner]:
    """As intake, as referral and as every organisation."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        hostile = Poisoner(road, random, process)
        await hostile.spread([], between=(0, 0))  # the process is up before anything is timed
        yield hostile


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

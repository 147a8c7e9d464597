"""What a run left behind, from four independent witnesses: callers, tables, streams, partners."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # the package ships no types

from deploy.keys import PROVISIONER, seed_file
from partners.kit.ledger import FILE
from tests.journeys.cases import Case
from tests.journeys.oracle import Oracle
from tests.journeys.road import Road
from tests.trust.streams import Stored, read_streams

STREAMS = ("INTAKE", "REFERRAL", "OUT", "INBOX")
Fact = tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Rows of plain strings; each list is what one witness says, repeats and all.

    acked: (key, number) the callers were promised; attempted: keys that were ever sent.
    cases: (key, number, case). known: case. referrals: (case, service, organisation, rank, state).
    unplaced: (case, service, reason). steps: (referral, step). owners: referral → owner.
    outbox: stream → message ids. positions: (consumer, case, last). left: what did not drain.
    streams: as they lie. requests: (organisation, id) the platform acknowledged to partners.
    handled: (organisation, message id). counted: (kind, case or referral, more) of reporting.
    fed: organisations with a feed; holding: those whose programs run. expected, expected_unplaced: by the oracle, for all cases.
    """

    acked: list[Fact] = field(default_factory=list)
    attempted: list[str] = field(default_factory=list)
    cases: list[Fact] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    referrals: list[Fact] = field(default_factory=list)
    unplaced: list[Fact] = field(default_factory=list)
    steps: list[Fact] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)
    outbox: dict[str, list[str]] = field(default_factory=dict)
    positions: list[tuple[str, str, int]] = field(default_factory=list)
    left: list[Fact] = field(default_factory=list)
    streams: dict[str, list[Stored]] = field(default_factory=dict)
    requests: list[Fact] = field(default_factory=list)
    handled: list[Fact] = field(default_factory=list)
    expected: list[Fact] = field(default_factory=list)
    expected_unplaced: list[Fact] = field(default_factory=list)
    counted: list[Fact] = field(default_factory=list)
    fed: frozenset[str] = frozenset()
    holding: frozenset[str] = frozenset()


async def gather(
    road: Road, oracle: Oracle, *, attempted: Mapping[str, Case], acked: Mapping[str, str]
) -> Evidence:
    """Everything, once the run has come to rest. acked: key → number of those that got a 202."""
    evidence = Evidence(
        acked=sorted(acked.items()),
        attempted=sorted(attempted),
        fed=frozenset(oracle.feeds()),
        holding=frozenset(road.keys),
    )
    await _ask_intake(road, evidence)
    await _ask_referral(road, evidence)
    await _ask_reporting(road, evidence)
    seed = seed_file(road.platform.state, PROVISIONER)
    evidence.streams = await read_streams(road.platform.nats_url, seed, STREAMS)
    _ask_partners(road, evidence)
    _foretell(evidence, oracle, attempted)
    return evidence


async def _ask_intake(road: Road, evidence: Evidence) -> None:
    ask = Asking(road, "intake")
    evidence.cases = await ask("""
        select key, number, case_id from intake.cases
        left join intake.idempotency on answer->>'case_number' = number
    """)
    evidence.steps = await ask("select referral_id, step from intake.steps")
    await _ask_mechanisms(ask, evidence)


async def _ask_referral(road: Road, evidence: Evidence) -> None:
    ask = Asking(road, "referral")
    evidence.known = [case for (case,) in await ask("select case_id from referral.cases")]
    rows = await ask("""
        select case_id, service, organisation, rank, state, referral_id, owner
        from referral.referrals
    """)
    evidence.referrals = [row[:5] for row in rows]
    evidence.recipients = {row[5]: row[2] for row in rows}
    evidence.owners = {row[5]: row[6] for row in rows}
    evidence.unplaced = await ask("select case_id, service, reason from referral.unplaced")
    await _ask_mechanisms(ask, evidence)


async def _ask_reporting(road: Road, evidence: Evidence) -> None:
    ask = Asking(road, "reporting")
    evidence.counted = await ask("""
        select 'case', case_id, '' from reporting.facts_cases
        union all select 'offered', referral_id, '' from reporting.facts_referrals
        union all select 'step', referral_id, step from reporting.facts_referral_steps
        union all select 'unplaced', case_id, service from reporting.facts_unplaced
    """)
    await _ask_mechanisms(ask, evidence)


async def _ask_mechanisms(ask: "Asking", evidence: Evidence) -> None:
    """What the chassis keeps for every service."""
    schema = ask.service
    for stream, identity in await ask(f"select stream, id from {schema}.outbox order by position"):
        evidence.outbox.setdefault(stream, []).append(identity)
    for consumer, case, last in await ask(
        f"select consumer, subject, last from {schema}.positions"
    ):
        evidence.positions.append((consumer, case, int(last)))
    for table, unsettled in (
        ("outbox", "sent_at is null and erased_at is null"),
        ("parked", "true"),
        ("redeliveries", "true"),
        ("dead_letters", "true"),
    ):
        counted = await ask(f"select count(*) from {schema}.{table} where {unsettled}")
        evidence.left += [(schema, table, n) for (n,) in counted if n != "0"]


@dataclass(frozen=True, slots=True)
class Asking:
    """One service's tables, as its working role reads them; every value as text."""

    road: Road
    service: str

    async def __call__(self, query: str) -> list[Fact]:
        url = self.road.platform.database_url(f"{self.service}_work").replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            return [tuple(str(value) for value in row) for row in await connection.fetch(query)]
        finally:
            await connection.close()


def _ask_partners(road: Road, evidence: Evidence) -> None:
    """What their programs noted, and what their own ledgers say was acknowledged."""
    for code, program in road.programs.items():
        evidence.handled += [(code, str(one.envelope.id)) for one in program.handled]
        ledger = sqlite3.connect(road.folder(code) / FILE)
        try:
            rows: list[Any] = ledger.execute(
                "select id from request where acknowledged_at is not null"
            ).fetchall()
        finally:
            ledger.close()
        evidence.requests += [(code, identity) for (identity,) in rows]


def _foretell(evidence: Evidence, oracle: Oracle, attempted: Mapping[str, Case]) -> None:
    """What routing must have made of every case that is in the table."""
    for key, _, case_id in evidence.cases:
        if key not in attempted:
            continue
        case = attempted[key]
        outcome = oracle.outcome(case.owner, case.body)
        evidence.expected += [
            (case_id, one.service, one.organisation, str(one.rank), one.steps[-1])
            for one in outcome.offers
        ]
        evidence.expected_unplaced += [(case_id, s, r) for s, r in outcome.unplaced.items()]


def body_of(stored: Stored) -> dict[str, Any]:
    """The JSON body."""
    loaded: dict[str, Any] = json.loads(stored.body)
    return loaded

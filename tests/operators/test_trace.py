"""One referral over three processes and two partner programs that trace: one picture, also after a replay."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from typer.testing import CliRunner

from deploy.cli import app
from deploy.commands.context import AT_THE_SERVER
from deploy.migrate import OPERATIONS
from deploy.tracing import Step, Way, collect
from partners.kit import Partner
from tests.journeys.cases import Case
from tests.journeys.road import SERVICES, Road, answering, running_road
from tests.journeys.test_trace import CASE, OWNER, SHELTER, SOCIAL, Seen
from tests.ledger import Figure

pytestmark = [pytest.mark.connected, pytest.mark.share("operators"), pytest.mark.timeout(300)]
Key = tuple[str, str]
PARTNERS: Final = (SHELTER, SOCIAL)
#: What each of the two asks for.
VERBS: Final = ("receive", "accept", "start", "deliver")
#: The case; of each referral its offer, what came of each of these, and the dossier that was released.
READS: Final = 1 + len(PARTNERS) * (len(VERBS) + 2)


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What the programs' own backend keeps: this process has set OpenTelemetry up."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return kept


@dataclass(frozen=True, slots=True)
class Look:
    """A case's way as `siraba trace` draws it, and the partners' own spans so far."""

    way: Way
    theirs: tuple[Seen, ...]

    @property
    def keys(self) -> set[Key]:
        return {one.key for one in self.way.steps}

    @property
    def asked(self) -> list[Step]:
        """Partners' requests, at referral."""
        return [
            one
            for one in self.way.steps
            if one.name.startswith("process ") and one.organisation in PARTNERS
        ]

    def glued(self, before: "Look") -> list[str]:
        """Steps that have come since into a trace that was there before."""
        traces, new = {trace for trace, _ in before.keys}, self.keys - before.keys
        return [one.name for one in self.way.steps if one.key in new and one.key[0] in traces]


async def look(road: Road, number: str, kept: InMemorySpanExporter) -> Look:
    """Spans are written twice a second: when two looks are alike, all are there."""
    url, last = road.platform.database_url(OPERATIONS), -1
    async with asyncio.timeout(60):
        while True:
            _, way = await collect(url, number, by=AT_THE_SERVER)
            read = [one.name for one in way.steps if one.service == "reporting"]
            if len(way.steps) == last and len(read) >= READS:
                break
            last = len(way.steps)
            await asyncio.sleep(1.2)
    return Look(way, tuple(map(Seen.of, kept.get_finished_spans())))


async def until_handled(road: Road, counts: dict[str, int]) -> None:
    async with asyncio.timeout(60):
        while any(len(road.programs[code].handled) < count for code, count in counts.items()):
            await asyncio.sleep(0.1)


async def _travel(road: Road) -> str:
    """One case, until both partners have delivered and heard so; its number."""
    # The directory alone fills a second: what comes next is a new trace, and kept.
    await asyncio.sleep(1.1)
    case = Case(OWNER, "one-picture", CASE)
    number = await road.submit_until_accepted(case)
    async with asyncio.timeout(60):
        while len((await road.seen_by_owner(OWNER, number))["steps"]) < 2 * (1 + len(VERBS)):
            await asyncio.sleep(0.2)
    # The offer, and its own accepted, started and delivered; the dossier with the second.
    await until_handled(road, dict.fromkeys(PARTNERS, len(VERBS) + 1))
    return number


async def _tell_again(road: Road, since: datetime, heard: dict[str, int]) -> None:
    """Reporting reads everything anew, and so do both programs."""
    rebuild = partial(
        CliRunner().invoke,
        app,
        ["reporting", "rebuild", "--state-dir", str(road.platform.state.root)],
    )
    before = await facts(road)
    done = await asyncio.to_thread(rebuild)
    assert done.exit_code == 0, done.output
    for code in PARTNERS:
        async with Partner.open(road.folder(code), url=road.platform.nats_url) as partner:
            assert (await partner.replay(since)).acknowledged
    async with answering(road, lambda *_, **__: "complete"):
        await until_handled(road, heard)
    async with asyncio.timeout(60):
        while await facts(road) < before:
            await asyncio.sleep(0.2)


async def facts(road: Road) -> int:
    """How much reporting knows of referrals."""
    url = road.platform.database_url("reporting_work").replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        count = "select count(*) from reporting.facts_referral_steps"
        return int(await connection.fetchval(count))
    finally:
        await connection.close()


async def test_one_referral_is_one_picture_and_what_is_told_again_is_linked_to_it(
    theirs: InMemorySpanExporter, figure: Figure
) -> None:
    began = datetime.now(UTC)
    async with running_road((OWNER, *PARTNERS)) as road:
        async with answering(road, lambda *_, **__: "complete"):
            number = await _travel(road)
        heard = {code: len(road.programs[code].handled) for code in PARTNERS}
        first = await look(road, number, theirs)
        await _tell_again(road, began, heard)
        second = await look(road, number, theirs)

    _is_one_picture(first)
    _hangs_below_what_was_sent(first)
    # The control: without our own parent, each of these would hang below a span that is not here.
    strange = [one for one in second.asked if set(one.links) - second.keys]
    orphans = [*first.way.orphans, *second.way.orphans]
    figure("operators.trace.orphans", len(orphans), control=len(strange))
    assert len(strange) >= len(VERBS) * len(PARTNERS)
    _is_linked(first, second)


def _is_one_picture(seen: Look) -> None:
    tops = [step.name for depth, step in seen.way.in_order() if depth == 0]
    assert tops == ["POST /intake/cases"]
    assert {one.service for one in seen.way.steps} == set(SERVICES)


def _hangs_below_what_was_sent(seen: Look) -> None:
    """Each request: below our own message to this partner, and joined to the partner's own span."""
    steps = {one.key: one for one in seen.way.steps}
    spans = {(one.trace, one.id): one for one in seen.theirs}
    made = {(one.organisation, one.name.rpartition(".")[2]) for one in seen.asked}
    assert made == {(code, verb) for code in PARTNERS for verb in VERBS}
    for one in seen.asked:
        assert one.parent is not None
        sent = steps[one.parent]
        assert (sent.name[:5], sent.organisation) == ("send ", one.organisation)
        (link,) = one.links
        assert (spans[link].trace, spans[link].parent) == sent.key


def _is_linked(first: Look, second: Look) -> None:
    assert second.glued(first) == []
    # Those that are kept: a service that reads everything anew is in a rush.
    for one in second.way.steps:
        if one.service == "reporting" and one.key not in first.keys:
            assert one.parent is None
            assert set(one.links) <= first.keys
    again = second.theirs[len(first.theirs) :]
    assert len(again) >= len(PARTNERS)
    assert {one.parent for one in again} == {None}
    assert {link for one in again for link in one.links} <= first.keys
    # What is drawn stays one picture.
    assert [step.name for depth, step in second.way.in_order() if depth == 0] == [
        "POST /intake/cases"
    ]

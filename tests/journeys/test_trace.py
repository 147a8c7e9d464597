import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from chassis.telemetry.store import ALLOWED
from deploy.directory import load_directory
from deploy.settings import PlatformSettings
from tests.journeys.cases import CANARY
from tests.journeys.in_process import Town, town
from tests.journeys.programs import Program
from tests.ledger import Figure
from tests.servers import PostgresServer

OWNER, SHELTER, SOCIAL = "POLICE_KAYES", "SHELTER_BENKADI_KAYES", "DRPFEF_KAYES"
SERVICES = ("intake", "referral", "reporting")
ORGANISATIONS = load_directory(PlatformSettings().directory_file)
CASE: dict[str, object] = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "12-14",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "risk": "medium", "needs": ["shelter"],
    "consent": [{"recipient_kind": k, "state": "given", "by": "guardian"} for k in ("shelter", "social")],
    "dossier": {"identity": {"prs_FirstName": CANARY}},
}  # fmt: skip
#: Two offers, and the four further steps of one of them.
STEPS = 6


@dataclass(frozen=True, slots=True)
class Seen:
    """One span in plain terms; `links` are (trace, span)."""

    name: str
    service: str
    trace: str
    id: str
    parent: str | None
    links: tuple[tuple[str, str], ...]
    stream: str
    organisation: str

    @classmethod
    def of(cls, span: ReadableSpan) -> "Seen":
        context, attributes = span.get_span_context(), span.attributes or {}
        assert context is not None
        return cls(
            span.name,
            str(span.resource.attributes["service.name"]).removeprefix("siraba-"),
            format_trace_id(context.trace_id),
            format_span_id(context.span_id),
            format_span_id(span.parent.span_id) if span.parent else None,
            tuple(
                (format_trace_id(link.context.trace_id), format_span_id(link.context.span_id))
                for link in span.links
            ),
            str(attributes.get("messaging.destination.name", "")),
            str(attributes.get("siraba.organisation", "")),
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """All spans of the journey, from memory, and how the tables tell the same."""

    spans: tuple[Seen, ...]
    raw: tuple[ReadableSpan, ...]
    stored: frozenset[tuple[str, str, str | None]]
    texts: tuple[str, ...]

    def all(self, name: str, *, service: str = "", stream: str = "") -> list[Seen]:
        """The spans of this name; an empty filter lets all through."""
        return [
            one
            for one in self.spans
            if one.name == name and service in ("", one.service) and stream in ("", one.stream)
        ]

    def parent(self, one: Seen) -> Seen:
        (found,) = [s for s in self.spans if (s.trace, s.id) == (one.trace, one.parent)]
        return found


@pytest.fixture(scope="module")
def picture(postgres_server: PostgresServer) -> Picture:
    """One case, from its POST until a shelter has delivered, seen from everywhere."""
    return asyncio.run(_travel(postgres_server))


async def _travel(server: PostgresServer) -> Picture:
    async with town(server, (OWNER, SHELTER, SOCIAL), services=SERVICES) as place:
        await _until(place, "intake.organisations", count=len(ORGANISATIONS))
        # The directory alone fills a second: what comes next is a new trace, and kept.
        await asyncio.sleep(1.1)
        async with _listening(place):
            answer = await place.post(OWNER, CASE, key="a-journey")
            assert answer.status_code == 202, answer.text
            await _until(place, "intake.steps", count=STEPS)
            await _until(place, "reporting.facts_referral_steps", count=STEPS - 2)
            # Spans of the last hop are recorded after its effect, and stored twice a second.
            await asyncio.sleep(1.5)
        return await _picture(place)


@asynccontextmanager
async def _listening(place: Town) -> AsyncIterator[None]:
    """The shelter sees the whole way through; the social service keeps silent."""
    program = Program(SHELTER, place.folder(SHELTER), place.nats.url, lambda *_, **__: "complete")
    task = asyncio.create_task(program.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _picture(place: Town) -> Picture:
    rows = []
    for service in SERVICES:
        rows += await place.rows(f"""
            select trace_id, span_id, parent_id, spans::text from {service}.spans
        """)
    raw = tuple(place.finished())
    return Picture(
        spans=tuple(map(Seen.of, raw)),
        raw=raw,
        stored=frozenset((trace, span, parent) for trace, span, parent, _ in rows),
        texts=(*(text for *_, text in rows), *(span.to_json() for span in raw)),
    )


async def _until(place: Town, table: str, *, count: int) -> None:
    async with asyncio.timeout(20):
        while (await place.rows(f"select count(*) from {table}"))[0][0] < count:
            await asyncio.sleep(0.05)


def test_the_case_goes_from_the_request_to_whoever_reads_it(picture: Picture) -> None:
    (post,) = picture.all("POST /intake/cases")
    (send,) = picture.all("send case.registered")
    assert post.parent is None
    assert picture.parent(send) == post
    readers = picture.all("process case.registered")
    assert {one.service for one in readers} == {"referral", "reporting"}
    assert all(picture.parent(one) == send for one in readers)


def test_offers_hang_below_the_case_they_come_from(picture: Picture) -> None:
    (routing,) = picture.all("process case.registered", service="referral")
    offers = picture.all("send referral.offered", stream="REFERRAL")
    assert len(offers) == 2
    assert all(picture.parent(one) == routing for one in offers)
    for reader in ("intake", "reporting"):
        read = picture.all("process referral.offered", service=reader)
        assert {picture.parent(one).id for one in read} == {one.id for one in offers}


def test_what_a_partner_is_sent_starts_a_trace_of_its_own_linked_to_ours(picture: Picture) -> None:
    (routing,) = picture.all("process case.registered", service="referral")
    sent = picture.all("send referral.offered", stream="OUT")
    assert {one.organisation for one in sent} == {SHELTER, SOCIAL}
    for one in sent:
        assert one.parent is None
        assert one.trace != routing.trace
        assert one.links == ((routing.trace, routing.id),)
    first, second = sent
    assert first.trace != second.trace


def test_a_request_hangs_below_the_message_it_answers(picture: Picture) -> None:
    answered = {
        "process referral.receive": "send referral.offered",
        "process referral.accept": "send referral.offered",
        "process referral.start": "send referral.accepted",
        "process referral.deliver": "send referral.started",
    }
    for name, above in answered.items():
        (request,) = picture.all(name, service="referral")
        parent = picture.parent(request)
        assert (parent.name, parent.stream, parent.organisation) == (above, "OUT", SHELTER)


def test_each_answer_is_told_inside_below_its_request(picture: Picture) -> None:
    told = {"receive": "received", "accept": "accepted", "start": "started", "deliver": "delivered"}
    for verb, step in told.items():
        (request,) = picture.all(f"process referral.{verb}")
        (event,) = picture.all(f"send referral.{step}", stream="REFERRAL")
        assert picture.parent(event) == request
        for reader in ("intake", "reporting"):
            (read,) = picture.all(f"process referral.{step}", service=reader)
            assert picture.parent(read) == event
        copies = picture.all(f"send referral.{step}", stream="OUT")
        assert {one.organisation for one in copies} == {SHELTER, OWNER}


def test_no_span_hangs_below_one_that_is_not_there(picture: Picture, figure: Figure) -> None:
    """In memory, and in the tables from which `siraba trace` draws."""
    in_memory = [(one.trace, one.id, one.parent) for one in picture.spans]
    orphans = _orphans(in_memory) + _orphans(sorted(picture.stored, key=str))
    assert len(in_memory) > 30
    assert _orphans([("trace", "child", "nobody")]) == [("trace", "child", "nobody")]
    figure("road.trace.orphans", len(orphans))


def test_the_tables_hold_every_span_that_was_made(picture: Picture) -> None:
    assert picture.stored == {(one.trace, one.id, one.parent) for one in picture.spans}


def test_spans_say_nothing_but_what_is_allowed(picture: Picture) -> None:
    for span in picture.raw:
        assert set(span.attributes or {}) <= ALLOWED, span.name
        assert not span.events, span.name


def test_nobodys_name_is_in_a_span(picture: Picture) -> None:
    assert not [text for text in picture.texts if CANARY.lower() in text.lower()]


def _orphans(
    spans: Sequence[tuple[str, str, str | None]],
) -> list[tuple[str, str, str | None]]:
    known = {(trace, span) for trace, span, _ in spans}
    return [one for one in spans if one[2] is not None and (one[0], one[2]) not in known]

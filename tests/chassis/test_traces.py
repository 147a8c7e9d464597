"""What is done anew, or asked from afar, has its parent here: below our own spans, or only linked to them."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

from chassis import outbox
from chassis.assembly import Parts
from chassis.inbox.sweep import Sweep
from contracts.envelope import HOP
from contracts.requests import AcceptReferral
from contracts.topology import OUT
from deploy.jetstream import asked
from tests.chassis import streams, test_requests
from tests.chassis.streams import deliver, publish
from tests.chassis.test_dead_letters import POISON, Fragile, decide, kill
from tests.chassis.test_requests import Told, send, taken
from tests.parts import Site, make_effects, writing_as

pytestmark = pytest.mark.share("operators")
SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#: A span of the partner's own, in the trace that it was given.
THEIRS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01"
#: As of one who is handed a message again.
ELSEWHERE = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b8-01"
UNKEPT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b9-00"


def place(span: ReadableSpan) -> tuple[str | None, list[str], bool]:
    """(parent, links, whether it begins a trace of its own), spans written as hops."""
    parent = hop(span.parent) if span.parent else None
    assert span.context is not None
    is_own = format_trace_id(span.context.trace_id) not in SENT
    return parent, [hop(link.context) for link in span.links], is_own


def hop(context: SpanContext) -> str:
    trace, span = context.trace_id, context.span_id
    return f"00-{format_trace_id(trace)}-{format_span_id(span)}-01"


def places(site: Site) -> list[tuple[str | None, list[str], bool]]:
    return [place(one) for one in site.spans.get_finished_spans() if one.name.startswith("process")]


async def test_a_dead_letter_that_is_tried_anew_is_linked_to_the_first_time_and_no_part_of_it(
    site: Site,
) -> None:
    await make_effects(site)
    handle = Fragile()
    async with site.parts("referral") as parts:
        consumer = streams.a_consumer(parts, handle, pause=600)
        async with writing_as(site.server, "intake") as jetstream:
            case = str(uuid4())
            dead = await publish(jetstream, case, 1, owner=POISON, hop={HOP: SENT})
            await publish(jetstream, case, 2, hop={HOP: SENT})
        await deliver(parts, consumer, 2)
        await kill(parts, consumer, dead)
        tried = len(places(site))
        assert places(site) == [(SENT, [], False)] * tried, "tries of one delivery are a part of it"
        handle.is_repaired = True
        assert await decide(site, parts, retry=True)
        await Sweep(consumer).once()
    assert places(site)[tried:] == [(None, [SENT], True), (SENT, [], False)]


async def test_what_a_durable_that_was_made_anew_delivers_is_linked_to_the_first_time(
    site: Site,
) -> None:
    await make_effects(site)
    async with site.parts("referral") as parts:
        consumer = streams.a_consumer(parts)
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, str(uuid4()), 1, hop={HOP: SENT})
            await publish(jetstream, str(uuid4()), 1, hop={HOP: UNKEPT})
            await publish(jetstream, str(uuid4()), 1, hop={HOP: SENT})
        await deliver(parts, consumer, 3)
        assert places(site) == [(SENT, [], False)] * 2

        async with site.server.user("provisioner") as client:
            await asked(client, f"CONSUMER.DELETE.{streams.STREAM}.{streams.NAME}")
        assert (await site.server.provision()).clean
        await site.run("delete from referral.positions")
        await deliver(parts, consumer, 3)
        async with writing_as(site.server, "intake") as jetstream:
            await publish(jetstream, str(uuid4()), 1, hop={HOP: SENT})
        await deliver(parts, consumer, 1)
    assert places(site)[2:] == [(None, [SENT], True)] * 2 + [(SENT, [], False)]


async def sent_to(parts: Parts, organisation: str) -> UUID:
    """A message that went out to it with the hop SENT."""
    identity = uuid4()
    message = outbox.Outgoing(
        id=identity,
        stream=OUT.name,
        message=AcceptReferral(referral_id=uuid4()),
        subject="pseudonym",
        organisation=organisation,
    )
    async with parts.work.begin() as connection:
        await outbox.add(connection, [message])
    return identity


#: By whom, with which hop, and what is shown of it.
ANSWERS: Sequence[tuple[str, dict[str, str], object]] = (
    ("SHELTER_B", {HOP: SENT}, (SENT, [], False)),
    ("SHELTER_B", {}, (SENT, [], False)),
    ("SHELTER_B", {HOP: THEIRS}, (SENT, [THEIRS], False)),
    ("SHELTER_B", {HOP: ELSEWHERE}, (None, [SENT, ELSEWHERE], True)),
    ("POLICE_A", {HOP: THEIRS}, (None, [THEIRS], True)),
)


async def test_an_answer_hangs_below_the_message_that_we_sent_and_is_linked_to_the_partners_own_span(
    site: Site,
) -> None:
    """What a partner does anew is in another trace; whoever names another's message joins nothing."""
    await make_effects(site)
    async with site.parts("referral") as parts:
        answered = await sent_to(parts, "SHELTER_B")
        await site.run("update referral.outbox set hop = :hop", hop=SENT)
        consumer = test_requests.a_consumer(parts, Told())
        for code, told, _ in ANSWERS:
            async with site.server.partner(code) as client:
                await send(client, code, headers={"ce-causationid": str(answered), **told})
            await taken(parts, consumer, 1)
    assert places(site) == [shown for _, _, shown in ANSWERS]

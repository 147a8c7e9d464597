import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.envelope import Envelope
from contracts.feed import ConsentWithdrawn
from partners.kit.telemetry import hop_of_answer, processing
from tests.partners.platform import TRACE, Platform, offer

pytestmark = pytest.mark.share("partners")

# A partner's own program, that traces: SDK, exporter and all.
TRACED = """
import asyncio, sys
from pathlib import Path
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from contracts.feed import Offer
from contracts.requests import AcceptReferral, ReceiveReferral
from partners.kit import Partner

provider = TracerProvider()
one_line = ConsoleSpanExporter(formatter=lambda span: span.to_json(indent=None) + "\\n")
provider.add_span_processor(SimpleSpanProcessor(one_line))
trace.set_tracer_provider(provider)

async def on_withdrawn(message):
    raise OSError("Fatoumata")

async def main(folder, url):
    async with Partner.open(Path(folder), url=url) as partner:
        async for delivery in partner.deliveries(idle=3, on_withdrawn=on_withdrawn):
            referral = delivery.message.referral_id
            await partner.send(ReceiveReferral(referral_id=referral), answering=delivery.envelope)
            with provider.get_tracer("own").start_as_current_span("elsewhere", context={}):
                await partner.send(AcceptReferral(referral_id=referral), answering=delivery.envelope)
            await delivery.done()

asyncio.run(main(*sys.argv[1:]))
"""
WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
from contracts.envelope import Envelope
from partners.kit.telemetry import hop_of_answer, processing
with processing(None, hop=None, feed="SHELTER_A", again=False):
    print(hop_of_answer("00-as-it-came"))
"""


async def spans_of(folder: Path, url: str) -> tuple[list[dict[str, Any]], str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        TRACED,
        str(folder),
        url,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(child.communicate(), 30)
    return [json.loads(line) for line in out.decode().splitlines()], out.decode() + err.decode()


async def test_a_message_is_a_span_below_the_platforms_and_its_answer_goes_on_from_it(
    platform: Platform, shelter: Path
) -> None:
    asked = await platform.tell("SHELTER_A", offer())
    spans, _ = await spans_of(shelter, platform.url)

    (span,) = (one for one in spans if one["name"] == "process SHELTER_A")
    _, trace, parent, _ = TRACE.split("-")
    assert span["context"]["trace_id"] == f"0x{trace}"
    assert span["parent_id"] == f"0x{parent}"
    assert span["attributes"]["messaging.message.id"] == str(asked)
    received, accepted = await platform.requests_of("SHELTER_A")
    own_id = span["context"]["span_id"].removeprefix("0x")
    assert received.headers["traceparent"] == f"00-{trace}-{own_id}-01"
    assert accepted.headers["traceparent"] == TRACE, "what else it traces is its own affair"


def test_a_message_that_is_handed_out_again_is_linked_to_the_first_time_and_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    envelope = Envelope(id=uuid4(), source="/siraba/referral", type="any", subject="any")

    for again in (False, True):
        with processing(envelope, hop=TRACE, feed="SHELTER_A", again=again):
            answered = hop_of_answer(TRACE)
        current = kept.get_finished_spans()[-1].context
        assert answered is not None
        assert answered.startswith(f"00-{current.trace_id:032x}-{current.span_id:016x}-")

    first, second = kept.get_finished_spans()
    assert first.parent is not None
    assert (second.parent, first.links) == (None, ())
    (link,) = second.links
    assert (link.context.trace_id, link.context.span_id) == (
        first.parent.trace_id,
        first.parent.span_id,
    )
    assert second.context.trace_id != first.context.trace_id


async def test_an_error_of_the_program_is_told_by_its_type_alone(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    withdrawn = ConsentWithdrawn(referral_id=made.referral_id, withdrawal_id=made.referral_id)
    await platform.tell("SHELTER_A", withdrawn)
    spans, _ = await spans_of(shelter, platform.url)

    (span,) = spans
    assert span["attributes"]["error.type"] == "OSError"
    assert span["status"] == {"status_code": "ERROR"}
    assert "Fatoumata" not in json.dumps(spans)


def test_without_opentelemetry_the_kit_works_and_hands_on_what_came() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "00-as-it-came"

import asyncio
import gc
import io
import json
import logging
import re
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision
from opentelemetry.trace import SpanKind

from chassis.database import open_engine
from chassis.telemetry import Hop, SpanTable, start_tracing
from chassis.telemetry.logs import ALLOWED, fault, set_up_logging
from chassis.telemetry.sampling import ALL_BELOW_PER_SECOND, RushSampler
from chassis.telemetry.spans import end_failed
from tests.builders import CANARY
from tests.parts import Site

W3C = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
hexes = st.text("0123456789abcdef", min_size=32, max_size=32)


@given(hexes, hexes, st.booleans())
def test_a_hop_comes_back_as_it_was_said(trace: str, span: str, sampled: bool) -> None:
    said = f"00-{trace}-{span[:16]}-{'01' if sampled else '00'}"
    hop = Hop.parse(said)

    if set(trace) == {"0"} or set(span[:16]) == {"0"}:
        assert hop is None
    else:
        assert str(hop) == said


shaped = st.builds(
    lambda *parts: "-".join(parts),
    *(st.text("0123456789abcdefABCDEF_ +xX٣-", min_size=n, max_size=n) for n in (2, 32, 16, 2)),
)


@given(st.none() | st.text(max_size=60) | st.from_regex(W3C, fullmatch=True) | shaped)
def test_what_a_stranger_says_is_a_hop_of_the_standard_or_none(said: str | None) -> None:
    hop = Hop.parse(said)

    if hop is not None:
        assert said is not None
        assert W3C.fullmatch(said)
        assert W3C.fullmatch(str(hop))
        assert hop.context().is_valid


@pytest.mark.parametrize(
    "said",
    [
        f"00-{'0' * 32}-{'1' * 16}-01",
        f"00-{'1' * 32}-{'0' * 16}-01",
        f"00-+{'1' * 31}-{'1' * 16}-01",
        f"00-{'1_' * 16}-{'1' * 16}-01",
        f"00-0x{'1' * 30}-{'1' * 16}-01",
        f"00- {'1' * 31}-{'1' * 16}-01",
        f"00-{'A' * 32}-{'1' * 16}-01",
        f"ff-{'1' * 32}-{'1' * 16}-01",
    ],
)
def test_a_header_that_python_could_read_and_the_standard_forbids_is_no_hop(said: str) -> None:
    assert Hop.parse(said) is None


def test_all_traces_are_kept_while_little_happens_and_one_in_twenty_in_a_rush() -> None:
    now = 0.0
    sampler = RushSampler(lambda: now)

    def kept(trace_ids: range) -> int:
        decided = [sampler.should_sample(None, trace_id, "POST").decision for trace_id in trace_ids]
        return decided.count(Decision.RECORD_AND_SAMPLE)

    assert kept(range(1, 1 + ALL_BELOW_PER_SECOND)) == ALL_BELOW_PER_SECOND
    assert kept(range(1000, 3000)) == 100
    now = 1.2
    assert kept(range(1, 11)) == 10


async def test_a_span_is_kept_with_allowed_attributes_only_and_never_an_errors_words(
    site: Site,
) -> None:
    engine = open_engine(site.database.url("referral_work"), schema="referral", pool_size=1)
    table = SpanTable(engine)
    tracing = start_tracing("referral", sampler=ALWAYS_ON, processors=[table])
    case_id = "00000000-0000-4000-8000-000000000007"
    span = tracing.start(
        "process case.registered",
        kind=SpanKind.CONSUMER,
        below=None,
        attributes={"siraba.case_id": case_id, "messaging.system": "nats", "person.name": CANARY},
    )
    span.set_attribute("url.full", f"/cases?name={CANARY}")
    span.add_event("said", {"text": CANARY})
    span.record_exception(ValueError(CANARY))
    end_failed(span, ValueError(CANARY))
    await table.flush()
    await engine.dispose()

    ((found,),) = await site.rows("select row_to_json(s)::text from referral.spans s")
    row = json.loads(found)
    assert row["case_id"] == case_id
    assert row["failed"] is True
    assert row["attributes"] == {"messaging.system": "nats", "error.type": "ValueError"}
    assert CANARY not in found
    assert "Aminata" not in found


async def test_spans_survive_an_outage_and_a_trace_that_is_not_sampled_leaves_none(
    site: Site,
) -> None:
    engine = open_engine("postgresql+asyncpg://a:b@127.0.0.1:1/x", schema="x", pool_size=1)
    table = SpanTable(engine)
    tracing = start_tracing("referral", sampler=ALWAYS_ON, processors=[table])
    unsampled = Hop("a" * 32, "b" * 16, sampled=False)
    tracing.start("one", kind=SpanKind.SERVER, below=unsampled, attributes={}).end()
    tracing.record("two", at=unsampled, below=None, attributes={}, times=(1, 2))
    tracing.start("three", kind=SpanKind.SERVER, below=None, attributes={}).end()
    await table.flush()
    table._engine = open_engine(site.database.url("referral_work"), schema="referral", pool_size=1)
    await table.flush()
    await table.flush()
    await table._engine.dispose()

    assert await site.rows("select name from referral.spans") == [("three",)]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process would write to standard error; the root logger is put back afterwards."""
    root = logging.getLogger()
    before = root.handlers, root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    for hook in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, hook, getattr(sys, hook))
    set_up_logging("referral")
    yield written
    root.handlers, root.level = before


def lines(logged: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in logged.getvalue().splitlines()]


def test_only_allowed_keys_are_logged_whatever_the_others_hold(logged: io.StringIO) -> None:
    logging.getLogger("siraba.inbox").warning(
        "inbox.message_failed",
        extra={"consumer": "referral-INBOX", "person": CANARY, "payload": {"name": CANARY}},
    )

    (line,) = lines(logged)
    assert line["event"] == "inbox.message_failed"
    assert line["consumer"] == "referral-INBOX"
    assert line["service"] == "referral"
    assert set(line) <= ALLOWED
    assert "Aminata" not in logged.getvalue()


def test_an_exception_is_logged_by_its_class_and_place_and_not_by_its_words(
    logged: io.StringIO,
) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        logging.getLogger("siraba").exception("relay.failed")
        logging.getLogger("siraba").error("task.ended", extra=fault(error), stack_info=True)

    first, second = lines(logged)
    for line in (first, second):
        assert line["error_type"] == "ValueError"
        assert str(line["where"]).startswith("tests/chassis/test_telemetry.py:")
    assert "Aminata" not in logged.getvalue()


async def test_of_what_a_library_says_only_its_own_first_words_are_logged(
    logged: io.StringIO,
) -> None:
    async def fail() -> None:
        raise ValueError(CANARY)

    forgotten = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del forgotten
    gc.collect()
    logging.getLogger("some.library").warning("cannot read %r", CANARY)

    said = {line["event"]: line for line in lines(logged)}
    assert said["Task exception was never retrieved"]["error_type"] == "ValueError"
    assert "cannot read %r" in said
    assert "Aminata" not in logged.getvalue()


def test_a_process_dies_without_repeating_what_killed_it(logged: io.StringIO) -> None:
    error = ValueError(CANARY)
    sys.excepthook(ValueError, error, None)

    (line,) = lines(logged)
    assert (line["event"], line["error_type"]) == ("process.failed", "ValueError")
    assert "Aminata" not in logged.getvalue()


def test_an_error_from_a_library_is_placed_at_the_line_of_ours_that_called_it() -> None:
    with pytest.raises(ValueError, match="Expecting") as failed:
        json.loads("{")

    assert fault(failed.value)["where"].startswith("tests/chassis/test_telemetry.py:")

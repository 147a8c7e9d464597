"""Finished spans into the service's own table, in batches; only allow-listed attributes pass."""

import asyncio
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import MAY_BE_LOST, as_json, is_outage

CASE = "siraba.case_id"
# What may be known of a hop: ids, codes and shapes, never content (design §10).
ALLOWED = frozenset(
    {
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "messaging.batch.message_count",
        "messaging.consumer.group.name",
        "messaging.destination.name",
        "messaging.message.id",
        "messaging.operation.name",
        "messaging.operation.type",
        "messaging.system",
        "siraba.event_type",
        "siraba.organisation",
        CASE,
    }
)
ROOM = 20_000
FLUSH_SECONDS = 0.5

#: By name: a column that a newer release has added takes its default, and is not read.
COLUMNS = (
    "trace_id, span_id, parent_id, name, kind, service, case_id, started_at, ended_at, failed,"
    " attributes, links"
)
_INSERT = text(f"""
    insert into spans ({COLUMNS})
    select {COLUMNS} from jsonb_populate_recordset(cast(null as spans), cast(:rows as jsonb))
    on conflict do nothing
""")  # noqa: S608 - a constant of ours


class SpanTable(SpanProcessor):
    """Collects finished spans and writes them from a task; full, it drops the oldest and counts."""

    def __init__(self, engine: AsyncEngine):
        self._engine = engine
        self._waiting: deque[dict[str, Any]] = deque(maxlen=ROOM)
        self.dropped = 0

    def on_end(self, span: ReadableSpan) -> None:
        """Called by OpenTelemetry when a span is done."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.dropped += len(self._waiting) == ROOM
            self._waiting.append(_row(span))

    async def run(self) -> None:
        """Write until cancelled, then write what is left."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                await self.flush()
        finally:
            with suppress(Exception):
                await self.flush()

    async def flush(self) -> None:
        """One insert for all that waits; an outage keeps them for the next time."""
        rows = list(self._waiting)
        self._waiting.clear()
        if not rows:
            return
        try:
            async with self._engine.begin() as connection:
                await connection.execute(MAY_BE_LOST)
                await connection.execute(_INSERT, {"rows": as_json(rows)})
        except Exception as error:
            if not is_outage(error):
                raise
            self._waiting.extendleft(reversed(rows[: ROOM - len(self._waiting)]))


def _row(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None  # noqa: S101 - on_end checked it
    attributes = {k: v for k, v in (span.attributes or {}).items() if k in ALLOWED}
    return {
        "trace_id": format_trace_id(span.context.trace_id),
        "span_id": format_span_id(span.context.span_id),
        "parent_id": format_span_id(span.parent.span_id) if span.parent else None,
        "name": span.name,
        "kind": span.kind.name.lower(),
        "service": str(span.resource.attributes.get("service.name", "")),
        "case_id": attributes.pop(CASE, None),
        "started_at": _moment(span.start_time),
        "ended_at": _moment(span.end_time),
        "failed": span.status.status_code is StatusCode.ERROR,
        "attributes": attributes,
        "links": [
            {
                "trace_id": format_trace_id(link.context.trace_id),
                "span_id": format_span_id(link.context.span_id),
            }
            for link in span.links
        ],
    }


def _moment(nanoseconds: int | None) -> str:
    return datetime.fromtimestamp((nanoseconds or 0) / 1e9, tz=UTC).isoformat()

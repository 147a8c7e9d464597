"""Outbox and inbox of the plain chain: a row each, and a relay that looks ten times a second."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from faststream.nats import NatsMessage
from opentelemetry import context, propagate
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from contracts.envelope import Envelope, decode_headers, encode_headers
from contracts.event import Message
from tests.bench.plain.models import Inbox, Model, Outbox
from tests.bench.plain.parts import Parts, Sessions

ROOM = 500
POLL_SECONDS = 0.1
log = logging.getLogger("plain")


def outgoing(
    table: type[Any], message: Message, *, envelope: Envelope, stream: str, nats_subject: str
) -> Any:
    """A row of the outbox, which carries the trace it was written in."""
    trace: dict[str, str] = {}
    propagate.inject(trace)
    return table(
        id=envelope.id,
        stream=stream,
        nats_subject=nats_subject,
        headers=encode_headers(envelope),
        trace=trace,
        body=message.encode(),
    )


def delivery(parts: Parts) -> NatsMessage:
    """What the running handler was called for.

    As a parameter of the handler, FastStream would fetch it in a worker thread each time.
    """
    message: NatsMessage = parts.broker.context.get("message")
    return message


def received(message: NatsMessage) -> Envelope:
    """The attributes of a delivery."""
    return decode_headers(message.headers)


def is_a(event: type[Message]) -> Callable[[NatsMessage], Awaitable[bool]]:
    """A filter by kind; a coroutine, because FastStream runs plain functions in a thread."""
    kind = event.ce_type()

    async def matches(message: NatsMessage) -> bool:
        return message.headers.get("ce-type") == kind

    return matches


async def once(sessions: Sessions, inbox: Inbox, *effect: Model) -> None:
    """Have the effect in one transaction with the memory of it; a repeat has none."""
    with suppress(IntegrityError):
        async with sessions.begin() as session:
            session.add_all([inbox, *effect])


async def relay(parts: Parts, table: type[Outbox]) -> None:
    """Carry one service's outbox until cancelled."""
    while True:
        try:
            sent = await _carry(parts, table)
        except Exception:
            log.exception("the relay tries again")
            sent = 0
        if sent < ROOM:
            await asyncio.sleep(POLL_SECONDS)


async def _carry(parts: Parts, table: type[Outbox]) -> int:
    """One batch: published all at once, marked when every PubAck is there."""
    async with parts.sessions.begin() as session:
        waiting = (
            select(table)
            .where(table.sent_at.is_(None))
            .order_by(table.position)
            .limit(ROOM)
            .with_for_update(skip_locked=True)
        )
        rows = (await session.scalars(waiting)).all()
        await asyncio.gather(*(_publish(parts, row) for row in rows))
        if rows:
            await session.execute(
                update(table)
                .where(table.position.in_([row.position for row in rows]))
                .values(sent_at=func.clock_timestamp()),
                execution_options={"synchronize_session": False},
            )
    return len(rows)


async def _publish(parts: Parts, row: Outbox) -> None:
    token = context.attach(propagate.extract(row.trace))
    try:
        await parts.broker.publish(
            row.body,
            row.nats_subject,
            headers=dict(row.headers),
            stream=row.stream,
            timeout=5,
        )
    finally:
        context.detach(token)

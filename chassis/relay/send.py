"""Publishing committed bytes: one atomic batch when there are many, a bounded window when few."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import Error

from chassis.relay.rows import Row, headers_of, subject_of
from contracts.topology import OUT

# An atomic batch costs about 1.1 ms by itself, and single messages a write and a sync each: from here
# on it is cheaper (measured in turns with 20, over ten feeds: 13 % less processor time a case).
ATOMIC_FROM = 6
LARGEST = 1000  # that NATS takes
WINDOW = 100
REFUSALS = (Error, nats.errors.Error, OSError, TimeoutError)


async def send(
    jetstream: JetStreamContext, rows: Sequence[Row], *, service: str
) -> list[tuple[Row, int]]:
    """(row, stream sequence) of the rows whose PubAck arrived: all, or those before a failure.

    rows: of one stream, in order.
    """
    sent: list[tuple[Row, int]] = []
    left: list[Row] = []
    for waiting in _apart(rows):
        # Refused whole, most often since a crash left some of it stored already (10201): message by
        # message, the server drops those by their id and takes the others, and what follows them.
        with suppress(*REFUSALS):
            while len(waiting) >= ATOMIC_FROM:
                sent += await _send_batch(jetstream, waiting[:LARGEST], service=service)
                waiting = waiting[LARGEST:]
        left += waiting
    return sent + await _send_window(jetstream, left, service=service)


def _apart(rows: Sequence[Row]) -> Iterable[list[Row]]:
    """Each organisation's rows: a batch's name stays with its messages, and two feeds share none."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        feed = row.organisation or "" if row.stream == OUT.name else ""
        groups.setdefault(feed, []).append(row)
    return groups.values()


async def _send_batch(
    jetstream: JetStreamContext, rows: Sequence[Row], *, service: str
) -> list[tuple[Row, int]]:
    client, batch = jetstream._nc, f"{rows[0].id}-{len(rows)}"
    if not client.is_connected:
        raise nats.errors.ConnectionReconnectingError
    if any(len(row.body) > client.max_payload for row in rows):
        raise nats.errors.MaxPayloadError
    for nth, row in enumerate(rows[:-1], start=1):
        # What nats-py's publish does, but for looking through each header again.
        member = f"Nats-Batch-Id: {batch}\r\nNats-Batch-Sequence: {nth}\r\n"
        await client._send_command(_frame(row, member, service=service))
    last = rows[-1]
    closing = {
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(len(rows)),
        "Nats-Batch-Commit": "1",
    }
    acked = await jetstream.publish(
        _subject(last, service), last.body, headers=headers_of(last.headers) | closing
    )
    first = acked.seq - len(rows) + 1
    return [(row, first + nth) for nth, row in enumerate(rows)]


def _frame(row: Row, member: str, *, service: str) -> bytes:
    """A message of a batch as it goes over the line, with its committed headers as they are."""
    head = f"NATS/1.0\r\n{row.headers}{member}\r\n".encode()
    command = f"HPUB {_subject(row, service)} {len(head)} {len(head) + len(row.body)}\r\n"
    return b"".join((command.encode(), head, row.body, b"\r\n"))


async def _send_window(
    jetstream: JetStreamContext, rows: Sequence[Row], *, service: str
) -> list[tuple[Row, int]]:
    sent: list[tuple[Row, int]] = []
    for start in range(0, len(rows), WINDOW):
        window = rows[start : start + WINDOW]
        answers = await asyncio.gather(
            *(_send_one(jetstream, row, service=service) for row in window),
            return_exceptions=True,
        )
        for row, answer in zip(window, answers, strict=True):
            if isinstance(answer, BaseException):
                if not isinstance(answer, REFUSALS):
                    raise answer
            else:
                sent.append((row, answer))
        if len(sent) < start + len(window):
            break
    return sent


async def _send_one(jetstream: JetStreamContext, row: Row, *, service: str) -> int:
    """The stream sequence of the PubAck."""
    acked = await jetstream.publish(
        _subject(row, service), row.body, headers=headers_of(row.headers)
    )
    return acked.seq


def _subject(row: Row, service: str) -> str:
    try:
        return subject_of(row, service)
    except ValueError:
        # One row that can never be sent must not hold back the others.
        raise nats.errors.BadSubjectError from None

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
WINDOW = 100
REFUSALS = (Error, nats.errors.Error, OSError, TimeoutError)


async def send(
    jetstream: JetStreamContext, rows: Sequence[Row], *, service: str
) -> list[tuple[Row, int]]:
    """(row, stream sequence) of the rows whose PubAck arrived: all, or those before a failure.

    rows: of one stream, at most 1,000, in order.
    """
    sent: list[tuple[Row, int]] = []
    left: list[Row] = []
    for group in _apart(rows):
        if len(group) >= ATOMIC_FROM:
            # Refused whole, most often since a crash left some of it stored already (10201):
            # message by message, the server drops those by their id and takes the others.
            with suppress(*REFUSALS):
                sent += await _send_batch(jetstream, group, service=service)
                continue
        left += group
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
    client = jetstream._nc
    batch = f"{rows[0].id}-{len(rows)}"
    for number, row in enumerate(rows[:-1], start=1):
        headers = headers_of(row) | {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
        await client.publish(_subject(row, service), row.body, headers=headers)
    last = rows[-1]
    closing = {
        "Nats-Batch-Id": batch,
        "Nats-Batch-Sequence": str(len(rows)),
        "Nats-Batch-Commit": "1",
    }
    acked = await jetstream.publish(
        _subject(last, service), last.body, headers=headers_of(last) | closing
    )
    first = acked.seq - len(rows) + 1
    return [(row, first + nth) for nth, row in enumerate(rows)]


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
    acked = await jetstream.publish(_subject(row, service), row.body, headers=headers_of(row))
    return acked.seq


def _subject(row: Row, service: str) -> str:
    try:
        return subject_of(row, service)
    except ValueError:
        # One row that can never be sent must not hold back the others.
        raise nats.errors.BadSubjectError from None

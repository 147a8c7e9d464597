"""Reads what a consumer is delivered: a batch by one question, and headers that are only headers."""

import asyncio
import json
import re
from contextlib import suppress
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import ServiceUnavailableError

from contracts.envelope import WRITTEN

_PLAIN = b"NATS/1.0\r\n"
_NAME, _BLANK = re.compile("[!-9;-~]+"), " \t\r\n\v\f"
_SERVERS_OWN = frozenset({"status", "description"})
# What stands in each of our own messages, or in each answer of the server: the name is one.
_USUAL = WRITTEN | {
    "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit", "Nats-Stream", "Nats-Subject",
    "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence",
}  # fmt: skip
_EXPIRED = "Request Timeout"
# The server ends a question before we stop waiting for its answer.
_EARLIER_NS = 100_000_000
#: What one question may bring. All that a service may be sent at once, by four durables and a direct
#: get, has to fit the 64 MiB that the server keeps for a connection: past that it cuts it off, and
#: whoever fills the inbox would make us deaf.
BATCH_BYTES: Final = 8 * 1024 * 1024


async def pull(subscription: Any, *, batch: int, seconds: float) -> list[Msg]:
    """What the durable has, up to `batch` and BATCH_BYTES, or the first that comes within the time.

    One question, answered by messages and then a status; nats-py's own `fetch` asks twice, and makes
    two tasks for each message. Raises nats.errors.TimeoutError when nothing came, and
    ServiceUnavailableError when the server says that nothing can.
    """
    if found := _left_over(subscription):
        return found
    expires = int(seconds * 1e9) - _EARLIER_NS
    bounds = {"batch": batch, "max_bytes": BATCH_BYTES}
    asked = json.dumps({**bounds, "no_wait": True, "expires": expires})
    await subscription._nc.publish(subscription._nms, asked.encode(), subscription._deliver)
    status = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while len(found) < batch:
                message = _taken(subscription, await subscription._sub._pending_queue.get())
                if status := _status(message):
                    break
                found.append(message)
    if found:
        return found
    raise nats.errors.TimeoutError if status in ("", _EXPIRED) else ServiceUnavailableError


def _left_over(subscription: Any) -> list[Msg]:
    """What came too late for an earlier question."""
    queue = subscription._sub._pending_queue
    came = [_taken(subscription, queue.get_nowait()) for _ in range(queue.qsize())]
    return [message for message in came if not _status(message)]


def _taken(subscription: Any, message: Msg) -> Msg:
    """The message, no longer on the client's account."""
    subscription._sub._pending_size -= len(message.data)
    subscription._sub._pending_queue.task_done()
    return message


def _status(message: Msg) -> str:
    """What the server says instead of a message; empty for a message."""
    headers = message.headers or {}
    return headers.get("Description", "status") if "Status" in headers else ""


def guard_deliveries(client: Client) -> None:
    """Make harmless what a message in a stream says to the client library itself.

    nats-py reads `Status` as the server's word, whoever wrote it: one request with such a header
    would end the fetch it comes in, be dropped unseen, and come again for as long as INBOX keeps it.
    """
    process, read = client._process_msg, client._process_headers

    async def guarded(  # house: the client calls it so
        sid: int, subject: bytes, reply: bytes, data: bytes, headers: Any
    ) -> None:
        if reply.startswith(b"$JS.ACK."):
            headers = plain(headers or b"")
            # A subject that is no text would end nats-py's reading of the connection.
            subject = subject.decode(errors="replace").encode()
        await process(sid, subject, reply, data, headers)

    async def once(headers: Any) -> dict[str, str] | None:
        if isinstance(headers, dict):
            return headers
        # What is no delivery and begins so is a stored message that was asked for.
        return plain(headers) if headers and headers.startswith(_PLAIN) else await read(headers)

    client._process_msg = guarded  # type: ignore[method-assign]  # nats-py offers no hook there
    client._process_headers = once  # type: ignore[method-assign]  # nor here


def plain(block: bytes) -> dict[str, str]:
    """What a header block says, without an inline status and the headers that stand for one."""
    _, *lines = block.decode(errors="replace").split("\r\n")
    found = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and (name in _USUAL or (name := _named(name))):
            found[name] = value.strip(_BLANK)
    return found


def _named(text: str) -> str:
    """The name of a header; empty for what is no name, or is the server's own."""
    name = text.strip(_BLANK)
    return name if _NAME.fullmatch(name) and name.lower() not in _SERVERS_OWN else ""

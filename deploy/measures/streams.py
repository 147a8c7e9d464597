"""How far each durable is, asked of NATS with the operators' own user, who may only look."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from nats.aio.client import Client

from contracts.topology import OUT, READINGS
from deploy.jetstream import Answer, connected, consumers_of, listed_streams
from deploy.keys import OPERATIONS
from deploy.measures.samples import Sample

#: Whose consumers are measured: those of the organisations' ingress are the server's own.
_READ: Final = tuple(sorted({reading.stream for reading in READINGS} | {OUT.name}))
#: Only the server's clock knows when a partner's request came.
_INBOX: Final = "INBOX"
_VARIABLES: Final = {
    "siraba_nats_connections": ("connections",),
    "siraba_nats_slow_consumers": ("slow_consumers",),
    "siraba_nats_store_bytes": ("jetstream", "stats", "storage"),
    "siraba_nats_store_limit_bytes": ("jetstream", "config", "max_storage"),
}


class Behind(NamedTuple):
    """A durable that has not acked everything: all up to `floor` of its stream is acked."""

    stream: str
    durable: str
    floor: int


async def measure_streams(
    url: str, seed: Path, *, now: datetime
) -> tuple[list[Sample], list[Behind]]:
    """What the server says of streams and durables, and which durables are behind."""
    async with connected(url, OPERATIONS, seed) as client:
        streams = await listed_streams(client)
        durables = await _durables(client, [name for name in _READ if name in streams])
    samples = [one for name, entry in streams.items() for one in _of_stream(name, entry)]
    samples += [one for entry in durables for one in _of_durable(entry, now)]
    samples += [_inbox_age(entry, now) for entry in durables if entry["stream_name"] == _INBOX]
    return samples, [_behind(entry) for entry in durables if _waiting(entry)]


async def measure_server(monitor_url: str, http: httpx.AsyncClient) -> list[Sample]:
    """What the server's monitoring port says of itself. Raises httpx.HTTPError."""
    answer = await http.get(f"{monitor_url.rstrip('/')}/varz")
    variables = answer.raise_for_status().json()
    return [Sample(name, (), _at(variables, path)) for name, path in _VARIABLES.items()]


async def _durables(client: Client, streams: Sequence[str]) -> list[Answer]:
    found = [await consumers_of(client, stream) for stream in streams]
    return [entry for consumers in found for entry in consumers.values()]


def _of_stream(name: str, entry: Answer) -> Iterator[Sample]:
    yield Sample("siraba_stream_messages", (name,), entry["state"]["messages"])
    yield Sample("siraba_stream_bytes", (name,), entry["state"]["bytes"])


def _of_durable(entry: Answer, now: datetime) -> Iterator[Sample]:
    labels = (entry["stream_name"], entry["name"])
    yield Sample("siraba_durable_pending", labels, entry["num_pending"])
    yield Sample("siraba_durable_ack_pending", labels, entry["num_ack_pending"])
    yield Sample("siraba_durable_redelivered", labels, entry["num_redelivered"])
    if (acked := entry["ack_floor"].get("last_active")) is not None:
        yield Sample("siraba_durable_acked_age_seconds", labels, _since(acked, now))


def _waiting(entry: Answer) -> bool:
    return bool(entry["num_pending"] or entry["num_ack_pending"])


def _behind(entry: Answer) -> Behind:
    return Behind(entry["stream_name"], entry["name"], entry["ack_floor"]["stream_seq"])


def _inbox_age(entry: Answer, now: datetime) -> Sample:
    """No longer than since it last acked: nobody but its owner may read a partner's request."""
    since = entry["ack_floor"].get("last_active") or entry["created"]
    age = _since(since, now) if _waiting(entry) else 0.0
    return Sample("siraba_durable_oldest_age_seconds", (entry["stream_name"], entry["name"]), age)


def _since(moment: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())


def _at(variables: Mapping[str, Any], path: Sequence[str]) -> float:
    for name in path:
        variables = variables[name]
    return float(variables)  # type: ignore[arg-type]  # the last is a number

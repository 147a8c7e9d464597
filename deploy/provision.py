"""Declares streams and consumers on NATS, and says where the live ones differ from the wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client

from contracts.topology import Durable, Stream, all_durables, all_streams, source_durables
from deploy.drift import (
    Difference,
    consumer_config,
    consumer_differences,
    consumer_subject,
    stream_config,
    stream_differences,
)
from deploy.jetstream import (
    Answer,
    JetStreamError,
    asked,
    connected,
    listed_streams,
    live_consumers,
    server_asked,
)
from deploy.keys import PROVISIONER, SYSTEM, Partner
from deploy.nats_config import Accounts, Storage, accounts_config, jetstream_config

_EMITTED_HEAD = (
    "# Written by `siraba provision --emit`; include it in the server's configuration.\n"
    "# No other listener (websocket, mqtt, leafnodes, cluster) and no no_auth_user beside it.\n"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found, and what was done about it."""

    found: tuple[Difference, ...] = ()
    repaired: tuple[Difference, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Nothing is left that differs."""
        return not self.refused and len(self.found) == len(self.repaired)


async def provision(
    url: str, seed: Path, codes: Sequence[str], *, check: bool = False, thorough: bool = True
) -> Outcome:
    """Bring the server to the declared state; with `check` only report. Safe to repeat.

    thorough: see `find_drift`.

    A field that cannot change on a living asset is reported and left: making a stream anew
    would lose what is in it.
    """
    async with connected(url, PROVISIONER, seed) as client:
        differences = await find_drift(client, codes, thorough=thorough)
        if check:
            return Outcome(tuple(differences))
        return await _repaired(client, codes, differences)


async def find_drift(
    client: Client, codes: Sequence[str], *, thorough: bool = True
) -> list[Difference]:
    """Every difference between declared and live, on streams and consumers.

    Otherwise than thorough, of ingress streams the number of consumers must do: a thousand
    organisations would be as many questions, each time somebody only looks whether all is there.
    """
    streams = await listed_streams(client)
    found: list[Difference] = []
    for stream in all_streams(codes):
        found += stream_differences(stream, streams.get(stream.name, {}).get("config"))
    for name, durables in _by_stream(codes).items():
        if not thorough and _has_as_many(streams.get(name), durables):
            continue
        consumers = await live_consumers(client, name) if name in streams else {}
        for durable in durables:
            found += consumer_differences(durable, consumers.get(durable.name))
    return found


def _has_as_many(live: Answer | None, durables: Sequence[Durable]) -> bool:
    is_ingress = all(durable.deliver_subject for durable in durables)
    return is_ingress and live is not None and live["state"]["consumer_count"] == len(durables)


async def _repaired(
    client: Client, codes: Sequence[str], differences: Sequence[Difference]
) -> Outcome:
    refused: list[str] = []
    wrong = {difference.asset for difference in differences}
    stuck = {difference.asset for difference in differences if not difference.fixable}
    durables = _by_stream(codes)
    for stream in all_streams(codes):
        if f"stream {stream.name}" in wrong - stuck:
            refused += await _declare_stream(client, stream, differences)
        # Before the next stream: it may be the one that draws on these.
        for durable in durables.get(stream.name, ()):
            if f"consumer {durable.stream}/{durable.name}" in wrong - stuck:
                refused += await _declare_consumer(client, durable)
    left = {str(difference) for difference in await find_drift(client, codes)}
    repaired = tuple(d for d in differences if str(d) not in left)
    return Outcome(tuple(differences), repaired, tuple(refused))


async def _declare_stream(
    client: Client, stream: Stream, differences: Sequence[Difference]
) -> list[str]:
    new = any(d.asset == f"stream {stream.name}" and d.field == "stream" for d in differences)
    verb = "CREATE" if new else "UPDATE"
    return await _tried(client, f"STREAM.{verb}.{stream.name}", stream_config(stream))


async def _declare_consumer(client: Client, durable: Durable) -> list[str]:
    body = {"stream_name": durable.stream, "config": consumer_config(durable)}
    return await _tried(client, consumer_subject(durable), body)


async def _tried(client: Client, subject: str, body: Mapping[str, object]) -> list[str]:
    try:
        await asked(client, subject, body)
    except JetStreamError as error:
        return [str(error)]
    return []


def _by_stream(codes: Sequence[str]) -> dict[str, list[Durable]]:
    grouped: dict[str, list[Durable]] = {}
    for durable in (*all_durables(codes), *source_durables(codes)):
        grouped.setdefault(durable.stream, []).append(durable)
    return grouped


def emit(folder: Path, accounts: Accounts) -> tuple[Path, ...]:
    """Write what an external NATS server includes: its accounts and its JetStream settings."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "siraba-accounts.conf": accounts_config(accounts),
        "siraba-jetstream.conf": jetstream_config(Storage(None)),
    }
    paths = []
    for name, text in texts.items():
        (folder / name).write_text(f"{_EMITTED_HEAD}{text}\n", encoding="utf-8")
        paths.append(folder / name)
    return tuple(paths)


async def reload_by_system_account(url: str, seed: Path) -> None:
    """Ask an external server to read its configuration again. Raises ServerError."""
    async with connected(url, SYSTEM, seed) as client:
        # 2.15.1 wires the imports of an account that a reload brings only at the next reload.
        for _ in range(2):
            await server_asked(client, "RELOAD")


def codes_of(partners: Sequence[Partner]) -> tuple[str, ...]:
    """The organisations' codes, in order."""
    return tuple(partner.code for partner in partners)

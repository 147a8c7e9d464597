"""One round of all measures; a source that does not answer is a measure too."""

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import httpx

from chassis.telemetry.logs import fault
from deploy.embedded.processes import ServerError
from deploy.measures.probes import measure_disk, measure_service
from deploy.measures.samples import Sample
from deploy.measures.streams import Behind, measure_server, measure_streams
from deploy.measures.tables import measure_tables

_T = TypeVar("_T")
#: What a source that is away, slow or half up throws.
_AWAY: Final = (
    ServerError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError,
    httpx.HTTPError, ValueError, KeyError,
)  # fmt: skip
log = logging.getLogger("siraba.measures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where everything is. monitor_url: NATS's own port for watchers, where there is one."""

    nats_url: str
    nats_seed: Path
    database_url: str = field(repr=False)
    service_urls: Mapping[str, str]
    monitor_url: str | None
    state_folder: Path


async def gather(sources: Sources, http: httpx.AsyncClient, *, now: datetime) -> list[Sample]:
    """All samples of this moment; no source that is away takes the others with it."""
    samples = measure_disk(sources.state_folder)
    behind: list[Behind] = []
    streams = measure_streams(sources.nats_url, sources.nats_seed, now=now)
    if (found := await _asked("nats", streams, samples)) is not None:
        more, behind = found
        samples += more
    samples += await _asked("postgres", measure_tables(sources.database_url, behind), samples) or []
    if sources.monitor_url is not None:
        server = measure_server(sources.monitor_url, http)
        samples += await _asked("nats_monitor", server, samples) or []
    for service, url in sources.service_urls.items():
        samples += await _asked(service, measure_service(service, url, http), samples) or []
    return samples


async def _asked(name: str, question: Awaitable[_T], samples: list[Sample]) -> _T | None:
    """The answer, or None; whether there was one is noted."""
    try:
        answer = await question
    except _AWAY as error:
        log.warning("measures.unknown", extra={"reason": name, **fault(error)})
        samples.append(Sample("siraba_source_up", (name,), 0))
        return None
    samples.append(Sample("siraba_source_up", (name,), 1))
    return answer

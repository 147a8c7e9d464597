"""One round of all measures; a source that does not answer is a measure too."""

import asyncio
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
from deploy.measures.probes import measure_backup, measure_disk, measure_service
from deploy.measures.samples import Sample
from deploy.measures.streams import Behind, measure_server, measure_streams
from deploy.measures.tables import measure_tables

_T = TypeVar("_T")
#: For one source, in seconds: two of them after each other still leave a round its time.
PATIENCE: Final = 4.5
#: What a source that is away, slow or half up throws.
_AWAY: Final = (
    ServerError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError,
    httpx.HTTPError, ValueError, KeyError,
)  # fmt: skip
log = logging.getLogger("siraba.measures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where everything is. monitor_url: NATS's own port for watchers, where there is one.

    backup_folder: where backups go, if anywhere.
    """

    nats_url: str
    nats_seed: Path
    database_url: str = field(repr=False)
    service_urls: Mapping[str, str]
    monitor_url: str | None
    state_folder: Path
    backup_folder: Path | None


async def gather(sources: Sources, http: httpx.AsyncClient, *, now: datetime) -> list[Sample]:
    """All samples of this moment; no source that is away takes the others with it.

    Whatever is away is waited for at the same time: a round must end before Prometheus gives up
    on it (ten seconds), or the one alert would be that nothing is measured.
    """
    samples = measure_disk(sources.state_folder)
    questions = [_servers(sources, samples, now=now)]
    if sources.monitor_url is not None:
        questions.append(_kept("nats_monitor", measure_server(sources.monitor_url, http), samples))
    if sources.backup_folder is not None:
        # A disk that went away may keep whoever asks for it waiting.
        ages = asyncio.to_thread(measure_backup, sources.backup_folder, now=now)
        questions.append(_kept("backup", ages, samples))
    for service, url in sources.service_urls.items():
        questions.append(_kept(service, measure_service(service, url, http), samples))
    await asyncio.gather(*questions)
    return samples


async def _servers(sources: Sources, samples: list[Sample], *, now: datetime) -> None:
    """NATS first: how far its durables are is what the tables are asked about."""
    behind: list[Behind] = []
    streams = measure_streams(sources.nats_url, sources.nats_seed, now=now)
    if (found := await _asked("nats", streams, samples)) is not None:
        more, behind = found
        samples += more
    await _kept("postgres", measure_tables(sources.database_url, behind), samples)


async def _kept(name: str, question: Awaitable[list[Sample]], samples: list[Sample]) -> None:
    samples += await _asked(name, question, samples) or []


async def _asked(name: str, question: Awaitable[_T], samples: list[Sample]) -> _T | None:
    """The answer, or None; whether there was one is noted."""
    try:
        answer = await asyncio.wait_for(question, PATIENCE)
    except _AWAY as error:
        log.warning("measures.unknown", extra={"reason": name, **fault(error)})
        samples.append(Sample("siraba_source_up", (name,), 0))
        return None
    samples.append(Sample("siraba_source_up", (name,), 1))
    return answer

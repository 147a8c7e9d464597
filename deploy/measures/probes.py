"""What the services say of themselves, how full the disk is, and how old the newest backup."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.backup.places import Places, taken_at
from deploy.measures.samples import Sample


async def measure_service(service: str, url: str, http: httpx.AsyncClient) -> list[Sample]:
    """One service's `/readyz`, which answers 503 when it is not ready. Raises httpx.HTTPError."""
    answer = await http.get(f"{url.rstrip('/')}/readyz")
    return list(_of_report(service, answer.json()))


def _of_report(service: str, report: Mapping[str, Any]) -> Iterator[Sample]:
    yield Sample("siraba_ready", (service,), float(report["ready"]))
    for name, check in report["checks"].items():
        yield Sample("siraba_check_ok", (service, name), float(check["ok"]))


def measure_disk(folder: Path) -> list[Sample]:
    """The file system that holds the state folder, and with it embedded tables and streams."""
    usage = shutil.disk_usage(folder)
    return [Sample("siraba_disk_free_ratio", (), usage.free / usage.total)]


def measure_backup(folder: Path, *, now: datetime) -> list[Sample]:
    """How long ago the newest backup began."""
    taken = (taken_at(backup) for backup in Places(folder).backups())
    newest = max(taken, default=datetime.fromtimestamp(0, UTC))
    return [Sample("siraba_backup_age_seconds", (), (now - newest).total_seconds())]

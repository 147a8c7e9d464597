"""Everything that a running platform keeps or shows to anybody but a recipient."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
from sqlalchemy import make_url

from contracts.callers import issue_token
from deploy.embedded.postgres import EmbeddedPostgres, programs
from tests.journeys.road import Road

DATABASE = "siraba"
SHOWN = ("readyz", "metrics", "openapi.json")
FIGURES = "/reporting/figures?from=2025-01-01&to=2027-01-01"


async def sinks(road: Road) -> AsyncIterator[tuple[str, bytes]]:
    """(name, bytes) of every file under the state folder, of a dump, and of what is published."""
    await run_as_superuser(road, "checkpoint")
    for path in files(road.platform.state.root):
        yield str(path.relative_to(road.platform.state.root)), path.read_bytes()
    yield "a dump", await asyncio.to_thread(dump, road)
    for name, url in road.platform.service_urls.items():
        for page in SHOWN:
            yield f"{name}/{page}", (await road.http.get(f"{url}/{page}")).content
    for report in (FIGURES, "/reporting/"):
        yield report, (await road.http.get(report, headers=_data_officer(road))).content


def files(root: Path) -> Iterator[Path]:
    """PostgreSQL's data and WAL, NATS's store, logs, spools, ledgers; they may go while we look."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and os.access(path, os.R_OK):
            yield path


def dump(road: Road) -> bytes:
    """All tables as text, among them spans and dead letters."""
    url = make_url(superuser_url(road))
    made = subprocess.run(
        [programs() / "pg_dump", "-h", str(url.host), "-p", str(url.port), "-U", str(url.username),
         DATABASE],
        env={"PGPASSWORD": str(url.password), "PATH": os.defpath},
        capture_output=True, check=True,
    )  # fmt: skip
    return made.stdout


def superuser_url(road: Road) -> str:
    """Past all rights."""
    server = road.platform.supervisor.servers["postgres"]
    assert isinstance(server, EmbeddedPostgres)
    return server.url(DATABASE).replace("+asyncpg", "")


async def run_as_superuser(road: Road, script: str) -> None:
    """Change or break something from outside."""
    connection = await asyncpg.connect(superuser_url(road))
    try:
        await connection.execute(script)
    finally:
        await connection.close()


def _data_officer(road: Road) -> dict[str, str]:
    code, keys = next(iter(road.keys.items()))
    token = issue_token(
        keys.signing,
        organisation=code,
        role="data_officer",
        audience="reporting",
        now=datetime.now(UTC),
    )
    return {"Authorization": f"Bearer {token}"}

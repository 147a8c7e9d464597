"""Forced failures at every layer, each with a canary in the hand of whoever fails."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]  # the package ships no types
import httpx
import nats

from contracts.topology import inbox_prefix, partner_subject
from partners.kit import Keys
from tests.journeys.cases import some_cases
from tests.journeys.road import Road
from tests.trust.canaries import STRAY, canary
from tests.trust.sinks import run_as_superuser

ROOT = Path(__file__).parents[2]
SERVICES = ("intake", "referral", "reporting")
#: Where each table stands in a case's way: at the door, in a handler, at the end.
TABLES = ("intake.dossiers", "referral.cases", "reporting.facts_cases")
Asked = tuple[str, str, dict[str, Any]]


@dataclass(slots=True)
class Mishaps:
    """What went wrong. answers: (what was asked, the refusal as it came); other: by kind."""

    road: Road
    answers: list[tuple[str, bytes]] = field(default_factory=list)
    other: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(900_000))

    @property
    def total(self) -> int:
        return len(self.answers) + sum(self.other.values())

    def canary(self) -> str:
        """A fresh one."""
        return canary(next(self.numbers))

    def note(self, kind: str, times: int = 1) -> None:
        """Something failed that has no answer to show."""
        self.other[kind] = self.other.get(kind, 0) + times

    @property
    def owner(self) -> str:
        return next(iter(self.road.keys))

    async def ask(self, method: str, url: str, **sent: Any) -> None:
        """Send it, and keep the refusal."""
        try:
            answer = await self.road.http.request(method, url, **sent)
        except httpx.TransportError:
            return self.note("line")
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            head = repr(sorted(answer.headers.items())).encode()
            self.answers.append((f"{method} {answer.status_code}", head + b"\n" + answer.content))


async def bad_requests(mishaps: Mishaps, wanted: int) -> None:
    """Canaries in path, query, headers and bodies, until so many were refused."""
    operations = [one async for one in _operations(mishaps.road)]
    before = len(mishaps.answers)
    while len(mishaps.answers) < before + wanted:
        for method, url, sent in [
            *islice(_bad_cases(mishaps), wanted),
            *(_with_canaries(method, path, mishaps) for method, path in operations),
        ]:
            await mishaps.ask(method, url, **sent)
            if len(mishaps.answers) >= before + wanted:
                break


async def _operations(road: Road) -> AsyncIterator[tuple[str, str]]:
    """Every route of every service that takes something."""
    for service in SERVICES:
        document = (await road.http.get(f"/{service}/openapi.json")).json()
        for path, methods in document["paths"].items():
            whole = path if path.startswith(f"/{service}") else f"/{service}{path}"
            for method in methods:
                if "{" in path or method != "get":
                    yield method.upper(), whole


def _with_canaries(method: str, path: str, mishaps: Mishaps) -> Asked:
    text = mishaps.canary()
    parts = [quote(text) if part.startswith("{") else part for part in path.split("/")]
    sent: dict[str, Any] = {"params": {text: text}, "headers": _headers(mishaps)}
    if method != "GET":
        sent["json"] = {text: text}
    return method, "/".join(parts), sent


def _headers(mishaps: Mishaps) -> dict[Any, Any]:
    return {**mishaps.road.headers(mishaps.owner), "Idempotency-Key": str(uuid4())}


def _bad_cases(mishaps: Mishaps) -> Iterator[Asked]:
    good = some_cases(1, owners=(mishaps.owner,), seed=7)[0].body
    for spoil in (
        lambda c: {"json": {**good, c: c}},
        lambda c: {"json": {**good, "region": c}},
        lambda c: {"json": {**good, "sex": [c]}},
        lambda c: {"json": {**good, "detected_on": c}},
        lambda c: {"json": {**good, "consent": [{c: c}]}},
        lambda c: {"json": {**good, "dossier": {c: {"a": c}}}},
        lambda c: {"json": {**good, "dossier": {"identity": {"full_name": c * 1000}}}},
        lambda c: {"json": {**good, "dossier": {"identity": {c * 20: c}}}},
        lambda c: {"json": {**good, "dossier": {"identity": {"full_name": {c: 1}}}}},
        lambda c: {"content": b'{"dossier": "' + c.encode()},
        lambda c: {"content": b'{"dossier": "' + c.encode("latin-1") + b'"}'},
        lambda c: {"content": c.encode(), "headers": {"Content-Type": "text/plain"}},
        lambda c: {"content": c.encode() * 60_000},
        lambda c: {"json": good, "headers": {"Idempotency-Key": c.encode()}},
        lambda c: {"json": good, "headers": {"Authorization": b"Bearer " + c.encode()}},
        lambda c: {"json": {c: 1}, "headers": {"Accept": "text/html", "Accept-Language": quote(c)}},
    ):
        sent: dict[str, Any] = spoil(mishaps.canary())
        extra = {"Content-Type": "application/json"} if "content" in sent else {}
        sent["headers"] = {**_headers(mishaps), **extra, **sent.get("headers", {})}
        yield "POST", "/intake/cases", sent
    text = mishaps.canary()
    for method, path in (("GET", f"/intake/cases/{quote(text)}"), ("PUT", "/intake/cases"),
                         ("GET", f"/{quote(text)}"), ("GET", f"/reporting/figures?from={quote(text)}"),
                         ("GET", f"/reporting/{quote(text)}?{quote(text)}")):  # fmt: skip
        yield method, path, {"headers": _headers(mishaps)}


@asynccontextmanager
async def broken_table(road: Road, table: str) -> AsyncIterator[None]:
    """Whatever is written there while the block runs breaks a constraint."""
    await run_as_superuser(
        road, f"alter table {table} add constraint forced check (false) not valid"
    )
    try:
        yield
    finally:
        await run_as_superuser(road, f"alter table {table} drop constraint forced")


async def bad_statements(mishaps: Mishaps, times: int) -> None:
    """As a service's role: a value twice, a value that is none, a value in a broken document."""
    url = mishaps.road.platform.database_url("intake_work").replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("create temporary table names (name text unique)")
        for _ in range(times):
            text = mishaps.canary()
            await connection.execute("insert into names values ($1)", text)
            for statement in (
                "insert into names values ($1)",
                "select $1::text::int",
                "select $1::text::jsonb",
            ):
                try:
                    await connection.execute(statement, text)
                except asyncpg.PostgresError:
                    mishaps.note("statement")
    finally:
        await connection.close()


async def bad_messages(mishaps: Mishaps, times: int) -> None:
    """As a partner that writes about persons where nobody may: in attributes and in the clear."""
    code, keys = next(iter(mishaps.road.keys.items()))
    client = await _connected(mishaps.road, code, keys)
    try:
        for nth in range(times):
            text = canary(nth, mark=STRAY)
            body = json.dumps({"referral_id": text, text: text}, ensure_ascii=nth % 2 == 0)
            headers = {"ce-id": str(uuid4()), "ce-subject": quote(text), "ce-source": quote(text),
                       "ce-type": quote(text), "siraba-signature": quote(text)}  # fmt: skip
            if nth % 3 == 0:
                headers = {}
            await client.request(
                partner_subject("referral.accept", 1), body.encode(), headers=headers, timeout=15
            )
            mishaps.note("message")
    finally:
        await client.close()


async def _connected(road: Road, code: str, keys: Keys) -> Any:
    return await nats.connect(
        road.platform.nats_url, nkeys_seed_str=keys.seed, inbox_prefix=inbox_prefix(code)
    )


async def bad_upload(mishaps: Mishaps, folder: Path, rows: int) -> tuple[str, bytes]:
    """A file of which every row is refused: what the command says of it."""
    columns = (
        "prs_FirstName",
        "prs_Gender",
        "prs_Birthdate",
        "siraba_detected_on",
        "prs_Citizenship",
    )
    lines = [",".join(columns), *(",".join([mishaps.canary()] * len(columns)) for _ in range(rows))]
    file = folder / f"{uuid4().hex}.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    keys = mishaps.road.folder(mishaps.owner)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "deploy.cli", "import", str(file), "--keys", str(keys),
        "--url", mishaps.road.platform.front_url, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 1, said.decode()
    mishaps.note("row", rows)
    return "siraba import", said


async def through(mishaps: Mishaps, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Submit each once, whatever comes back."""
    await asyncio.gather(*(
        mishaps.ask("POST", "/intake/cases", json=dict(body), headers=_headers(mishaps))
        for body in bodies
    ))  # fmt: skip

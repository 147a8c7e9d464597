"""Sends the rows of an HTCDS file to intake, each once, whatever happens on the way."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.callers import issue_token
from services.intake.imports import Refusal, Row, file_digest, row_key

AT_ONCE = 8
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who imports: the organisation, its signing key and the role it speaks in."""

    organisation: str
    signing: Ed25519PrivateKey
    role: str = "case_owner"

    def token(self) -> str:
        """A fresh token; made for each row, since a long import outlives one."""
        return issue_token(
            self.signing,
            organisation=self.organisation,
            role=self.role,
            audience="intake",
            now=datetime.now(UTC),
        )


@dataclass(slots=True)
class Outcome:
    """What became of the rows: case numbers by row, and refusals."""

    registered: dict[int, str] = field(default_factory=dict)
    known: list[int] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)

    @property
    def refused_rows(self) -> list[int]:
        """Row numbers, each once."""
        return sorted({refusal.row for refusal in self.refused})


class ImportStopped(Exception):
    """Intake cannot be used now; what was sent is safe, the same command goes on from there."""


async def import_rows(
    rows: Sequence[Row],
    *,
    content: bytes,
    url: str,
    sender: Sender,
    progress: Callable[[], None] = lambda: None,
) -> Outcome:
    """Post every row with its own idempotency key. Raises `ImportStopped`."""
    outcome = Outcome()
    digest = file_digest(content)
    waiting = iter(rows)
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:

        async def work() -> None:
            for row in waiting:
                key = row_key(digest, row.number)
                await _import_row(client, row, key=key, sender=sender, outcome=outcome)
                progress()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(work())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
    outcome.known.sort()
    outcome.refused.sort(key=lambda refusal: (refusal.row, refusal.column))
    return outcome


async def _import_row(
    client: httpx.AsyncClient, row: Row, *, key: str, sender: Sender, outcome: Outcome
) -> None:
    if row.submission is None:
        outcome.refused.extend(row.refusals)
        return
    answer = await _post(client, dict(row.submission), key=key, sender=sender)
    problem = {} if answer.status_code == 202 else answer.json()
    if answer.status_code == 202:
        if answer.headers.get("Idempotent-Replayed") == "true":
            outcome.known.append(row.number)
        else:
            outcome.registered[row.number] = answer.json()["case_number"]
    elif problem.get("code") == "idempotency_key_reused":
        # The key names the file's bytes and the row: it was imported, on a day when ages differed.
        outcome.known.append(row.number)
    elif answer.status_code == 422:
        outcome.refused.extend(_refusals(row.number, problem))
    else:
        raise ImportStopped(f"intake answered {answer.status_code}: {problem.get('title', '')}")


async def _post(
    client: httpx.AsyncClient, body: dict[str, object], *, key: str, sender: Sender
) -> httpx.Response:
    """Try again while intake is away; the key makes a second arrival harmless."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    pause = 0.2
    while True:
        headers = {"Authorization": f"Bearer {sender.token()}", "Idempotency-Key": key}
        try:
            answer = await client.post("/intake/cases", json=body, headers=headers)
            if answer.status_code < 500:
                return answer
            fault = f"intake answers {answer.status_code}"
        except httpx.HTTPError as error:
            fault = f"intake cannot be reached ({type(error).__name__})"
        if asyncio.get_running_loop().time() > deadline:
            raise ImportStopped(fault)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 2.0)


def _refusals(row: int, problem: dict[str, object]) -> Iterator[Refusal]:
    errors = problem.get("errors")
    for error in errors if isinstance(errors, list) else []:
        rule = str(error["rule"])
        yield Refusal(row=row, column=str(error["field"]), rule=rule, sentence=f"breaks {rule}.")

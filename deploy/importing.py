"""Sends the rows of an HTCDS file to intake, each once, whatever happens on the way.

Rows of one incident go together, and are followed until the last of them is registered.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.intake_client import PATIENCE_SECONDS, ImportStopped, Intake, Sender
from services.intake.imports import Refusal, Row, Submission, file_digest, incident_key, row_key

AT_ONCE = 8
LOOK_SECONDS = 0.5


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
    waiting = iter(_together(rows))
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        intake = Intake(client, sender)

        async def work() -> None:
            for some in waiting:
                if some[0].incident is None:
                    await _import_row(intake, some[0], digest=digest, outcome=outcome)
                else:
                    await _import_incident(intake, some, digest=digest, outcome=outcome)
                for _ in some:
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


def _together(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each incident, and every other row by itself, in the order of their first."""
    found: dict[str | int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.number if row.incident is None else row.incident, []).append(row)
    return list(found.values())


async def _import_row(intake: Intake, row: Row, *, digest: str, outcome: Outcome) -> None:
    if row.submission is None:
        outcome.refused.extend(row.refusals)
        return
    key = row_key(digest, row.number)
    answer = await intake.post("/intake/cases", dict(row.submission), key=key)
    problem = {} if answer.status_code == 202 else answer.json()
    if answer.status_code == 202:
        if _is_repeated(answer):
            outcome.known.append(row.number)
        else:
            outcome.registered[row.number] = answer.json()["case_number"]
    elif problem.get("code") == "idempotency_key_reused":
        # The key names the file's bytes and the row: it was imported, on a day when ages differed.
        outcome.known.append(row.number)
    elif answer.status_code == 422:
        for error in _errors(problem):
            outcome.refused.append(_refusal(row.number, error))
    else:
        raise _stopped(answer)


async def _import_incident(
    intake: Intake, rows: Sequence[Row], *, digest: str, outcome: Outcome
) -> None:
    for row in rows:
        outcome.refused.extend(row.refusals)
    good = [(row, row.submission) for row in rows if row.submission is not None]
    if not good:
        return
    numbers = [row.number for row, _ in good]
    key = incident_key(digest, rows[0].number)
    answer = await intake.post("/intake/incidents", _incident(good), key=key)
    problem = {} if answer.status_code == 202 else answer.json()
    if answer.status_code == 202:
        await _follow(intake, answer, numbers, outcome=outcome)
    elif problem.get("code") in ("idempotency_key_reused", "erased"):
        outcome.known.extend(numbers)
    elif found := _of_persons(problem):
        for place, error in found:
            outcome.refused.append(_refusal(numbers[place], error))
    else:
        raise _stopped(answer)


def _incident(good: Sequence[tuple[Row, Submission]]) -> dict[str, object]:
    """Found on the first of their days; at one place only where all say the same."""
    forms = [form for _, form in good]
    regions, cercles = ({form[name] for form in forms} for name in ("region", "cercle"))
    is_one_place = len(regions) == 1
    return {
        "detected_on": min(form["detected_on"] for form in forms),
        "region": forms[0]["region"] if is_one_place else None,
        "cercle": forms[0]["cercle"] if is_one_place and len(cercles) == 1 else None,
        "persons": [{**form, "family": row.family} for row, form in good],
    }


async def _follow(
    intake: Intake, accepted: httpx.Response, numbers: Sequence[int], *, outcome: Outcome
) -> None:
    """Until nobody waits any more. Raises `ImportStopped`."""
    seen = await _finished(intake, accepted.headers["Location"])
    for one in seen["refused"]:
        for error in one["errors"]:
            outcome.refused.append(_refusal(numbers[one["person"] - 1], error))
    registered = {numbers[one["person"] - 1]: one["case_number"] for one in seen["cases"]}
    if _is_repeated(accepted):
        outcome.known.extend(registered)
    else:
        outcome.registered.update(registered)


async def _finished(intake: Intake, address: str) -> dict[str, Any]:
    """How far an incident is once it is at its end; patience ends when for too long nothing moves."""
    loop = asyncio.get_running_loop()
    waiting, since = None, loop.time()
    while True:
        answer = await intake.get(address)
        if answer.status_code != 200:
            raise _stopped(answer)
        seen: dict[str, Any] = answer.json()
        if seen["waiting"] == 0:
            return seen
        if seen["waiting"] != waiting:
            waiting, since = seen["waiting"], loop.time()
        if loop.time() - since > PATIENCE_SECONDS:
            raise ImportStopped(f"{waiting} persons still wait to be registered")
        await asyncio.sleep(LOOK_SECONDS)


def _is_repeated(answer: httpx.Response) -> bool:
    return bool(answer.headers.get("Idempotent-Replayed") == "true")


def _stopped(answer: httpx.Response) -> ImportStopped:
    return ImportStopped(f"intake answered {answer.status_code}: {answer.json().get('title', '')}")


def _errors(problem: Mapping[str, object]) -> list[dict[str, object]]:
    errors = problem.get("errors")
    return errors if isinstance(errors, list) else []


def _of_persons(problem: Mapping[str, object]) -> list[tuple[int, dict[str, object]]]:
    """(place in `persons`, error below it) of what is wrong with single persons."""
    found = []
    for error in _errors(problem):
        first, _, rest = str(error["field"]).partition(".")
        place, _, name = rest.partition(".")
        if first == "persons" and place.isdecimal():
            found.append((int(place), error | {"field": name}))
    return found


def _refusal(row: int, error: Mapping[str, object]) -> Refusal:
    rule = str(error["rule"])
    return Refusal(row=row, column=str(error["field"]), rule=rule, sentence=f"breaks {rule}.")

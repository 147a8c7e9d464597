"""Incidents as an officer submits them: many persons, in families and alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from contracts.vocabulary import codes
from tests.builders import coded_facts
from tests.intake.desks import Desk
from tests.parts import until

NAME = "Aminata-Traore-66012345"


def a_person(nth: int, **changes: Any) -> dict[str, Any]:
    """One of many, of one of five countries; every tenth is suspected as well."""
    facts = coded_facts(
        sex=("male", "male", "female")[nth % 3],
        age_band=codes("age_band")[nth % 9],
        citizenship=[("MLI", "GIN", "CIV", "BFA", "SEN")[nth % 5]],
        exploitation=["forced_criminality"],
        is_suspect_too=nth % 10 == 0,
        dossier={"identity": {"full_name": f"{NAME} {nth}"}},
    )
    return facts | changes


def an_incident(persons: Sequence[Any], **changes: Any) -> dict[str, Any]:
    """Found in one night in Bamako."""
    where = {"detected_on": "2026-11-20", "region": "00", "cercle": "0006"}
    return {**where, "persons": list(persons), **changes}


async def submit(
    desk: Desk,
    incident: Mapping[str, Any],
    *,
    key: str | None = "",
    code: str = "POLICE_A",
) -> httpx.Response:
    """Without a key one is made, with None there is none."""
    said = {"Content-Type": "application/json", "Authorization": f"Bearer {desk.token(code)}"}
    if key is not None:
        said["Idempotency-Key"] = key or str(uuid4())
    return await desk.client.post(
        "/intake/incidents", content=json.dumps(incident).encode(), headers=said
    )


async def progress(desk: Desk, accepted: httpx.Response, code: str = "POLICE_A") -> Any:
    """What the address says that the answer gave."""
    answer = await desk.get(accepted.headers["Location"].removeprefix("/intake"), code)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def finished(desk: Desk, accepted: httpx.Response, *, seconds: float = 60) -> Any:
    """The progress once nobody waits any more."""
    assert accepted.status_code == 202, accepted.text

    async def done() -> Any:
        seen = await progress(desk, accepted)
        return seen if seen["done_at"] else None

    return await until(done, seconds=seconds)

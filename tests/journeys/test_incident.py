"""Twelve persons found in one night, from one submission to a place for each, or to a person who looks."""

import asyncio
import os
import signal
from collections import Counter
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.journeys.road import Road, running_road

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle"), pytest.mark.timeout(180)]
POLICE = "POLICE_KAYES"
PERSONS = 12
ASKED = """
    select case_id, 'asked' from referral.referrals where service = 'shelter'
    union all select case_id, 'left' from referral.unplaced where service = 'shelter'
"""


def a_person(nth: int) -> dict[str, Any]:
    """Every third is alone; the others are families of two. One has no need that waits."""
    return {
        "detected_on": "2026-11-20", "region": "01", "sex": ("female", "male")[nth % 2],
        "age_band": ("25-34", "12-14")[nth % 3 == 1], "citizenship": ["MLI"],
        "exploitation": ["forced_criminality"], "detection_channel": "patrol",
        "urgency": "urgent_72h", "needs": ["health"] if nth == 0 else ["shelter", "health"],
        "family": None if nth % 3 == 0 else f"family {nth // 3}",
        "consent": [
            {"recipient_kind": kind, "state": "given", "by": by}
            for kind in ("shelter", "health")
            for by in (("guardian",) if nth % 3 == 1 else ("person",))
        ],
    }  # fmt: skip


async def rows(road: Road, query: str) -> list[tuple[Any, ...]]:
    """What referral's tables hold."""
    engine = create_async_engine(road.platform.database_url("referral_work"))
    try:
        async with engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]
    finally:
        await engine.dispose()


async def submitted(road: Road) -> httpx.Response:
    """As an officer does; the answer says under which name the incident goes on."""
    incident = {
        "detected_on": "2026-11-20", "region": "01",
        "persons": [a_person(nth) for nth in range(PERSONS)],
    }  # fmt: skip
    said = road.headers(POLICE) | {"Idempotency-Key": str(uuid4())}
    answer = await road.http.post("/intake/incidents", json=incident, headers=said)
    assert answer.status_code == 202, answer.text
    return answer


async def test_an_incident_is_placed_as_one_and_sent_by_its_owner_though_referral_dies_meanwhile() -> (
    None
):
    async with running_road((POLICE,)) as road:
        incident = (await submitted(road)).json()["incident_id"]
        os.kill(road.platform.pids()["referral"], signal.SIGKILL)
        at = f"/referral/incidents/{incident}/plan"

        async def planned() -> httpx.Response | None:
            said = road.headers(POLICE, audience="referral", role="case_owner")
            answer = await road.http.get(at, headers=said)
            is_made = answer.status_code == 200 and answer.json()["state"] == "planned"
            return answer if is_made else None

        plan = await shown_soon(planned)
        assert await rows(road, ASKED) == [], "nobody is asked before somebody has looked"
        told = plan.json()
        assert len({one["case"] for one in told["placed"] + told["unplaced"]}) == PERSONS - 1
        said = road.headers(POLICE, audience="referral", role="case_owner")
        sent = await road.http.post(
            f"{at}/confirmation", headers=said | {"If-Match": plan.headers["ETag"]}
        )

        assert sent.status_code == 202, sent.text
        assert sum(sent.json().values()) == PERSONS - 1
        became = Counter(case for case, _ in await rows(road, ASKED))
        assert (len(became), set(became.values())) == (PERSONS - 1, {1}), "each once, nobody lost"
        others = await rows(
            road, "select count(*) from referral.referrals where service = 'health'"
        )
        assert others != [(0,)], "what does not wait went on at once"


async def shown_soon(look: Any) -> Any:
    """Once it is there; referral has to start again first."""
    async with asyncio.timeout(90):
        while True:
            try:
                if (found := await look()) is not None:
                    return found
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)

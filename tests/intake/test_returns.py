"""A way home: planned by the owner alone, one at a time, over once the person has arrived."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.builders import NOON
from tests.intake.pairs import GIRL, SPELT_OTHERWISE, pair_of, register, says
from tests.intake.rooms import SHELTER, Case, Room, open_room
from tests.intake.test_access import call
from tests.intake.test_closing import POLICE, close, problem
from tests.parts import Site

pytestmark = pytest.mark.share("lifecycle")
DAY = NOON.date().isoformat()
PLAN = {
    "return_type": "to_origin",
    "is_voluntary": True,
    "is_risk_assessed": False,
    "planned_for": "2999-01-01",
}
SAID = """
    select name, convert_from(body, 'UTF8')::jsonb from intake.outbox
    where name like 'return.%' order by position
"""


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await opened.knows(POLICE, "police", "nats")
        yield opened


async def plan(room: Room, number: str, code: str = POLICE, **more: Any) -> httpx.Response:
    return await call(room.desk, f"/cases/{number}/returns", code, json=PLAN | more)


async def arrive(
    room: Room, case: Case, return_id: str, code: str = POLICE, day: str = "2026-01-01"
) -> httpx.Response:
    path = f"/cases/{case.number}/returns/{return_id}/completion"
    return await call(room.desk, path, code, json={"completed_on": day})


async def listed(room: Room, code: str = POLICE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await room.desk.get("/returns", code)).json()["returns"]
    return found


async def test_its_owner_alone_plans_a_return_and_says_once_that_she_arrived(room: Room) -> None:
    case = await room.register()

    assert (await plan(room, case.number, SHELTER)).status_code == 404
    return_id = (await plan(room, case.number)).json()["return_id"]
    assert (await arrive(room, case, return_id, SHELTER)).status_code == 404
    assert problem(await arrive(room, case, str(uuid4()))) == (404, "not_found")
    tomorrow = await arrive(room, case, return_id, day="2999-01-01")
    assert (tomorrow.status_code, tomorrow.json()["errors"][0]["rule"]) == (422, "not_in_future")
    answers = [await arrive(room, case, return_id) for _ in range(2)]
    assert [one.status_code for one in answers] == [204, 404]

    (only,) = await listed(room)
    assert (only["return_id"], only["completed_on"]) == (return_id, "2026-01-01")
    assert await listed(room, SHELTER) == []
    planned, completed = await room.site.rows(SAID)
    same = {"return_id": return_id, "organisation": POLICE, "return_type": "to_origin",
            "is_voluntary": True, "is_risk_assessed": False}  # fmt: skip
    assert planned == ("return.planned", same | {"planned_for": "2999-01-01"})
    assert completed == ("return.completed", same | {"completed_on": "2026-01-01"})


async def test_a_later_plan_takes_the_place_of_the_earlier_until_she_has_arrived(
    room: Room,
) -> None:
    case = await room.register()
    first = (await plan(room, case.number)).json()["return_id"]
    again = await plan(room, case.number, is_risk_assessed=True, planned_for="2999-02-02")
    assert again.json()["return_id"] == first
    (only,) = await listed(room)
    assert (only["is_risk_assessed"], only["planned_for"]) == (True, "2999-02-02")

    await arrive(room, case, first)
    second = (await plan(room, case.number, return_type="internal")).json()["return_id"]
    assert second != first
    assert [one["return_id"] for one in await listed(room)] == [second, first]


async def test_nothing_is_planned_for_a_closed_case_but_an_arrival_is_still_told(
    room: Room,
) -> None:
    case = await room.register()
    return_id = (await plan(room, case.number)).json()["return_id"]
    await close(room, case, reason="repatriated")

    assert problem(await plan(room, case.number)) == (409, "case_closed")
    assert (await arrive(room, case, return_id)).status_code == 204


async def test_a_plan_that_lacks_whether_she_wants_it_or_has_an_unknown_code_is_refused(
    room: Room,
) -> None:
    case = await room.register()
    for field, given, rule in (
        ("is_voluntary", None, "bool_type"),
        ("return_type", "to_the_moon", "unknown_code"),
    ):
        wrong: dict[str, Any] = {field: given}
        answer = await plan(room, case.number, **wrong)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"], error["rule"]) == (422, field, rule)
        assert "moon" not in answer.text
    assert await listed(room) == []


async def test_who_was_registered_twice_has_one_way_home(room: Room) -> None:
    one, other = await register(room, GIRL), await register(room, SPELT_OTHERWISE)
    first = (await plan(room, other.number)).json()["return_id"]
    assert (await says(room, await pair_of(room, one, other), POLICE, yes=True)).status_code == 200
    again = (await plan(room, one.number)).json()["return_id"]
    assert again == first
    assert (await arrive(room, one, first)).status_code == 204

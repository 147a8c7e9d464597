"""Sessions as organisations report them, and what a data officer makes of those that look alike."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from chassis.web import add_api, web_app
from contracts.reports import ReportSession
from contracts.sessions import SessionDistinguished, SessionRecorded
from services.reporting import api
from services.reporting.store.indicators.measures import MEASURES
from services.reporting.store.measuring import measured
from tests.asked import WELL_FORMED
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.sessions import distinguished, recorded, session_id
from tests.reporting.test_api import MINT, SECRET_WORD, bearer, key_of
from tests.reporting.test_simulation import DECADE

pytestmark = pytest.mark.share("figures")
WINDOW = DECADE.__class__(
    start=DECADE.start, end=DECADE.end.replace(year=2027), as_of=DECADE.as_of.replace(year=2027)
)
REPORT = WELL_FORMED["session.report"]


@pytest.fixture
async def client(roles: Roles) -> AsyncIterator[httpx.AsyncClient]:
    async def wake() -> None:
        """No relay runs here: what was queued is looked up."""

    app = web_app(title="Siraba reporting", prefix="/reporting")
    desk = api.SessionDesk(work=roles.work, key_of=key_of, mint=MINT, wake=wake)
    add_api(app, api.session_router(desk))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting"
    ) as client:
        yield client
    async with roles.work.begin() as connection:
        await connection.execute(text("delete from outbox"))


async def queued(roles: Roles) -> list[tuple[str, str]]:
    """Subject and body of all that waits for the relay."""
    asked = "select subject, convert_from(body, 'UTF8') as body from outbox order by position"
    async with roles.work.connect() as connection:
        return [(row.subject, row.body) for row in await connection.execute(text(asked))]


async def value(roles: Roles, code: str) -> int | None:
    async with roles.web.connect() as connection:
        return (await measured(connection, MEASURES[code], WINDOW)).value


async def test_whoever_holds_a_session_reports_it_under_an_id_of_its_own(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    answer = await client.post("/sessions", json=REPORT, headers=bearer(role="officer"))

    assert (answer.status_code, answer.json()) == (202, {"session_id": REPORT["session_id"]})
    ((subject, body),) = await queued(roles)
    said = SessionRecorded.model_validate_json(body)
    assert subject == f"COMITE/{REPORT['session_id']}"
    assert (said.organisation, said.session_kind, said.participants.women) == ("COMITE", "talk", 30)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"held_on": "2026-11-25"}, "held_on"),
        ({"kind": SECRET_WORD}, "kind"),
        ({"cercle": "0101"}, "cercle"),
        ({"participants": {"women": -1}}, "participants.women"),
        ({"place": SECRET_WORD}, "place"),
    ],
)
async def test_what_cannot_be_is_refused_by_field_and_nothing_is_said(
    client: httpx.AsyncClient, roles: Roles, wrong: dict[str, Any], field: str
) -> None:
    answer = await client.post("/sessions", json=REPORT | wrong, headers=bearer(role="officer"))

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert SECRET_WORD not in answer.text
    assert await queued(roles) == []


async def test_one_session_that_two_report_counts_once_and_is_listed(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    happened = Happenings()
    recorded(happened, 1, minutes=1)
    recorded(happened, 2, organisation="ONG_ABRI", organiser="KUMA_BKO", minutes=2)
    recorded(happened, 3, held_on="2026-11-21", minutes=3)
    await take(roles.work, happened.events)

    assert (await value(roles, "P1S"), await value(roles, "P1")) == (2, 84)
    listed = (await client.get("/sessions/alike", headers=bearer())).json()["sessions"]
    assert [(one["organisation"], one["participants"]) for one in listed] == [
        ("KUMA_BKO", 42),
        ("ONG_ABRI", 42),
    ]


async def test_a_session_that_is_told_apart_counts_by_itself(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    happened = Happenings()
    recorded(happened, 1, minutes=1)
    recorded(happened, 2, minutes=2)
    await take(roles.work, happened.events)
    address = f"/sessions/KUMA_BKO/{session_id(2)}/distinction"

    answer = await client.put(address, headers=bearer())
    ((_, body),) = await queued(roles)
    assert answer.status_code == 204
    assert SessionDistinguished.model_validate_json(body).session_id == session_id(2)

    distinguished(happened, 2, by="KUMA_BKO", minutes=3)
    await take(roles.work, happened.events[-1:])
    assert (await value(roles, "P1S"), await value(roles, "P1")) == (2, 84)
    listed = await client.get("/sessions/alike", headers=bearer())
    assert listed.json() == {"sessions": []}


async def test_a_second_report_takes_the_place_of_the_first_one(roles: Roles) -> None:
    happened = Happenings()
    recorded(happened, 1, minutes=1)
    recorded(happened, 1, participants={"women": 3}, estimated_reach=900, minutes=2)
    # Last first: the stream's order is not the order of arrival.
    await take(roles.work, happened.events[1:], happened.events[:1])

    assert (await value(roles, "P1"), await value(roles, "P1R")) == (3, 900)


async def test_calls_of_a_hotline_count_apart_and_a_second_desk_of_one_day_counts_once(
    roles: Roles,
) -> None:
    happened = Happenings()
    a_day = {"session_kind": "hotline", "participants": {}, "region": "00"}
    recorded(happened, 1, minutes=1)
    recorded(happened, 2, minutes=2, calls=40, **a_day)
    recorded(
        happened, 3, minutes=3, organisation="ONG_ABRI", organiser="KUMA_BKO", calls=40, **a_day
    )
    recorded(happened, 4, minutes=4, held_on="2026-11-21", calls=2, **a_day)
    await take(roles.work, happened.events)

    assert (await value(roles, "P3"), await value(roles, "P1S"), await value(roles, "P1")) == (
        42,
        1,
        42,
    )


async def test_only_data_officers_see_and_tell_apart_and_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    address = f"/sessions/KUMA_BKO/{session_id(9)}/distinction"

    assert (await client.get("/sessions/alike", headers=bearer(role="officer"))).status_code == 403
    assert (await client.put(address, headers=bearer(role="analyst"))).status_code == 403
    assert (await client.put(address, headers=bearer())).status_code == 404
    assert (
        await client.put(address.replace("KUMA_BKO", "%00"), headers=bearer())
    ).status_code == 422
    assert (await client.post("/sessions", json=REPORT)).status_code == 401
    assert await queued(roles) == []


def test_the_report_that_is_tried_here_is_one_that_partners_send() -> None:
    assert ReportSession.model_validate(REPORT).participants.girls == 12

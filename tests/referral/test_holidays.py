"""A day off that was declared counts like one of the law, is named where it decides, and can be read."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from contracts.directory import DirectoryEntry
from services.referral.store import holidays, routings
from services.referral.store.directory import Author
from services.referral.store.holidays import Declared
from services.referral.use_cases.changing import Change, change_directory
from services.referral.use_cases.explaining import explain
from tests.builders import an_entry, an_organisation
from tests.parts import Site
from tests.referral.callers import bearer, calling
from tests.referral.offices import ADULT, Office

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
COMMITTEE = an_organisation("POLICE_A", "committee")
NEAR = an_organisation("SHELTER_B", "shelter", "shelter")
FAR = an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12"))
KEEPER = ("POLICE_A", "operator")
AUTHOR = Author(organisation="POLICE_A", role="operator")
TABASKI = {"fr": "Tabaski", "en": "Tabaski", "source": "https://example.ml/communique-2026-12"}
ON_WEEKDAYS = {
    "rung": "unit", "post": "Permanence", "phone": "+22320000001",
    "duty": [{"begins": "00:00", "ends": "00:00",
              "days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]}],
}  # fmt: skip


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(site, COMMITTEE, NEAR) as opened:
        yield opened


async def listed(client: httpx.AsyncClient, name: str, on: str) -> list[dict[str, str]]:
    answer = await client.get(
        f"/referral/reference/{name}", params={"on": on}, headers=bearer("SHELTER_B", "focal_point")
    )
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, str]] = answer.json()["lines"]
    return lines


async def test_a_declared_day_stands_among_those_of_the_law_until_it_is_taken_back(
    client: httpx.AsyncClient,
) -> None:
    at = "/referral/reference/holidays/2026-05-27"
    said = await client.put(at, json=TABASKI, headers=bearer(*KEEPER))
    assert said.status_code == 204, said.text
    days = [line["on"] for line in await listed(client, "holidays", "2026-01-01")]
    assert days == sorted(days)
    assert {"2026-05-25", "2026-05-27"} <= {*days}
    assert "2026-05-27" not in {
        line["on"] for line in await listed(client, "holidays", "2027-01-01")
    }

    for status in (204, 404):
        assert (await client.delete(at, headers=bearer(*KEEPER))).status_code == status
    left = [line["on"] for line in await listed(client, "holidays", "2026-01-01")]
    assert left == [day for day in days if day != "2026-05-27"]


async def test_only_the_committees_operators_declare_and_every_fault_is_named(
    client: httpx.AsyncClient,
) -> None:
    at = "/referral/reference/holidays/2026-05-27"
    for by in (("SHELTER_B", "operator"), ("POLICE_A", "focal_point")):
        assert (await client.put(at, json=TABASKI, headers=bearer(*by))).status_code == 403
        assert (await client.delete(at, headers=bearer(*by))).status_code == 403
    unsourced = await client.put(at, json=TABASKI | {"source": ""}, headers=bearer(*KEEPER))
    assert (unsourced.status_code, unsourced.json()["errors"][0]["field"]) == (422, "source")
    unknown = await client.get("/referral/reference/penalties", headers=bearer(*KEEPER))
    assert unknown.status_code == 422


async def test_long_before_any_law_there_is_no_holiday(client: httpx.AsyncClient) -> None:
    assert await listed(client, "holidays", "0001-01-01") == []


@pytest.mark.parametrize(
    ("asked", "broken"),
    [
        ({"day": "2026-01-01"}, {"field": "*", "rule": "unknown_parameter", "allowed": ["on"]}),
        ({"on": "0"}, {"field": "on", "rule": "day"}),
        ({"on": "2026-1-1"}, {"field": "on", "rule": "day"}),
    ],
)
async def test_a_slip_in_a_question_is_named_and_not_passed_over(
    client: httpx.AsyncClient, asked: dict[str, str], broken: dict[str, object]
) -> None:
    answer = await client.get(
        "/referral/reference/holidays", params=asked, headers=bearer("SHELTER_B", "focal_point")
    )
    assert answer.status_code == 422
    assert answer.json()["errors"] == [broken | {"place": "query"}]


async def test_the_courts_of_a_day_are_those_of_the_file(client: httpx.AsyncClient) -> None:
    before, after = [
        {line["code"] for line in await listed(client, "courts", day)}
        for day in ("2025-06-12", "2025-06-13")
    ]
    assert before - after == {"assize_court", "kayes_assize_court"}


async def test_a_declared_day_decides_who_is_asked_and_the_explanation_names_it(
    office: Office,
) -> None:
    await office.publish(NEAR, FAR)
    units = [{"cercle": "1202", "contacts": [ON_WEEKDAYS]}]
    near = DirectoryEntry.model_validate(an_entry(NEAR).model_dump(mode="json") | {"units": units})
    async with office.engine.begin() as connection:
        await change_directory(
            connection, [Change(entry=near)], author=AUTHOR, why="a test", mint=office.mint
        )
    await office.offer(ADULT)
    await office.open_offer("SHELTER_B")  # on a working day

    today = datetime.now(UTC).date()
    await declare(office, [today + timedelta(days=n) for n in range(-1, 16)])
    (case_id,) = await office.offer(ADULT)
    async with office.engine.connect() as connection:
        (choice,) = await routings.of_case(connection, case_id)
    assert (choice.organisation, choice.weighed["decided_by"]) == ("SHELTER_C", "duty")
    assert "is a legal holiday" in "\n".join(explain(choice, "en").lines())
    assert "est un jour férié" in "\n".join(explain(choice, "fr").lines())


async def declare(office: Office, days: list[date]) -> None:
    async with office.engine.begin() as connection:
        for day in days:
            one = Declared(day=day, fr="Fête", en="Feast", source="https://example.ml/1")
            await holidays.say(connection, one, is_off=True, author=AUTHOR)

import httpx
import pytest

from services.reporting.store.indicators import INDICATORS
from tests.reporting.happenings import Happenings, Roles, take
from tests.reporting.test_api import SECRET_WORD, bearer, client

__all__ = ["client"]
pytestmark = pytest.mark.share("figures")
OFFICER = bearer(role="data_officer")
AUTUMN = {"from": "2026-11-01", "to": "2026-12-01"}


async def test_every_indicator_says_what_it_counts(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/indicators", headers=bearer())).json()

    assert [one["code"] for one in shown] == list(INDICATORS)
    for one in shown:
        assert one["numerator"]
        assert one["unit"]
        assert one["source"]
        assert bool(one["denominator"]) == (INDICATORS[one["code"]].out_of is not None)


async def test_a_figure_is_told_with_its_parts_and_what_it_is_out_of(
    client: httpx.AsyncClient,
) -> None:
    asked = AUTUMN | {"by": "state"}
    shown = (await client.get("/indicators/R3", params=asked, headers=OFFICER)).json()

    assert shown["whole"] == {"value": 1, "out_of": 2}
    assert shown["parts"] == {
        "accepted": {"value": 1, "out_of": 1},
        "offered": {"value": 0, "out_of": 1},
    }
    assert (shown["from"], shown["to"]) == ("2026-11-01", "2026-12-01")


async def test_the_events_behind_a_figure_are_named(
    client: httpx.AsyncClient, roles: Roles
) -> None:
    later = Happenings()
    later.registered(9, offence_class="migrant_smuggling")
    await take(roles.work, later.events)

    shown = (await client.get("/indicators/V1/events", params=AUTUMN, headers=OFFICER)).json()

    assert len(shown["events"]) == 2
    assert shown["definition"]["unit"] == "persons"


@pytest.mark.parametrize("path", ["/indicators/V1", "/indicators/V1/events", "/indicators/X9"])
async def test_whoever_may_not_see_cases_sees_no_part_of_a_figure(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers=bearer(role="analyst"))

    assert (answer.status_code, answer.json()["code"]) == (403, "role_forbidden")


async def test_an_unknown_indicator_is_not_there(client: httpx.AsyncClient) -> None:
    wrong = {"field": "code", "rule": "unknown_indicator", "place": "path"}
    for path in (f"/indicators/{SECRET_WORD}", f"/indicators/{SECRET_WORD}/events"):
        answer = await client.get(path, headers=OFFICER)

        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_indicator")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["errors"] == [wrong | {"allowed": [*INDICATORS]}]
        assert SECRET_WORD not in answer.text


async def test_a_division_that_an_indicator_has_not_is_refused_with_those_it_has(
    client: httpx.AsyncClient,
) -> None:
    asked = {"by": SECRET_WORD}
    answer = await client.get("/indicators/J1", params=asked, headers=OFFICER)

    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "field": "by",
            "rule": "not_a_part",
            "place": "query",
            "allowed": ["offence_class", "region", "organisation_kind"],
        }
    ]
    assert SECRET_WORD not in answer.text


@pytest.mark.parametrize(
    ("asked", "field", "rule"),
    [
        ({"from": "2026-12-01", "to": "2026-11-01"}, "from", "before_to"),
        ({"from": SECRET_WORD}, "from", "day"),
        ({"as_of": SECRET_WORD}, "as_of", "moment_with_offset"),
        ({SECRET_WORD: "1"}, "*", "unknown_parameter"),
    ],
)
async def test_a_window_that_is_none_is_refused_by_field_and_rule(
    client: httpx.AsyncClient, asked: dict[str, str], field: str, rule: str
) -> None:
    for path in ("/indicators/V1", "/indicators/V1/events", "/measures/V4"):
        answer = await client.get(path, params=asked, headers=OFFICER)

        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [(one["field"], one["rule"]) for one in answer.json()["errors"]] == [(field, rule)]
        assert SECRET_WORD not in answer.text


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "1990-01-01", "to": "1991-01-01"},
        {"from": "2099-01-01", "to": "2100-01-01"},
        AUTUMN | {"as_of": "1970-01-01T00:00:00Z"},
    ],
)
async def test_days_or_a_moment_without_an_event_are_answered_with_none(
    client: httpx.AsyncClient, asked: dict[str, str]
) -> None:
    """A question that fits the rules, and the answer names the window it is about."""
    shown = await client.get("/indicators/V1", params=asked | {"by": "region"}, headers=OFFICER)
    behind = await client.get("/indicators/V1/events", params=asked, headers=OFFICER)

    assert (shown.status_code, behind.status_code) == (200, 200)
    assert (shown.json()["whole"]["value"], shown.json()["parts"]) == (0, {})
    assert behind.json()["events"] == []
    assert {one: shown.json()[one] for one in asked} == asked

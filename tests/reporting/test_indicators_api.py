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
    for path in (f"/indicators/{SECRET_WORD}", f"/indicators/{SECRET_WORD}/events"):
        answer = await client.get(path, headers=OFFICER)

        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_indicator")
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


async def test_a_window_backwards_is_refused(client: httpx.AsyncClient) -> None:
    asked = {"from": "2026-12-01", "to": "2026-11-01"}
    answer = await client.get("/indicators/V1", params=asked, headers=OFFICER)

    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (422, "before_to")

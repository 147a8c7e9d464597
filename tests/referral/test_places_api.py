from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.builders import an_organisation
from tests.parts import Site
from tests.referral.callers import bearer, calling

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    police = an_organisation("POLICE_A", "police", "immediate_safety")
    shelter = an_organisation("SHELTER_B", "shelter", "shelter")
    async with calling(site, police, shelter) as opened:
        yield opened


async def test_a_desk_counts_its_places_and_an_officer_sees_the_room_and_its_age(
    client: httpx.AsyncClient, site: Site
) -> None:
    shelter, officer = bearer("SHELTER_B", "focal_point"), bearer("POLICE_A", "officer")
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    said = {"places": 12, "free": 5, "counted_at": hour_ago.isoformat()}
    put = await client.put("/referral/places/shelter", json=said, headers=shelter)
    seen = await client.get("/referral/places/shelter", headers=officer)

    assert put.status_code == 204, put.text
    (room,) = seen.json()["places"]
    assert datetime.fromisoformat(room.pop("counted_at")) == hour_ago
    assert room == {
        "organisation": "SHELTER_B",
        "service": "shelter",
        "places": 12,
        "room": 5,
        "age_minutes": 60,
    }
    looked = "select organisation, action from referral.audit"
    assert await site.rows(looked) == [("POLICE_A", "places")]


async def test_what_cannot_be_kept_is_refused_by_field_and_rule(client: httpx.AsyncClient) -> None:
    shelter = bearer("SHELTER_B", "focal_point")
    early = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    wrong = [
        ("shelter", {"places": 3, "free": 4}, ("free", "more_than_places")),
        ("health", {"places": 3, "free": 1}, ("service", "not_offered")),
        ("shelter", {"places": 3, "free": 1, "counted_at": early}, ("counted_at", "counted_again_since")),
    ]  # fmt: skip
    kept = await client.put(
        "/referral/places/shelter", json={"places": 3, "free": 3}, headers=shelter
    )
    assert kept.status_code == 204
    for service, said, rule in wrong:
        answer = await client.put(f"/referral/places/{service}", json=said, headers=shelter)
        assert answer.status_code == 422, answer.text
        assert [(one["field"], one["rule"]) for one in answer.json()["errors"]] == [rule]


async def test_only_a_focal_point_counts(client: httpx.AsyncClient) -> None:
    for role in ("officer", "case_owner", "system", "operator"):
        answer = await client.put(
            "/referral/places/shelter",
            json={"places": 3, "free": 3},
            headers=bearer("SHELTER_B", role),
        )
        assert answer.status_code == 403
    stranger = await client.get("/referral/places/shelter", headers=bearer("SHELTER_B", "system"))
    assert stranger.status_code == 403
    unknown = await client.get("/referral/places/beds", headers=bearer("SHELTER_B", "officer"))
    assert unknown.status_code == 422

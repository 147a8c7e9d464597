"""An incident's owner sees the plan and sends it; nobody else does."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.parts import Site, site, until
from tests.referral.callers import bearer, calling
from tests.referral.offices import open_office
from tests.referral.test_planning import DIRECTORY, INCIDENT, a_person

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
# Made when they are asked for: a token is good for five minutes.
OWNER = partial(bearer, "POLICE_A", "case_owner")
OTHER = partial(bearer, "SHELTER_B", "case_owner")


AT = f"/referral/incidents/{INCIDENT}/plan"
FAMILY = UUID(int=9)


async def planned(
    site: Site, client: httpx.AsyncClient, *persons: dict[str, Any]
) -> httpx.Response:
    """The first plan of an incident of these, as its owner sees it."""
    async with open_office(site.database, seed=3) as office:
        await office.open_incident(INCIDENT, persons=len(persons))
        await office.offer(*persons)

    async def seen() -> httpx.Response | None:
        answer = await client.get(AT, headers=OWNER())
        return answer if "ETag" in answer.headers else None

    answer: httpx.Response = await until(seen)
    return answer


async def test_the_owner_sees_where_each_would_go_and_sends_it_once(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        seen = await planned(site, client, a_person(), a_person(sex="male"))
        send = f"{AT}/confirmation"
        tag = {"If-Match": seen.headers["ETag"]}
        answers = [
            await client.get(AT, headers=OTHER()),
            await client.get(f"/referral/incidents/{uuid4()}/plan", headers=OWNER()),
            await client.post(send, headers=OTHER() | tag),
            await client.post(send, headers=OWNER()),
            await client.post(send, headers=OWNER() | {"If-Match": '"9"'}),
            await client.post(send, headers=OWNER() | tag),
            await client.post(send, headers=OWNER() | tag),
        ]
    assert [one.status_code for one in answers] == [404, 404, 404, 428, 412, 202, 404]
    assert (seen.json()["state"], len(seen.json()["placed"])) == ("planned", 2)
    assert answers[5].json() == {"as_planned": 2, "moved": 0}
    offered = await site.rows("select state from referral.referrals where service = 'shelter'")
    assert offered == [("offered",), ("offered",)]


async def test_the_owner_says_otherwise_and_the_plan_is_made_again_around_that(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        seen = await planned(
            site, client, *(a_person(family_id=FAMILY) for _ in range(2)), a_person(sex="male")
        )
        alone = next(one["case"] for one in seen.json()["placed"] if one["family"] is None)
        family = next(one["family"] for one in seen.json()["placed"] if one["case"] != alone)
        wishes: dict[str, Any] = {
            "pinned": [{"case": alone, "service": "shelter", "organisation": "SHELTER_D"}],
            "forbidden": [],
            "parted": [family],
        }
        said = OWNER() | {"If-Match": seen.headers["ETag"]}
        again = await client.put(f"{AT}/wishes", json=wishes, headers=said, params={"lang": "en"})
        late = await client.put(f"{AT}/wishes", json=wishes, headers=said)
        read = await client.get(AT, headers=OWNER(), params={"lang": "en"})

    assert again.status_code == 200, again.text
    assert (late.status_code, again.headers["ETag"]) == (412, '"2"')
    assert read.json() | {"age_minutes": 0} == again.json() | {"age_minutes": 0}
    plan = again.json()
    chosen = next(one for one in plan["placed"] if one["case"] == alone)
    assert (chosen["organisation"], chosen["is_pinned"]) == ("SHELTER_D", True)
    assert chosen["reasons"][0]["text"] == "A person who answers for the incident chose this place."
    assert plan["wishes"] == wishes
    totals = plan["totals"]
    assert (totals["persons"], totals["placed"], totals["families"]) == (3, 3, 1)
    assert sum(one["persons"] for one in totals["organisations"]) == 3
    assert await site.rows(
        "select organisation, outcome from referral.audit where action = 'plan.wishes'"
    ) == [("POLICE_A", "shown")]


async def test_a_wish_that_cannot_be_kept_is_named_and_the_plan_stays(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        seen = await planned(site, client, a_person(), a_person(sex="male"))
        one, two = (line["case"] for line in seen.json()["placed"])
        tag = {"If-Match": seen.headers["ETag"]}

        def pin(case: str, organisation: str = "SHELTER_D") -> dict[str, str]:
            return {"case": case, "service": "shelter", "organisation": organisation}

        tried: list[tuple[dict[str, Any], str, str]] = [
            ({"pinned": [pin(one), pin(str(uuid4()))]}, "pinned.1.case", "unknown"),
            ({"forbidden": [pin(two, "SHELTER_X")]}, "forbidden.0.organisation", "unknown"),
            ({"pinned": [pin(one), pin(one, "SHELTER_C")]}, "pinned.1.case", "twice"),
            ({"pinned": [pin(two), pin(one, "HEALTH_E")]}, "pinned.1.organisation", "not_in_plan"),
            ({"parted": [str(uuid4())]}, "parted.0", "unknown"),
        ]
        for wishes, field, rule in tried:
            answer = await client.put(f"{AT}/wishes", json=wishes, headers=OWNER() | tag)
            assert answer.status_code == 422, answer.text
            assert answer.json()["errors"] == [{"field": field, "rule": rule}]
        answers = [
            await client.put(f"{AT}/wishes", json={}, headers=OTHER() | tag),
            await client.put(f"{AT}/wishes", json={}, headers=OWNER()),
            await client.get(AT, headers=OWNER()),
        ]

    assert [answer.status_code for answer in answers] == [404, 428, 200]
    assert answers[-1].headers["ETag"] == seen.headers["ETag"]

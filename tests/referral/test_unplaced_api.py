"""What waits for a person's decision, and the decision."""

from functools import partial
from uuid import uuid4

import httpx
import pytest

from tests.builders import an_organisation
from tests.parts import Site, site
from tests.referral.callers import bearer, calling
from tests.referral.offices import an_answer, open_office

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12")),
    an_organisation("COMMITTEE_N", "committee"),
)
# Made when they are asked for: a token is good for five minutes.
OWNER = partial(bearer, "POLICE_A", "case_owner")
COMMITTEE = partial(bearer, "COMMITTEE_N", "operator")


async def declined(site: Site) -> str:
    """Of a case at high risk; the id under which its owner is asked."""
    async with open_office(site.database, seed=3) as office:
        await office.offer({"age_band": "25-34", "risk": "high"})
        first = await office.open_offer("SHELTER_B")
        await office.answer(an_answer("SHELTER_B", first, "decline"))
        ((unplaced_id,),) = await office.rows("select unplaced_id from unplaced")
    return str(unplaced_id)


async def test_an_owner_sees_what_waits_who_can_be_asked_and_says_whom(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        unplaced_id = await declined(site)
        at = f"/referral/unplaced/{unplaced_id}"
        await site.run("update referral.unplaced set since = since - interval '90 minutes'")
        ((line,), (seen,)) = [
            (await client.get("/referral/unplaced", headers=who)).json()["unplaced"]
            for who in (OWNER(), COMMITTEE())
        ]
        question = (await client.get(at, headers=OWNER())).json()
        wrong = await client.post(f"{at}/choice", json={"organisation": "X"}, headers=OWNER())
        chosen, again = [
            await client.post(f"{at}/choice", json={"organisation": "SHELTER_C"}, headers=OWNER())
            for _ in range(2)
        ]
        left = (await client.get("/referral/unplaced", headers=OWNER())).json()

    assert (line["unplaced_id"], line["reason"], line["age_minutes"]) == (
        unplaced_id, "high_risk", 90,
    )  # fmt: skip
    assert seen["case"] != line["case"], "no two organisations share a name of a case"
    assert {**seen, "case": ""} == {**line, "case": ""}
    assert question["asked"] == [{"organisation": "SHELTER_B", "state": "declined"}]
    assert question["candidates"] == [
        {"organisation": "SHELTER_C", "kind": "shelter", "region": "01"}
    ]
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == [{"field": "organisation", "rule": "not_a_candidate"}]
    assert (chosen.status_code, again.status_code, left) == (202, 404, {"unplaced": []})
    offered = "select organisation from referral.referrals where referral_id = :id"
    assert await site.rows(offered, id=chosen.json()["referral_id"]) == [("SHELTER_C",)]
    looked = await site.rows("select organisation, action, outcome from referral.audit order by at")
    assert looked == [
        ("POLICE_A", "unplaced", "shown"),
        ("COMMITTEE_N", "unplaced", "shown"),
        ("POLICE_A", "unplaced", "shown"),
        ("POLICE_A", "unplaced.choice", "shown"),
        ("POLICE_A", "unplaced", "shown"),
    ]


async def test_nobody_else_sees_it_or_decides(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        unplaced_id = await declined(site)
        at = f"/referral/unplaced/{unplaced_id}"
        other, officer = bearer("SHELTER_B", "case_owner"), bearer("POLICE_A", "officer")
        choice = {"organisation": "SHELTER_C"}
        listed = await client.get("/referral/unplaced", headers=other)
        answers: list[httpx.Response] = [
            await client.get(at, headers=other),
            await client.post(f"{at}/choice", json=choice, headers=other),
            await client.post(f"{at}/choice", json=choice, headers=officer),
            await client.post(f"{at}/choice", json=choice, headers=COMMITTEE()),
            await client.get(f"/referral/unplaced/{uuid4()}", headers=OWNER()),
        ]

    assert listed.json() == {"unplaced": []}
    assert [one.status_code for one in answers] == [404, 404, 403, 403, 404]
    assert await site.rows("select count(*) from referral.unplaced") == [(1,)]

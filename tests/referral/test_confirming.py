"""Whoever owns the case confirms what was given in it: once, and nobody else."""

from functools import partial

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
)
# Made when they are asked for: a token is good for five minutes.
OWNER = partial(bearer, "POLICE_A", "case_owner")
RECIPIENT = partial(bearer, "SHELTER_B", "focal_point")


async def offered(site: Site, *verbs: str) -> str:
    """Where the confirmation of a referral lies to which the shelter has answered so."""
    async with open_office(site.database, seed=3) as office:
        await office.offer({"age_band": "25-34"})
        one = await office.open_offer("SHELTER_B")
        for verb in verbs:
            await office.answer(an_answer("SHELTER_B", one, verb))
    return f"/referral/referrals/{one}/confirmation"


async def confirmed(site: Site) -> list[str]:
    """Bodies of what was said of it."""
    said = "select convert_from(body, 'UTF8') from referral.outbox where name = :name"
    return [body for (body,) in await site.rows(said, name="referral.confirmed")]


async def put(client: httpx.AsyncClient, at: str, who: dict[str, str]) -> int:
    return (await client.put(at, headers=who)).status_code


async def test_an_owner_confirms_once_what_was_delivered(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        at = await offered(site, "accept", "start", "deliver")
        answers = [await put(client, at, OWNER()) for _ in range(2)]

    (body,) = await confirmed(site)
    assert answers == [204, 204]
    assert '"confirmed_by_role":"case_owner"' in body
    assert await site.rows("select state from referral.referrals") == [("confirmed",)]
    looked = await site.rows("select organisation, action from referral.audit order by at")
    assert looked == [("POLICE_A", "referral.confirm")] * 2


async def test_what_was_not_delivered_and_who_is_not_the_owner_confirms_nothing(site: Site) -> None:
    async with calling(site, *DIRECTORY) as client:
        at = await offered(site, "accept", "start")
        early = await put(client, at, OWNER())
        async with open_office(site.database, seed=4) as office:
            ((one,),) = await office.rows("select referral_id from referrals")
            await office.answer(an_answer("SHELTER_B", one, "deliver"))
        foreign = await put(client, at, RECIPIENT())
        officer = await put(client, at, bearer("POLICE_A", "officer"))

    assert (early, foreign, officer) == (409, 404, 403)
    assert await confirmed(site) == []
    assert await site.rows("select state from referral.referrals") == [("delivered",)]

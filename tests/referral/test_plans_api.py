"""An incident's owner sees the plan and sends it; nobody else does."""

from functools import partial
from uuid import uuid4

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


async def test_the_owner_sees_where_each_would_go_and_sends_it_once(site: Site) -> None:
    at = f"/referral/incidents/{INCIDENT}/plan"
    async with calling(site, *DIRECTORY) as client:
        async with open_office(site.database, seed=3) as office:
            await office.open_incident(INCIDENT, persons=2)
            await office.offer(a_person(), a_person(sex="male"))

        async def planned() -> httpx.Response | None:
            answer = await client.get(at, headers=OWNER())
            return answer if "ETag" in answer.headers else None

        seen = await until(planned)
        send = f"{at}/confirmation"
        tag = {"If-Match": seen.headers["ETag"]}
        answers = [
            await client.get(at, headers=OTHER()),
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

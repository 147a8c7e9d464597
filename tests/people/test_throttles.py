"""Whoever guesses or floods is told to come later, and nobody else is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from contracts.callers import issue_token
from tests.builders import coded_facts
from tests.parts import Site, until
from tests.people.address import Address, open_address, words
from tests.people.shared_address import DIRECTORY, shared_site
from tests.people.test_intake_form import press, review
from tests.people.test_own_account import fresh_code
from tests.signing import private_key

__all__ = ["shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
A_MINUTE = 1
LIMITS = {"wrong_logins_per_minute": A_MINUTE, "submissions_per_minute": A_MINUTE}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    async with open_address(shared_site, *DIRECTORY, limits=LIMITS) as opened:
        yield opened


async def test_one_address_guesses_so_often_and_others_sign_in_meanwhile(
    address: Address,
) -> None:
    async with (
        address.browser(comes_from="203.0.113.7") as guesser,
        address.browser(comes_from="203.0.113.8") as person,
    ):
        await person.arrive("a.diarra")
        for _ in range(10 * A_MINUTE + 1):  # who is right is not counted
            again = await person.log_in("a.diarra", code=await fresh_code(person))
            assert again.status_code == 200
        tries = [await guesser.log_in(f"name{at}", code="000000") for at in range(10 * A_MINUTE)]
        over = await guesser.log_in("a.diarra", code="000000")
        # A client says of itself what it likes; the front says from where it comes.
        said = {"x-forwarded-for": "203.0.113.9", "origin": str(guesser.client.base_url)}
        lied = await guesser.client.post("/login", data={"login": "x"}, headers=said)

        assert {one.status_code for one in tries} == {401}
        assert (over.status_code, lied.status_code) == (429, 429)
        assert int(over.headers["retry-after"]) <= 60
        assert "Trop à la fois" in words(over)
        again = await person.log_in("a.diarra", code=await fresh_code(person))
        assert again.url.path == "/referral/"


async def test_one_organisation_submits_so_much_and_others_go_on(address: Address) -> None:
    async with (
        address.browser() as officer,
        httpx.AsyncClient(transport=address.behind, base_url="http://intake") as program,
    ):
        await officer.arrive("m.keita", organisation="POLICE_A", role="officer")
        await until(lambda: knows(address))
        answers = [await submit(program, "POLICE_A") for _ in range(2 * A_MINUTE + 1)]
        incident = await submit(program, "POLICE_A", path="/intake/incidents")
        other = await submit(program, "SHELTER_B")

        assert [one.status_code for one in answers] == [202, 202, 429]
        assert (incident.status_code, other.status_code) == (429, 202)
        refused = answers[-1]
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "too_many"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        told = await press(officer, await review(officer), "send")
        assert (told.status_code, "Rien n’a été pris cette fois" in words(told)) == (429, True)
        assert len(await address.site.rows("select 1 from intake.cases")) == 3


async def knows(address: Address) -> bool:
    """Whether intake has heard of both."""
    query = "select 1 from intake.organisation_keys"
    return len(await address.site.rows(query)) >= 2


async def submit(
    program: httpx.AsyncClient, organisation: str, path: str = "/intake/cases"
) -> httpx.Response:
    token = issue_token(
        private_key(organisation), organisation=organisation, role="officer", audience="intake",
        now=datetime.now(UTC),
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    facts = coded_facts(region="12")
    body = facts if path.endswith("cases") else {"detected_on": "2026-11-20", "persons": [facts]}
    return await program.post(path, json=body, headers=headers)

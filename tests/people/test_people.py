"""A focal point lets colleagues in and out, and nobody gets back in by one person's word."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from deploy.cli import app
from tests.builders import an_organisation
from tests.parts import Site
from tests.people.address import Address, Browser, open_address, words
from tests.people.shared_address import shared_site
from tests.people.test_own_account import SINCE, fresh_code
from tests.people.test_signing_in import DIRECTORY, is_in, running_on

__all__ = ["shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
PEOPLE = "/referral/people"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    committee = an_organisation("COMITE", "committee")
    async with open_address(shared_site, *DIRECTORY, committee) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def people(address: Address) -> AsyncIterator[AsyncExitStack]:
    """Whose windows close when all is over; afterwards nobody has an account."""
    async with AsyncExitStack() as stack:
        yield stack
    await address.site.run("truncate referral.accounts cascade")


async def a_person(people: AsyncExitStack, address: Address, login: str, **who: str) -> Browser:
    """Somebody who is signed in."""
    browser = await people.enter_async_context(address.browser())
    assert (await browser.arrive(login, **who)).status_code == 200
    return browser


def invitation(page: httpx.Response) -> str:
    """What the address holds that is shown once."""
    found = re.search(r"http://siraba.example/join\?token=(\w+)", page.text)
    assert found is not None, words(page)
    return found[1]


async def account_of(address: Address, login: str) -> str:
    query = "select account_id from referral.accounts where login = :login"
    return str((await address.site.rows(query, login=login))[0][0])


async def say_lost(browser: Browser, login: str) -> httpx.Response:
    """That somebody has lost password or telephone, from the page if it offers it."""
    account = await account_of(browser.address, login)
    return await press(browser, f"{PEOPLE}/{account}/recovery")


async def agree(browser: Browser) -> httpx.Response:
    query = "select recovery_id from referral.recoveries where ended_at is null"
    ((one,),) = await browser.address.site.rows(query)
    return await press(browser, f"{PEOPLE}/recoveries/{one}/agreement")


async def press(browser: Browser, path: str, **form: str) -> httpx.Response:
    """Send a form of this session, whether a page shows it or not."""
    page = await browser.get("/referral/account")
    word = re.search(r'name="session_form" value="(\w+)"', page.text)
    assert word is not None
    return await browser.send(path, session_form=word[1], **form)


async def test_a_focal_point_invites_and_disables_people_of_its_own_organisation(
    address: Address, people: AsyncExitStack
) -> None:
    focal = await a_person(people, address, "f.traore")
    said = await press(focal, PEOPLE, login="B.Keita", role="officer")
    async with address.browser() as other:
        await other.join(invitation(said))
        assert (await other.log_in("b.keita")).url.path == "/referral/"
        assert "b.keita" in words(await focal.get(PEOPLE))
        refused = [
            await press(focal, PEOPLE, login="c.sidibe", role="focal_point"),
            await press(focal, PEOPLE, login="c.sidibe", role="operator"),
            await press(focal, PEOPLE, login="é", role="officer"),
            await press(focal, PEOPLE, login="b.keita", role="officer"),
        ]
        assert {one.status_code for one in refused} == {422}
        account = await account_of(address, "b.keita")
        foreign = await a_person(people, address, "p.cisse", organisation="POLICE_A")
        strange = [
            await press(foreign, f"{PEOPLE}/{account}/{what}") for what in ("disable", "recovery")
        ]
        own = await press(focal, f"{PEOPLE}/{await account_of(address, 'f.traore')}/disable")
        assert {one.status_code for one in (*strange, own)} == {404}
        assert "b.keita" not in words(await foreign.get(PEOPLE))
        assert await is_in(other)
        assert (await press(other, PEOPLE, login="x.y", role="officer")).status_code == 403
        assert (await press(focal, f"{PEOPLE}/{account}/disable")).status_code == 200
        assert not await is_in(other)
    await address.site.run(
        "update referral.sessions set signed_in_at = now() - interval '31 minutes'"
    )
    assert (await focal.get(PEOPLE)).status_code == 401


async def test_two_people_let_a_third_in_again_who_is_told(
    address: Address, people: AsyncExitStack
) -> None:
    lost = await a_person(people, address, "b.keita", role="officer")
    first = await a_person(people, address, "f.traore")
    second = await a_person(people, address, "c.sidibe", organisation="COMITE")
    stranger = await a_person(people, address, "p.cisse", organisation="POLICE_A")
    assert (await say_lost(first, "b.keita")).status_code == 200
    wrong = [
        await agree(first),
        await say_lost(first, "b.keita"),
        await say_lost(first, "f.traore"),
    ]
    assert {one.status_code for one in wrong} == {422}
    assert [(await agree(one)).status_code for one in (stranger, lost)] == [404, 403]
    assert await is_in(lost)
    secret = invitation(await agree(second))
    assert await is_in(lost)
    async with address.browser() as anew:
        await anew.join(secret, password="un-autre-mot-tres-long")
        assert not await is_in(lost)
        told = await anew.log_in("b.keita", password="un-autre-mot-tres-long")
        assert told.url.path == "/referral/account"
        assert "Deux autres personnes l’ont confirmé ; le mot de passe" in words(told)
        assert "Deux autres" not in words(await anew.get("/referral/account"))
        assert (await anew.get("/join", token=secret)).status_code == 404
    looks = await address.site.rows(
        "select organisation, action from referral.audit"
        f" where action like '%recovery%' and {SINCE} order by 2"
    )
    assert looks == [("COMITE", "account.recovery_agreed"), ("SHELTER_B", "account.recovery_asked")]


async def test_whoever_can_sign_in_has_lost_nothing(
    address: Address, people: AsyncExitStack
) -> None:
    person = await a_person(people, address, "b.keita", role="officer")
    first = await a_person(people, address, "f.traore")
    second = await a_person(people, address, "c.sidibe", organisation="COMITE")
    for is_agreed in (False, True):
        await say_lost(first, "b.keita")
        secret = invitation(await agree(second)) if is_agreed else ""
        code = await fresh_code(person)
        told = await person.log_in("b.keita", code=code)
        assert "c’est resté sans suite" in words(told)
        assert (await person.get("/join", token=secret)).status_code == 404
    await say_lost(first, "b.keita")
    # Whoever asked counts no more; nor does what is three days old.
    await address.site.run("update referral.accounts set role = 'officer' where login = 'f.traore'")
    assert (await agree(second)).status_code == 404
    await address.site.run(
        "update referral.accounts set role = 'focal_point' where login = 'f.traore'"
    )
    await address.site.run("update referral.recoveries set asked_at = now() - interval '73 hours'")
    assert (await agree(second)).status_code == 404
    assert (await agree(first)).status_code == 404


async def test_the_operator_is_one_of_the_two(
    address: Address, people: AsyncExitStack, tmp_path: Path
) -> None:
    await a_person(people, address, "b.keita", role="officer")
    focal = await a_person(people, address, "f.traore")
    state = str(running_on(address.site, tmp_path))

    async def operator() -> tuple[int, str]:
        words = ["user", "recover", "b.keita", "--state-dir", state]
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        return result.exit_code, result.output

    asked, again = await operator(), await operator()
    assert (asked[0], "A focal point must say so too" in asked[1]) == (0, True)
    assert (again[0], "you have said so already" in again[1]) == (1, True)
    invitation(await agree(focal))
    assert (await operator())[0] == 1
    await address.site.run("update referral.recoveries set ended_at = now(), outcome = 'void'")
    await say_lost(focal, "b.keita")
    said = await operator()
    assert (said[0], "http://siraba.example/join?token=" in said[1]) == (0, True)

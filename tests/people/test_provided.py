"""People of an institution come in by its own sign-in, with the rights that it names and no others."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from deploy.embedded.processes import free_port
from services.referral.pages import provided
from tests.parts import Site, until
from tests.people.address import BASE, HTML, Address, Browser, hidden, open_address, words
from tests.people.shared_address import shared_site
from tests.people.test_signing_in import DIRECTORY, SESSION, is_in

__all__ = ["shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
ASKED = "siraba_asked"


@dataclass(slots=True)
class Institution:
    """`oidc-provider-mock` on loopback, as a process of its own, and whoever signs in there."""

    issuer: str
    client: httpx.AsyncClient

    async def knows(self, sub: str, **claims: object) -> None:
        """From now on this is what it says of somebody."""
        answer = await self.client.put(f"/users/{sub}", json={"sub": sub, **claims})
        assert answer.is_success, answer.text

    async def sign_in(self, address: str, sub: str) -> str:
        """The page where one signs in, and where it sends the browser back to."""
        assert address.startswith(self.issuer)
        answer = await self.client.post(address, data={"sub": sub})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@asynccontextmanager
async def institution() -> AsyncIterator[Institution]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port),
        "--require-nonce", "true",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    issuer = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=issuer) as client:

            async def answers() -> bool:
                try:
                    return (await client.get("/jwks")).is_success
                except httpx.TransportError:
                    return False

            await until(answers, seconds=30)
            yield Institution(issuer, client)
    finally:
        process.terminate()
        await process.wait()


@dataclass(slots=True)
class World:
    address: Address
    there: Institution

    async def arrive(self, browser: Browser, sub: str) -> httpx.Response:
        """From the page for signing in, there and back."""
        return await browser.client.get(await self.way_back(browser, sub))

    async def way_back(self, browser: Browser, sub: str) -> str:
        """As far as the institution sends the browser back."""
        sent = await browser.client.get("/login/provider", follow_redirects=False)
        assert sent.status_code == 303
        return await self.there.sign_in(sent.headers["location"], sub)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_site: Site) -> AsyncIterator[World]:
    async with institution() as there:
        settings = {"oidc_issuer": there.issuer, "oidc_client_secret": SecretStr("any")}
        async with open_address(shared_site, *DIRECTORY, limits=settings) as address:
            yield World(address, there)


@pytest_asyncio.fixture(loop_scope="module")
async def browser(world: World) -> AsyncIterator[Browser]:
    """Somebody's, whom nobody knows; afterwards nobody has an account."""
    async with world.address.browser() as opened:
        yield opened
    await world.address.site.run("truncate referral.accounts cascade")


RIGHTS: dict[str, object] = {"siraba_organisation": "SHELTER_B", "siraba_role": "officer"}


async def test_an_institution_signs_its_people_in_with_the_rights_that_it_names(
    world: World, browser: Browser
) -> None:
    await world.there.knows("awa@example.org", **RIGHTS)
    assert "Se connecter par votre institution" in words(await browser.get("/login"))
    arrived = await world.arrive(browser, "awa@example.org")

    assert arrived.url.path == "/referral/"
    assert "SHELTER_B Référencements qui nous" in words(arrived)
    assert await is_in(browser)
    assert ASKED not in browser.client.cookies
    kept = await world.address.site.rows("select login, password, issuer from referral.accounts")
    assert (kept[0][0].startswith("oidc:"), kept[0][1:]) == (True, (None, world.there.issuer))
    assert "awa" not in str(kept)
    account = words(await browser.get("/referral/account"))
    assert "Votre institution vous connecte" in account
    assert "Changer le mot de passe" not in account
    # The same person is the same account; and what the institution says now is what counts.
    async with world.address.browser() as other:
        await world.there.knows("awa@example.org", **(RIGHTS | {"siraba_role": "focal_point"}))
        assert (await world.arrive(other, "awa@example.org")).url.path == "/referral/"
        assert [await is_in(one) for one in (other, browser)] == [True, False]
    roles = await world.address.site.rows("select role from referral.accounts")
    assert roles == [("focal_point",)]


STRANGERS: tuple[dict[str, object], ...] = (
    {}, {"siraba_organisation": "SHELTER_B"}, {"siraba_role": "officer"},
    RIGHTS | {"siraba_organisation": "NOBODY"}, RIGHTS | {"siraba_organisation": ["SHELTER_B"]},
    RIGHTS | {"siraba_role": "operator"}, RIGHTS | {"siraba_role": "system"},
    RIGHTS | {"siraba_role": "Officer"}, RIGHTS | {"siraba_role": ""},
)  # fmt: skip


async def test_whoever_has_no_organisation_and_role_here_stays_outside(
    world: World, browser: Browser
) -> None:
    for at, claims in enumerate(STRANGERS):
        await world.there.knows(f"p{at}", **claims)
        refused = await world.arrive(browser, f"p{at}")
        assert refused.status_code in (400, 403), claims
        assert SESSION not in browser.client.cookies
    await world.there.knows("p", **RIGHTS)
    await world.arrive(browser, "p")
    for taken, given in (
        ("update referral.accounts set disabled_at = now()", "update referral.accounts set disabled_at = null"),
        ("update referral.organisations set is_suspended = true", "update referral.organisations set is_suspended = false"),
    ):  # fmt: skip
        await world.address.site.run(taken)
        refused = await world.arrive(browser, "p")
        assert (refused.status_code, "ni organisation ni rôle" in words(refused)) == (403, True)
        assert not await is_in(browser)
        await world.address.site.run(given)
    assert await world.address.site.rows("select count(*) from referral.accounts") == [(1,)]


async def test_an_answer_fits_the_browser_that_asked_once_and_no_other(
    world: World, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.there.knows("p", **RIGHTS)
    async with world.address.browser() as thief:
        back = await world.way_back(browser, "p")
        query = dict(parse_qsl(urlsplit(back).query))
        wrong = [
            await thief.client.get(back),
            await browser.get("/login/provider/back", code=query["code"], state="f" * 64),
        ]
        # Whoever has asked, too, has asked something else.
        for changes in ({}, {"state": ""}, {"code": ""}, {"code": "x"}, {"code": "x" * 3000}):
            mine = await world.way_back(thief, "p")
            own = dict(parse_qsl(urlsplit(mine).query))
            stolen = query | changes if "state" in changes or not changes else own | changes
            wrong.append(await thief.get("/login/provider/back", **stolen))
        assert {one.status_code for one in wrong} == {400}
        assert [await is_in(one) for one in (browser, thief)] == [False, False]
        # The second of the browser's own questions is the only one that counts.
        assert (await world.arrive(browser, "p")).url.path == "/referral/"
        await browser.client.get(back)
        # The control: without the question whose answer it is, the thief signs the victim in as them.
        mine = await world.way_back(thief, "p")
        victim = thief.address.browser()
        async with victim as other:
            await other.client.get("/login/provider", follow_redirects=False)
            assert (await other.client.get(mine)).status_code == 400
            monkeypatch.setattr(provided, "_is_same", lambda *_: True)
            await other.client.get("/login/provider", follow_redirects=False)
            refused = await other.client.get(mine)
            # And then the nonce, which is in the token, still says that it was another's.
            assert refused.status_code == 400


async def test_leaving_here_leads_to_leaving_there(world: World, browser: Browser) -> None:
    await world.there.knows("p", **RIGHTS)
    page = await world.arrive(browser, "p")
    left = await browser.send("/leave", **hidden(page, "/leave"))
    assert (left.url.path, left.url.query) == ("/login", b"left=1")
    assert "Se déconnecter aussi de votre institution" in words(left)
    assert not await is_in(browser)
    there = await browser.client.get("/login/provider/leave", follow_redirects=False)
    address = urlsplit(there.headers["location"])
    assert f"{address.scheme}://{address.netloc}" == world.there.issuer
    assert dict(parse_qsl(address.query)) == {
        "client_id": "siraba", "post_logout_redirect_uri": f"{BASE}/login",
    }  # fmt: skip
    assert (
        await world.there.client.get(urljoin(world.there.issuer, address.path))
    ).status_code < 500


async def test_without_an_institution_there_is_no_way_there_and_one_that_is_away_is_said_to_be(
    shared_site: Site,
) -> None:
    async with open_address(shared_site, *DIRECTORY) as address, address.browser() as browser:
        for path in ("", "/back", "/leave"):
            assert (await browser.get(f"/login/provider{path}")).status_code == 404
        assert "votre institution" not in words(await browser.get("/login"))
        assert browser.client.headers["accept"] == HTML


async def test_an_institution_that_is_away_is_said_to_be(shared_site: Site) -> None:
    nowhere = {"oidc_issuer": "http://127.0.0.1:9"}
    async with (
        open_address(shared_site, *DIRECTORY, limits=nowhere) as address,
        address.browser() as one,
    ):
        for path in ("", "/leave"):
            told = await one.get(f"/login/provider{path}")
            assert (told.status_code, "ne répond pas" in words(told)) == (502, True)

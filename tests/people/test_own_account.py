"""People look after their own accounts: where they are open, the password, the codes."""

import base64
import re

import httpx
import pytest

from tests.people.address import PASSWORD, Address, Browser, words
from tests.people.shared_address import address, browser, shared_site
from tests.people.test_signing_in import SESSION, is_in

__all__ = ["address", "browser", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
#: What happened since the accounts of a test were made.
SINCE = "at >= (select min(made_at) from referral.accounts)"
ACCOUNT = "/referral/account"
NEW = "trois-chameaux-au-bord-du-fleuve"


async def fresh_code(browser: Browser) -> str:
    """The code shown now, as if none had been used yet: a test has no half minute to wait."""
    await browser.address.site.run("update referral.accounts set code_step = 0")
    return browser.code()


async def change(browser: Browser, **changes: str) -> httpx.Response:
    page = await browser.get(ACCOUNT)
    said = {"password": PASSWORD, "code": await fresh_code(browser), "new": NEW, "again": NEW}
    return await browser.press(page, f"{ACCOUNT}/password", **(said | changes))


async def test_one_sees_where_one_is_signed_in_and_ends_one_or_all_others(
    address: Address, browser: Browser
) -> None:
    await browser.arrive("a.diarra")
    async with address.browser() as second, address.browser() as third:
        for other in (second, third):
            other.key = browser.key
            await other.log_in("a.diarra", code=await fresh_code(browser))
        page = await browser.get(ACCOUNT)
        assert (words(page).count("Sur un autre appareil"), words(page).count(" Ici ")) == (2, 1)
        assert browser.client.cookies[SESSION] not in page.text

        # The newest is the first of the list.
        await browser.press(page, f"{ACCOUNT}/sessions")
        assert [await is_in(one) for one in (browser, second, third)] == [True, True, False]
        page = await browser.get(ACCOUNT)
        await browser.press(page, f"{ACCOUNT}/sessions", session="others")
        assert [await is_in(one) for one in (browser, second)] == [True, False]


async def test_nobody_ends_the_session_of_somebody_else(address: Address, browser: Browser) -> None:
    await browser.arrive("a.diarra")
    async with address.browser() as other:
        await other.arrive("b.keita")
        query = (
            "select encode(digest, 'hex') from referral.sessions join referral.accounts"
            " using (account_id) where login = 'b.keita'"
        )
        ((theirs,),) = await address.site.rows(query)
        page = await browser.get(ACCOUNT)
        form = re.search(r'name="session_form" value="(\w+)"', page.text)
        assert form is not None
        for session in (theirs, "x", "", "ff", "others"):
            sent = {"session_form": form[1], "session": session}
            assert (await browser.send(f"{ACCOUNT}/sessions", **sent)).status_code == 200
        assert [await is_in(one) for one in (browser, other)] == [True, True]


async def test_a_new_password_asks_for_the_old_one_and_a_code_and_ends_the_other_sessions(
    address: Address, browser: Browser
) -> None:
    await browser.arrive("a.diarra")
    async with address.browser() as other:
        other.key = browser.key
        await other.log_in("a.diarra", code=await fresh_code(browser))
        refused = [
            await change(browser, password="les-moutons-de-kati"),
            await change(browser, code="000000"),
            await change(browser, code=""),
            await change(browser, new="court", again="court"),
            await change(browser, again="les-moutons-de-kati"),
        ]
        assert {one.status_code for one in refused} == {422}
        assert await is_in(other)
        changed = await change(browser)

        assert "Le mot de passe est changé" in words(changed)
        assert [await is_in(one) for one in (browser, other)] == [True, False]
        code = await fresh_code(browser)
        assert (await other.log_in("a.diarra", code=code)).status_code == 401
        entered = await other.log_in("a.diarra", password=NEW, code=await fresh_code(browser))
        assert entered.url.path == "/referral/"
    actions = await address.site.rows(
        f"select action from referral.audit where action like 'account%' and {SINCE}"
    )
    assert ("account.password_changed",) in actions


async def test_whoever_found_an_open_browser_and_guesses_makes_the_account_rest(
    browser: Browser,
) -> None:
    await browser.arrive("a.diarra")
    guesses = [await change(browser, password=f"les-moutons-{at}") for at in range(5)]
    right = await change(browser)
    assert {one.status_code for one in (*guesses, right)} == {422}
    rests = await browser.address.site.rows("select rests_until > now() from referral.accounts")
    assert rests == [(True,)]


async def test_codes_move_to_a_new_telephone_and_the_old_one_opens_nothing(
    browser: Browser,
) -> None:
    await browser.arrive("a.diarra")
    old = browser.key
    page = await browser.get(f"{ACCOUNT}/codes")
    shown = re.search(r"secret=([A-Z2-7]+)", page.text)
    assert shown is not None
    new = base64.b32decode(shown[1])
    code = await fresh_code(browser)
    browser.key = new
    said = {"password": PASSWORD, "code": code, "new_code": browser.code()}
    wrong = (("new_code", "000000"), ("code", "000000"), ("password", "x"))
    refused = [
        await browser.press(page, f"{ACCOUNT}/codes", **(said | {name: text}))
        for name, text in wrong
    ]
    assert [one.status_code for one in refused] == [422, 422, 422]
    taken = await browser.press(page, f"{ACCOUNT}/codes", **said)
    assert "Les codes sont nouveaux" in words(taken)

    for key, status in ((old, 401), (new, 200)):
        browser.key = key
        code = await fresh_code(browser)
        assert (await browser.log_in("a.diarra", code=code)).status_code == status


async def test_a_key_that_was_shown_to_somebody_else_is_not_taken(
    address: Address, browser: Browser
) -> None:
    await browser.arrive("a.diarra")
    page = await browser.get(f"{ACCOUNT}/codes")
    async with address.browser() as other:
        await other.arrive("b.keita")
        theirs = re.search(
            r'name="sealed" value="([^"]+)"', (await other.get(f"{ACCOUNT}/codes")).text
        )
    assert theirs is not None
    for sealed in (theirs[1], "", "x", "A" * 64):
        sent = await browser.press(page, f"{ACCOUNT}/codes", sealed=sealed, password=PASSWORD)
        assert sent.status_code == 422
    assert await address.site.rows(
        f"select count(*) from referral.audit where action like '%renewed' and {SINCE}"
    ) == [(0,)]

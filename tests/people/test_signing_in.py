"""People come in by an account of their own, and nobody comes in by anybody else's."""

import asyncio
import json
import re
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from contracts.passes import HEADER
from deploy.cli import app
from deploy.state import State, write_secret
from tests.builders import an_organisation
from tests.parts import Site
from tests.people.address import BASE, Address, Browser, hidden, open_address, words
from tests.people.shared_address import address, browser, shared_site

__all__ = ["address", "browser", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter", channel="desk"),
)
SESSION = "siraba_person"


async def is_in(browser: Browser) -> bool:
    """Whether the dossiers open."""
    return (await browser.get("/intake/")).status_code == 200


async def test_an_invitation_becomes_an_account_that_opens_the_pages_of_every_service(
    browser: Browser,
) -> None:
    first = await browser.get("/")
    arrived = await browser.arrive("a.diarra")

    assert (first.url.path, "Se connecter" in words(first)) == ("/login", True)
    assert arrived.url.path == "/referral/"
    assert "SHELTER_B Référencements qui nous" in words(arrived)
    assert "SHELTER_B Dossiers ouverts" in words(await browser.get("/intake/"))
    looks = await browser.address.site.rows(
        "select organisation, role, person is not null from intake.audit"
    )
    assert looks == [("SHELTER_B", "focal_point", True)]
    audited = await browser.address.site.rows(
        "select action, outcome from referral.audit where action not like 'desk%'"
    )
    assert sorted(audited) == [
        ("account.invited", "shown"), ("account.joined", "shown"), ("session.opened", "shown"),
    ]  # fmt: skip


async def test_the_session_is_shown_to_referral_alone_and_no_pass_of_a_client_goes_through(
    browser: Browser,
) -> None:
    await browser.arrive("a.diarra")
    browser.address.behind.seen.clear()
    forged = await browser.client.get("/intake/", headers={HEADER: "e30.siraba-1.x"})
    assert forged.status_code == 200

    ours = browser.client.cookies[SESSION]
    asked, sent = browser.address.behind.seen
    assert (asked.url.path, ours in asked.headers["cookie"]) == ("/referral/session_pass", True)
    assert ours not in str(sent.headers.raw)
    assert sent.headers.get_list(HEADER) == [sent.headers[HEADER]]
    assert sent.headers[HEADER] != "e30.siraba-1.x"
    inside = await browser.get("/referral/session_pass", audience="intake")
    assert (inside.status_code, "siraba-1" in inside.text) == (404, False)
    # Another service's pass opens nothing here.
    other = await browser.address.behind.handle_async_request(
        httpx.Request("GET", "http://referral/referral/login", headers=sent.headers)
    )
    assert b"Se connecter" in await other.aread()


async def test_an_invitation_works_once_and_not_after_its_time(browser: Browser) -> None:
    secret = await browser.address.invite("a.diarra")
    assert (await browser.get("/join", token=secret)).status_code == 200
    await browser.join(secret)
    again = await browser.get("/join", token=secret)
    late = await browser.address.invite("b.keita")
    await browser.address.site.run(
        "update referral.accounts set invited_until = now() where login = 'b.keita'"
    )

    assert [again.status_code, (await browser.get("/join", token=late)).status_code] == [404, 404]
    assert (await browser.get("/join", token="")).status_code == 404


WEAK = (
    ("court", "court", "au moins douze"),
    ("x" * 201, "x" * 201, "200 caractères"),
    ("a.diarra-a.diarra", "a.diarra-a.diarra", "trop facile"),
    ("aaaaaaaaaaaaaa", "aaaaaaaaaaaaaa", "trop facile"),
    ("les-moutons-de-kita", "les-moutons-de-kati", "de deux façons"),
)


async def test_a_weak_password_is_refused_by_its_rule(browser: Browser) -> None:
    secret = await browser.address.invite("a.diarra")
    for password, again, said in WEAK:
        refused = await browser.join(secret, password=password, again=again)
        assert (refused.status_code, said in words(refused)) == (422, True)
        assert f'value="{password}"' not in refused.text
    assert (await browser.join(secret)).url.path == "/login"


async def test_wrong_tries_say_one_thing_and_make_the_account_rest(browser: Browser) -> None:
    await browser.join(await browser.address.invite("a.diarra"))
    unknown = await browser.log_in("nobody")
    tries = [
        await browser.log_in("a.diarra", password="les-moutons-de-kati"),
        await browser.log_in("a.diarra", code="000000"),
        await browser.log_in("a.diarra", password=""),
        await browser.log_in("a.diarra", code=""),
        await browser.log_in("a.diarra", code="x' or 1=1"),
    ]
    right = await browser.log_in("a.diarra")

    assert {one.status_code for one in (unknown, *tries, right)} == {401}
    assert len({one.text for one in (unknown, *tries, right)}) == 1
    rests = "select failures, rests_until > now() from referral.accounts"
    assert await browser.address.site.rows(rests) == [(5, True)]
    await browser.address.site.run("update referral.accounts set rests_until = now()")
    assert (await browser.log_in("a.diarra")).url.path == "/referral/"


async def test_a_code_opens_once(browser: Browser) -> None:
    await browser.join(await browser.address.invite("a.diarra"))
    code = browser.code()
    assert (await browser.log_in("a.diarra", code=code)).status_code == 200
    assert (await browser.log_in("a.diarra", code=code)).status_code == 401
    assert (await browser.log_in("a.diarra", code=browser.code(ahead=1))).status_code == 200


async def test_signing_in_changes_the_session_and_ends_the_one_before(browser: Browser) -> None:
    browser.client.cookies.set(SESSION, "f" * 64, domain="siraba.example")
    await browser.arrive("a.diarra")
    first = browser.client.cookies[SESSION]
    assert first != "f" * 64
    await browser.log_in("a.diarra", code=browser.code(ahead=1))

    assert browser.client.cookies[SESSION] != first
    browser.client.cookies.set(SESSION, first, domain="siraba.example")
    assert await browser.address.site.rows("select count(*) from referral.sessions") == [(1,)]


TAKEN_AWAY = (
    ("accounts", "disabled_at = now()", "disabled_at = null"),
    ("organisations", "is_suspended = true", "is_suspended = false"),
    ("organisations", "removed_at = now()", "removed_at = null"),
    ("accounts", "role = 'analyst'", "role = 'officer'"),
    ("accounts", "organisation = 'NOBODY'", "organisation = 'SHELTER_B'"),
    ("sessions", "signed_in_at = now() - interval '31 minutes'", "signed_in_at = now()"),
    ("sessions", "signed_in_at = now() - interval '601 minutes'", "signed_in_at = now()"),
    ("sessions", "digest = sha256(digest)", None),
)


async def test_what_is_taken_away_counts_at_the_next_request(browser: Browser) -> None:
    await browser.arrive("a.diarra")
    for table, taken, given in TAKEN_AWAY:
        assert await is_in(browser)
        await browser.address.site.run(f"update referral.{table} set {taken}")
        assert not await is_in(browser), taken
        if given:
            await browser.address.site.run(f"update referral.{table} set {given}")


async def test_who_does_nothing_for_half_an_hour_is_out(browser: Browser) -> None:
    await browser.arrive("a.diarra")
    ages = {"29 minutes": True, "31 minutes": False}
    for age, expected in ages.items():
        await browser.address.site.run(
            f"update referral.sessions set seen_at = now() - interval '{age}'"
        )
        assert await is_in(browser) is expected


@pytest.mark.parametrize(("asked_by", "stays"), [("document", True), ("empty", False)])
async def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(
    browser: Browser, asked_by: str, stays: bool
) -> None:
    await browser.arrive("a.diarra")
    answers = []
    for age in (29, 2):
        await browser.address.site.run(
            f"update referral.sessions set seen_at = seen_at - interval '{age} minutes'"
        )
        asked = await browser.client.get("/intake/", headers={"sec-fetch-dest": asked_by})
        answers.append(asked.status_code == 200)
    assert answers == [True, stays]


async def test_leaving_ends_the_session_and_not_only_the_cookie(browser: Browser) -> None:
    page = await browser.arrive("a.diarra")
    session = browser.client.cookies[SESSION]
    # One without the session's word is nobody's.
    for word in ("", "0" * 64):
        assert (await browser.send("/leave", session_form=word)).status_code == 403
    left = await browser.press(await browser.get("/login"), "/leave")
    assert page.status_code == 200
    assert left.url.path == "/login"
    assert left.history[0].headers["clear-site-data"] == '"cache", "storage"'
    assert SESSION not in browser.client.cookies
    browser.client.cookies.set(SESSION, session, domain="siraba.example")
    assert not await is_in(browser)


FOREIGN: tuple[dict[str, str], ...] = (
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": f"{BASE}.evil.example"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "none"}, {"origin": BASE, "sec-fetch-site": "cross-site"}, {},
    {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
)  # fmt: skip


async def test_a_form_from_elsewhere_signs_nobody_in_or_out(browser: Browser) -> None:
    page = await browser.arrive("a.diarra")
    form = hidden(page, "/leave") | {"login": "a.diarra", "password": "x", "code": "1"}
    for headers in FOREIGN:
        for path in ("/login", "/leave", "/join"):
            answer = await browser.client.post(path, data=form, headers=headers)
            assert answer.status_code == 403
    assert await is_in(browser)


async def test_behind_tls_the_cookie_is_this_hosts_alone(browser: Browser) -> None:
    site = browser.address.site
    async with (
        open_address(site, *DIRECTORY, secure=True, full_hashes=True) as opened,
        opened.browser("https://siraba.example") as secure,
    ):
        await secure.arrive("a.diarra")
        kept = await site.rows("select password from referral.accounts")
        assert str(kept[0][0]).startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        (cookie,) = secure.client.cookies.jar
        assert (cookie.name, cookie.secure, cookie.path) == ("__Host-siraba", True, "/")
        assert not cookie.domain_specified
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert await is_in(secure)
        page = await secure.get("/intake/", lang="fr")
        assert page.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert "Secure" in page.headers["set-cookie"]
        secure.client.cookies.delete("siraba_lang")
        # What loopback uses is nothing here: a neighbour of the host could have set it.
        secure.client.cookies.clear()
        secure.client.cookies.set(SESSION, cookie.value or "", domain="siraba.example")
        assert not await is_in(secure)


async def test_while_referral_is_away_nobody_is_signed_in(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.arrive("a.diarra")
    monkeypatch.delitem(browser.address.behind._apps, "referral")
    assert not await is_in(browser)


async def test_an_operator_invites_lists_and_disables_people(
    address: Address, browser: Browser, tmp_path: Path
) -> None:
    state = running_on(address.site, tmp_path)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["user", *words, "--state-dir", str(state)])
        assert result.exit_code == 0, result.output
        return result.output

    async def told(*words: str) -> str:
        return await asyncio.to_thread(run, *words)

    said = await told("invite", "a.diarra", "--organisation", "SHELTER_B")
    secret = re.search(r"http://siraba.example/join\?token=(\S+)", said)
    assert secret is not None
    assert "invited" in await told("list")
    await browser.join(secret[1])
    assert (await browser.log_in("a.diarra")).url.path == "/referral/"
    assert "joined" in await told("list")
    await told("disable", "a.diarra")
    assert not await is_in(browser)
    assert "disabled" in await told("list")


CANNOT = (
    (("invite", "A Diarra", "--organisation", "SHELTER_B"), "a name has 2 to 40"),
    (("invite", "a.diarra", "--organisation", "NOBODY"), "no such organisation"),
    (("invite", "a.diarra", "--organisation", "SHELTER_B", "--role", "system"), "the role must"),
    (("invite", "b.keita", "--organisation", "POLICE_A"), "another organisation"),
    (("disable", "nobody"), "nobody signs in"),
)


async def test_what_cannot_be_done_is_said_to_the_operator(
    browser: Browser, tmp_path: Path
) -> None:
    state = str(running_on(browser.address.site, tmp_path))
    first = ["user", "invite", "b.keita", "--organisation", "SHELTER_B", "--state-dir", state]
    assert (await asyncio.to_thread(CliRunner().invoke, app, first)).exit_code == 0
    for said, why in CANNOT:
        given = ["user", *said, "--state-dir", state]
        result = await asyncio.to_thread(CliRunner().invoke, app, given)
        assert (result.exit_code, why in result.output) == (1, True), result.output


def running_on(site: Site, folder: Path) -> Path:
    """A state folder that says a platform runs on this database."""
    state = State(folder / "state")
    state.prepare()
    url = make_url(site.database.url("referral_work"))
    write_secret(state.secrets / "postgres-referral_work.password", url.password or "")
    status = {
        "front_url": "http://siraba.example",
        "database": {"host": url.host, "port": url.port, "database": url.database},
    }
    write_secret(state.status_file, json.dumps(status))
    return state.root

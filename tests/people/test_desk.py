"""The desk of an organisation: what waits, what is known, accept or decline in two taps."""

import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from tests.people.address import Address, Browser, hidden, words
from tests.people.shared_address import address, shared_site
from tests.referral.offices import open_office

__all__ = ["address", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
OF_ITS_CASE = "case_id = (select case_id from referral.referrals where referral_id = :id)"
CASE = {"age_band": "25-34", "needs": ["shelter"], "safety": ["do_not_call"]}


#: Nobody has an account, a referral or a count of places any more.
CLEARED = (
    "truncate referral.accounts cascade",
    "update referral.referrals set organisation = 'GONE'",
    "delete from referral.places",
)


@pytest_asyncio.fixture(loop_scope="module")
async def browser(address: Address) -> AsyncIterator[Browser]:
    async with address.browser() as opened:
        await opened.arrive("a.diarra")
        yield opened
    for statement in CLEARED:
        await address.site.run(statement)


async def offered(address: Address, **facts: object) -> UUID:
    """A case that SHELTER_B is asked about."""
    async with open_office(address.site.database, seed=uuid4().int % 10_000) as office:
        await office.offer(CASE | facts)
        return await office.open_offer("SHELTER_B")


async def state(address: Address, referral_id: UUID) -> str:
    """How the referral stands."""
    query = "select state from referral.referrals where referral_id = :id"
    return str((await address.site.rows(query, id=referral_id))[0][0])


async def tap(browser: Browser, page: httpx.Response, verb: str, **form: str) -> httpx.Response:
    """Press the button of a referral's page."""
    return await browser.press(page, f"{page.url.path}/{verb}", **form)


async def test_from_the_inbox_two_taps_accept_and_the_service_is_followed_to_its_end(
    browser: Browser,
) -> None:
    referral_id = await offered(browser.address)
    inbox = await browser.get("/referral/")
    (link,) = re.findall(r'href="(/referral/desk/[^"]+)"', inbox.text)
    page = await browser.get(link)
    assert "Ne pas téléphoner" in words(page)
    assert "Ce que l’on sait à ce stade Sexe Féminin Âge 25 à 34 ans" in words(page)
    assert "dossiers" not in page.text.replace("/intake/", "")

    accepted = await tap(browser, page, "accept")
    assert (accepted.status_code, await state(browser.address, referral_id)) == (200, "accepted")
    assert f'href="/intake/dossiers/{referral_id}"' in accepted.text
    started = await tap(browser, accepted, "start")
    delivered = await tap(browser, started, "deliver")

    assert await state(browser.address, referral_id) == "delivered"
    assert "plus rien n’est montré de la personne" in words(delivered)
    assert "25 à 34" not in delivered.text
    assert "Rendu" in words(await browser.get("/referral/"))
    events = await browser.address.site.rows(
        "select name from referral.outbox where name like 'referral.%' and organisation is null"
        f" and {OF_ITS_CASE} order by position",
        id=referral_id,
    )
    assert [name for (name,) in events] == [
        "referral.offered", "referral.accepted", "referral.started", "referral.delivered",
    ]  # fmt: skip
    looks = await browser.address.site.rows(
        "select action from referral.audit where person is not null and case_id is not null"
        f" and action <> 'desk.opened' and {OF_ITS_CASE} order by at",
        id=referral_id,
    )
    assert looks == [("desk.accept",), ("desk.start",), ("desk.deliver",)]


async def test_a_decline_needs_a_reason_and_the_next_is_asked(browser: Browser) -> None:
    referral_id = await offered(browser.address)
    page = await browser.get(f"/referral/desk/{referral_id}")
    for reason in ({}, {"reason": ""}, {"reason": "tired"}, {"reason": "no_show"}):
        refused = await tap(browser, page, "decline", **reason)
        assert (refused.status_code, "choisir un motif" in words(refused)) == (422, True)
    assert await state(browser.address, referral_id) == "offered"

    await tap(browser, page, "decline", reason="capacity")
    assert await state(browser.address, referral_id) == "declined"
    query = f"select organisation from referral.referrals where state = 'offered' and {OF_ITS_CASE}"
    assert await browser.address.site.rows(query, id=referral_id) == [("SHELTER_C",)]


async def test_what_is_pressed_twice_or_too_late_is_said_and_changes_nothing(
    browser: Browser,
) -> None:
    referral_id = await offered(browser.address)
    page = await browser.get(f"/referral/desk/{referral_id}")
    await tap(browser, page, "accept")
    again = await tap(browser, page, "accept")
    late = await tap(browser, page, "decline", reason="capacity")

    assert (again.status_code, late.status_code) == (409, 409)
    assert "Ce n’est plus possible" in words(late)
    assert await state(browser.address, referral_id) == "accepted"
    told = f"select count(*) from referral.outbox where name = 'request.refused' and {OF_ITS_CASE}"
    assert await browser.address.site.rows(told, id=referral_id) == [(0,)]


async def test_another_organisations_referral_is_as_one_that_is_not(browser: Browser) -> None:
    referral_id = await offered(browser.address)
    async with browser.address.browser() as other:
        await other.arrive("b.keita", organisation="SHELTER_C")
        form = {"session_form": hidden(await other.get("/referral/"), "/leave")["session_form"]}
        answers = [
            (await other.get(f"/referral/desk/{one}"), await other.send(f"/referral/desk/{one}/accept", **form))
            for one in (referral_id, uuid4())
        ]  # fmt: skip
    assert {one.status_code for pair in answers for one in pair} == {404}
    assert len({one.text for pair in answers for one in pair}) == 1
    assert await state(browser.address, referral_id) == "offered"


async def test_the_most_urgent_comes_first_with_the_time_that_is_left(browser: Browser) -> None:
    slow = await offered(browser.address, urgency="normal_14d")
    fast = await offered(browser.address, urgency="vital_1h")
    await browser.address.site.run(
        "update referral.referrals set offered_at = offered_at - interval '30 minutes'"
        " where urgency = 'vital_1h'"
    )
    inbox = await browser.get("/referral/", lang="en")
    assert re.findall(r"/desk/([0-9a-f-]{36})", inbox.text) == [str(fast), str(slow)]
    assert re.search(r"Vital \(1 h\) (29|30) min left", words(inbox)) is not None
    assert re.search(r"(14 days|13 days 23 hr) left", words(inbox)) is not None


async def counted_at(address: Address) -> list[tuple[object, ...]]:
    """When the shelter counted, and how many places are free."""
    rows = await address.site.rows("select counted_at, free from referral.places")
    return [tuple(row) for row in rows]


async def test_a_focal_point_counts_places_once_and_nobody_is_promised_more(
    browser: Browser,
) -> None:
    page = await browser.get("/referral/room")
    form = "/referral/room/shelter"
    for wrong in ({"places": "1", "free": "2"}, {"places": "-1", "free": "0"},
                  {"places": "²", "free": "0"}, {"places": "10001", "free": "0"}, {}):  # fmt: skip
        assert (await browser.press(page, form, **wrong)).status_code == 422
    counted = await browser.press(page, form, places="4", free="1")
    assert "1 sur 4 libres" in words(counted)
    at = await counted_at(browser.address)
    for changed, status in (({"free": "1"}, 200), ({"free": "3"}, 409), ({"key": "x"}, 400)):
        again = await browser.press(page, form, **({"places": "4", "free": "1"} | changed))
        assert again.status_code == status
    assert await counted_at(browser.address) == at

    first, second = [await offered(browser.address) for _ in range(2)]
    await tap(browser, await browser.get(f"/referral/desk/{first}"), "accept")
    full = await tap(browser, await browser.get(f"/referral/desk/{second}"), "accept")
    assert (full.status_code, "aucune place" in words(full)) == (409, True)
    assert await state(browser.address, second) == "declined"
    foreign = await browser.press(page, form, places="4", free="1", session_form="0" * 64)
    assert foreign.status_code == 403


async def test_officers_answer_and_only_the_focal_point_counts(address: Address) -> None:
    async with address.browser() as officer:
        await officer.arrive("o.traore", role="officer")
        page = await officer.get("/referral/room")
        assert 'action="/referral/room/' not in page.text
        form = hidden(page, "/leave") | {"places": "1", "free": "1"}
        assert (await officer.send("/referral/room/shelter", **form)).status_code == 403
    async with address.browser() as analyst:
        await analyst.arrive("m.cisse", organisation="POLICE_A", role="analyst")
        assert (await analyst.get("/referral/")).status_code == 403

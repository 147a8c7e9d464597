"""With a browser alone an incident's owner sees where each person would go, says otherwise, and sends it, each once."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from tests.builders import an_organisation, coded_facts
from tests.parts import Site, until
from tests.people.access_world import by_token
from tests.people.address import Address, Browser, hidden, open_address, words
from tests.people.attacks import MARKUP, active_in
from tests.people.chromium import PHONE, chromium, window
from tests.people.hands import Keyboard
from tests.people.looking import AXE, Looker, found
from tests.people.persons import Person
from tests.people.shared_address import owner, shared_site, shelter
from tests.people.test_late_forms import late
from tests.people.untranslated import BothLanguages, same_in_both
from tests.serving import serving

__all__ = ["owner", "shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("lifecycle"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter", channel="desk"),
    an_organisation(
        "SHELTER_C", "shelter", "shelter", channel="desk", region="01", zones=("01", "12")
    ),
    an_organisation("HEALTH_E", "health", "health", channel="desk"),
)
YES = [{"recipient_kind": "shelter", "state": "given", "by": "person"}]
SESSION = "siraba_person"
PICTURES = Path(__file__).parents[2] / "build" / "screenshots" / "plans"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    async with open_address(shared_site, *DIRECTORY) as opened:
        yield opened


def a_person(**changes: Any) -> dict[str, Any]:
    usual = {"region": "12", "age_band": "25-34", "needs": ["shelter"], "urgency": "urgent_72h"}
    return coded_facts(**usual | {"consent": YES} | changes)


async def found_together(address: Address, *persons: dict[str, Any]) -> str:
    """The page of the plan of an incident of these."""
    incident = {"detected_on": "2026-11-20", "region": "12", "persons": list(persons)}
    headers = by_token("intake", "POLICE_A", "officer") | {"Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(transport=address.behind) as client:
        answer = await client.post("http://intake/intake/incidents", json=incident, headers=headers)
    assert answer.status_code == 202, answer.text
    return f"/referral/plans/{answer.json()['incident_id']}"


async def planned(owner: Browser, at: str) -> httpx.Response:
    """The page once there is a plan."""

    async def is_planned() -> httpx.Response | None:
        page = await owner.get(at)
        return page if f'action="{at}/sending"' in page.text else None

    found: httpx.Response = await until(is_planned)
    return found


def lines(page: httpx.Response) -> list[tuple[str, str]]:
    """(field, where she would go or no place) of each person."""
    cards = re.findall(r'<li class="card.*?</li>', page.text, re.DOTALL)
    told = [
        (re.search(r'<select id="[^"]*" name="([^"]*)"', one), re.search(r"<strong>(\w+)<", one))
        for one in cards
    ]
    return [(field[1], there[1] if there else "no place") for field, there in told if field]


async def kept(address: Address, at: str) -> tuple[str, int]:
    """State and version of the plan."""
    query = "select state, version from referral.groups where incident_id = :id"
    ((state, version),) = await address.site.rows(query, id=at.rpartition("/")[2])
    return str(state), int(version)


async def asked(address: Address, at: str) -> list[str]:
    """Who was asked for the persons of an incident."""
    query = (
        "select organisation from referral.referrals join referral.group_cases using (case_id)"
        " where incident_id = :id order by 1"
    )
    return [code for (code,) in await address.site.rows(query, id=at.rpartition("/")[2])]


async def twice_at_once(owner: Browser, page: httpx.Response, path: str, **form: str) -> str:
    """A form is sent twice at once; what the second is shown."""
    both = await asyncio.gather(*(owner.press(page, path, **form) for _ in range(2)))
    assert [one.status_code for one in both] == [200, 200], words(both[1])
    return words(both[1])


async def test_the_owner_sees_why_says_otherwise_and_sends_it_each_once(
    owner: Browser, address: Address
) -> None:
    family = {"family": "K"}
    persons = a_person(**family), a_person(**family, age_band="18-24"), a_person(consent=[])
    at = await found_together(address, *persons)
    page = await planned(owner, at)
    read, before = words(page), dict(lines(page))
    assert sorted(before.values()) == ["SHELTER_B", "SHELTER_B", "no place"]
    assert "La place est dans la région de la personne." in read
    assert "Ni consentement ni autre motif ne permet d’informer : SHELTER_B, SHELTER_C." in read
    assert (read.count("Famille 1"), "Féminin, 18 à 24 ans" in read) == (2, True)
    assert f'href="{at}"' in (await owner.get("/referral/")).text
    case = next(field for field in before).partition(" ")[0]
    assert f'href="/intake/mine/{case}"' in page.text
    assert "ML-12" not in page.text
    together = await owner.get(f"/intake/together/{at.rpartition('/')[2]}")
    assert f'href="{at}"' in together.text

    pinned = {next(field for field, there in before.items() if there == "SHELTER_B"): "+SHELTER_C"}
    assert "refait selon ce que vous voulez" in await twice_at_once(
        owner, page, f"{at}/wishes", **pinned
    )
    assert await kept(address, at) == ("planned", 2)
    page = await owner.get(at)
    assert sorted(dict(lines(page)).values()) == ["SHELTER_C", "SHELTER_C", "no place"]
    assert "a choisi cette place" in words(page)
    assert await asked(address, at) == [], "nobody is asked before it is sent"

    assert "les demandes sont en route" in await twice_at_once(owner, page, f"{at}/sending")
    assert await asked(address, at) == ["SHELTER_C", "SHELTER_C"]
    late = await owner.press(page, f"{at}/wishes", **pinned)
    assert (late.status_code, "n’attend plus" in words(late)) == (409, True)
    looks = "select count(distinct case_id) from referral.audit where action = 'plan' and shown = 1"
    assert await address.site.rows(looks) == [(3,)]


async def test_what_cannot_be_is_named_where_it_was_wanted_and_the_plan_stays(
    owner: Browser, shelter: Browser, address: Address
) -> None:
    at = await found_together(address, a_person(), a_person(consent=[]))
    page = await planned(owner, at)
    placed, left = sorted(
        dict(lines(page)), key=lambda field: dict(lines(page))[field] == "no place"
    )
    refused = await owner.press(page, f"{at}/wishes", **{left: "+SHELTER_C", placed: "-SHELTER_B"})
    assert (refused.status_code, "ne peut pas être suivi" in words(refused)) == (422, True)
    assert "Ni consentement ni autre motif ne permet d’informer : SHELTER_C." in words(refused)
    assert re.findall(r'aria-describedby="fault-wish-([^"]+)"', refused.text) == [
        left.replace(" ", "-")
    ]
    assert 'value="-SHELTER_B" selected' in refused.text, "what was wanted stands there still"
    for markup in MARKUP[:3]:
        for wrong in ({placed: markup}, {f"{uuid4()} shelter": "+SHELTER_B"}, {"apart": markup}):
            shown = await owner.press(page, f"{at}/wishes", **wrong)
            assert (shown.status_code, active_in(shown.text)) == (422, [])
    stale = await owner.press(page, f"{at}/sending", version="9")
    keyless = await owner.press(page, f"{at}/sending", key="x")
    assert (stale.status_code, keyless.status_code) == (409, 400)
    assert await kept(address, at) == ("planned", 1)

    there = [await shelter.get(one) for one in (at, f"/referral/plans/{uuid4()}")]
    sent = await shelter.send(f"{at}/sending", **hidden(await shelter.get("/referral/"), "/leave"))
    assert [one.status_code for one in (*there, sent)] == [404, 404, 404]
    assert there[0].text == there[1].text
    async with address.browser() as officer:
        await officer.arrive("b.keita", organisation="POLICE_A", role="officer")
        assert (await officer.get(at)).status_code == 403
        assert at not in (await officer.get(f"/intake/together/{at.rpartition('/')[2]}")).text


async def test_a_consent_that_came_since_counts_and_a_late_form_comes_back_as_it_was(
    owner: Browser, address: Address
) -> None:
    at = await found_together(address, a_person(consent=[]))
    page = await planned(owner, at)
    ((field, there),) = lines(page)
    assert there == "no place"
    case = f"/intake/mine/{field.partition(' ')[0]}"
    heard = await owner.get(f"{case}/consent")
    await owner.press(heard, f"{case}/consent", authority="person", consent_shelter="given")
    known = "select 1 from referral.cases where case_id = :id and decided::text like '%shelter%'"
    await until(lambda: address.site.rows(known, id=field.partition(" ")[0]))
    again = await owner.press(page, f"{at}/wishes")
    assert lines(again) == [(field, "SHELTER_B")]

    kept_back = await late(owner, again, f"{at}/wishes", **{field: "+SHELTER_C"})
    shown = await owner.send("/referral/again", kept=kept_back)
    assert (shown.status_code, "Vous êtes reconnecté" in words(shown)) == (200, True)
    assert 'value="+SHELTER_C" selected' in shown.text
    assert await kept(address, at) == ("planned", 2)
    sent = await owner.press(shown, f"{at}/wishes", **{field: "+SHELTER_C"})
    assert lines(sent) == [(field, "SHELTER_C")]


async def test_every_state_of_the_page_can_be_seen_and_worked_with_the_keyboard(
    owner: Browser, address: Address
) -> None:
    family = {"family": "K"}
    persons = a_person(**family), a_person(**family, age_band="18-24"), a_person(consent=[])
    at, looker = await found_together(address, *persons), Looker(PICTURES)
    await planned(owner, at)
    async with (
        serving(read := BothLanguages(address.front, same_in_both())) as base,
        chromium() as browser,
        window(browser, base, PHONE) as page,
    ):
        session = owner.client.cookies[SESSION]
        await page.context.add_cookies([{"name": SESSION, "value": session, "url": base}])
        hand = Keyboard(page)
        person = Person(page, hand)
        await page.goto("/referral/")
        await person.follow(f'a[href="{at}"]')
        await looker.look(page, "planned")
        again = page.locator('form[action$="/wishes"] > p button')
        await person.hand.pick(page.locator("select").first, "+SHELTER_C")
        await person.follow(again)
        await looker.look(page, "not-possible")
        await person.hand.pick(page.locator("select").nth(1), "-SHELTER_B")
        await page.locator("select").first.select_option("")
        await person.follow(again)
        await person.follow('form[action$="/sending"] button')
        await looker.look(page, "sent")
        waiting = "insert into referral.groups (incident_id, owner) values (:id, 'POLICE_A')"
        await address.site.run(waiting, id=(other := uuid4()))
        await page.goto(f"/referral/plans/{other}")
        await looker.look(page, "gathering")
        await page.goto(at)
        await page.evaluate(AXE.read_text("utf-8"))
        await page.evaluate("() => document.documentElement.removeAttribute('lang')")
        spoilt = await found(page)

    assert await asked(address, at) == ["SHELTER_C", "SHELTER_C"]
    assert [*looker.violations, *looker.overflows, *hand.unseen, *read.standing] == []
    assert (spoilt != [], read.compared >= 6) == (True, True)

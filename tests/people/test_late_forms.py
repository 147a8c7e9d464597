"""A form that comes after the session is shown again, filled in, to its own person, and only to them."""

import re
from uuid import uuid4

import httpx
import pytest

from tests.parts import until
from tests.people.address import BASE, Address, Browser, hidden, words
from tests.people.attacks import FOREIGN
from tests.people.shared_address import address, shared_site
from tests.people.test_intake_form import HALF_AN_HOUR, kept_in
from tests.people.test_own_cases import (
    MINE,
    case_of,
    owner,
    registered,
    shelter,
    told,
)

__all__ = ["address", "owner", "shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
AGAIN = "/intake/again"
AS_BEFORE = "update referral.sessions set signed_in_at = now(), seen_at = now()"
DUE = "insert into intake.followups (followup_id, case_id, after_days, due_at) values (:id, :case, 30, now())"
#: What is typed into each form of a case's page, and what of it the page must show.
TYPED = {
    "followups/{}": {"outcome": "well"},
    "returns": {
        "return_type": "internal", "is_voluntary": "yes", "is_risk_assessed": "no",
        "planned_for": "2030-01-05",
    },
    "handovers": {"to": "SHELTER_B", "agrees": "yes", "authority": "person"},
    "consent": {"authority": "person", "consent_health": "given"},
    "closing": {"reason": "reintegrated", "ends_services": "yes"},
}  # fmt: skip


async def late(browser: Browser, page: httpx.Response, path: str, **typed: str) -> str:
    """The form is sent half an hour later; what its page then holds, sealed."""
    await browser.address.site.run(HALF_AN_HOUR.format("seen_at"))
    answer = await browser.press(page, path, **typed)
    assert (answer.status_code, "Veuillez vous reconnecter" in words(answer)) == (401, True), path
    assert not [one for one in typed.values() if f'"{one}"' in answer.text]
    await browser.address.site.run(AS_BEFORE)
    return kept_in(answer)


def filled(page: httpx.Response, path: str) -> dict[str, str]:
    """What the form of a page that goes to this path would send as it stands."""
    form = re.search(rf'<form[^>]*action="{re.escape(path)}">(.*?)</form>', page.text, re.DOTALL)
    assert form is not None, path
    said = dict(re.findall(r'name="(\w+)" value="([^"]*)"[^>]* checked', form[1]))
    said |= dict(re.findall(r'type="date" name="(\w+)"[^>]* value="([^"]+)"', form[1]))
    chosen = re.search(r'<select id="(\w+)".*<option selected>(\w+)<', form[1], re.DOTALL)
    return said | ({chosen[1]: chosen[2]} if chosen else {})


async def test_each_form_of_an_owner_comes_back_filled_and_is_taken_once(owner: Browser) -> None:
    at, address = await registered(owner), owner.address
    followup_id = uuid4()
    await address.site.run(DUE, case=case_of(at), id=followup_id)
    for form, typed in TYPED.items():
        path = f"{at}/{form.format(followup_id)}"
        page = await owner.get(path if form == "consent" else at)
        kept = await late(owner, page, path, **typed)
        again = await owner.send(AGAIN, kept=kept)
        assert (again.status_code, "Vous êtes reconnecté." in words(again)) == (200, True), form
        assert filled(again, path) == typed
        assert hidden(again, path)["key"] == hidden(page, path)["key"]
        if form == "handovers":  # nobody is asked, so that the case can be closed
            continue
        for _ in range(2):
            sent = await owner.press(again, path, **typed)
            assert "C’est enregistré." in words(sent), form
    names = ("followup.done", "return.planned", "consent.given", "case.closed")
    assert await told(address, at, *names) == list(names)


async def test_a_refusal_comes_back_and_a_form_of_an_earlier_session_is_not_lost(
    owner: Browser, shelter: Browser
) -> None:
    at = await registered(owner)
    await owner.press(await owner.get(at), f"{at}/handovers", **TYPED["handovers"])
    (path,) = re.findall(r'href="(/intake/handovers/[^"]+)"', (await shelter.get(MINE)).text)
    offer = await shelter.get(path)
    await shelter.log_in("a.diarra", code=shelter.code(ahead=1))
    other = await shelter.press(offer, f"{path}/refusal", reason="capacity")
    assert (other.status_code, "Rien n’est perdu" in words(other)) == (403, True)
    again = await shelter.press(other, AGAIN)
    assert filled(again, f"{path}/refusal") == {"reason": "capacity"}
    assert (await owner.get(at)).text.count("/withdrawal") == 1
    sent = await shelter.press(again, f"{path}/refusal", reason="capacity")
    assert "C’est enregistré." in words(sent)


async def test_a_desk_is_shown_again_why_it_declines_and_what_it_counted(
    owner: Browser, shelter: Browser
) -> None:
    at, rows = await registered(owner), owner.address.site.rows
    query = "select referral_id from referral.referrals where case_id = :case and organisation = 'SHELTER_B'"
    ((referral_id,),) = await until(lambda: rows(query, case=case_of(at)))
    desk = f"/referral/desk/{referral_id}"
    kept = await late(shelter, await shelter.get(desk), f"{desk}/decline", reason="capacity")
    again = await shelter.send("/referral/again", kept=kept)
    assert filled(again, f"{desk}/decline") == {"reason": "capacity"}
    assert (await owner.send("/referral/again", kept=kept)).status_code == 422
    assert (await shelter.send(AGAIN, kept=kept)).status_code == 422
    room = "/referral/room/shelter"
    kept = await late(shelter, await shelter.get("/referral/room"), room, places="17", free="13")
    counted = await shelter.send("/referral/again", kept=kept)
    assert [f'value="{one}"' in counted.text for one in (17, 13)] == [True, True]
    assert "13 sur 17" not in words(counted)


async def test_what_an_owner_typed_opens_to_nobody_else_and_to_no_other_site(
    owner: Browser, shelter: Browser, address: Address
) -> None:
    at = await registered(owner)
    path, typed = f"{at}/closing", TYPED["closing"]
    page = await owner.get(at)
    kept = await late(owner, page, path, **typed)
    async with address.browser() as colleague:
        await colleague.arrive("d.keita", organisation="POLICE_A", role="focal_point")
        others = [await one.send(AGAIN, kept=kept) for one in (colleague, shelter)]
        # At the same browser, by the login, as who sits there next would.
        next_one = await colleague.press(
            await colleague.log_in("d.keita", kept=kept, code=colleague.code(ahead=1)), AGAIN
        )
        # With the colleague's session, and the form of the first.
        mixed = await colleague.press(page, path, **typed)
    assert [one.status_code for one in (*others, next_one, mixed)] == [422, 422, 422, 403]
    assert not [one for one in (*others, next_one, mixed) if "reintegrated" in one.text]
    assert 'name="kept"' not in mixed.text
    for headers in FOREIGN:
        sent = await owner.client.post(AGAIN, data={"kept": kept}, headers=headers)
        assert sent.status_code == 403, headers
        # What another site sends when no session runs is not kept either, mark or none.
        async with address.browser() as nobody:
            form = hidden(page, path) | typed
            answer = await nobody.client.post(path, data=form, headers=headers)
        assert (answer.status_code, 'name="kept"' in answer.text) == (403, False), headers
    assert await told(address, at, "case.closed") == []


async def test_what_comes_back_before_its_person_has_signed_in_is_kept_on(
    owner: Browser, address: Address
) -> None:
    at = await registered(owner)
    kept = await late(owner, await owner.get(at), f"{at}/closing", **TYPED["closing"])
    async with address.browser() as early:
        answer = await early.client.post(AGAIN, data={"kept": kept}, headers={"origin": BASE})
    assert (answer.status_code, kept_in(answer)) == (401, kept)

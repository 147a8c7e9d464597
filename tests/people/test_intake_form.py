"""The officer's form without a script: screen by screen to a case, once, nothing typed is lost."""

import re
from collections.abc import AsyncIterator, Mapping
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import pytest_asyncio

from services.intake.pages.questions import RECIPIENTS, STEPS
from tests.ledger import Figure
from tests.parts import until
from tests.people.address import BASE, Address, Browser, words
from tests.people.shared_address import address, shared_site

__all__ = ["address", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
NEW = "/intake/new"
#: What the officer answers on each screen; the page fills in the day.
ANSWERS: Mapping[str, Mapping[str, str | list[str]]] = {
    "found": {"detected_on": "2026-01-05", "region": "12", "cercle": "", "detection_channel": "patrol"},
    "person": {"sex": "female", "age_band": "25-34", "citizenship": "MLI", "languages": ["bambara", "french"]},
    "signs": {"indicators": ["deception", "isolation"], "exploitation": ["domestic_work"]},
    "needs": {"needs": ["shelter", "health"], "urgency": "emergency_24h"},
    "consent": {"authority": "person", "consent_shelter": "given", "consent_justice": "refused"},
    "safety": {"risk": "high", "safety": ["do_not_call"]},
    "sealed": {"full_name": "Hawa <b>Konaté</b>", "village": "Djidian-Secret"},
    "review": {},
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def officer(address: Address) -> AsyncIterator[Browser]:
    """Somebody new, whose organisation has no case; afterwards people and cases are nobody's."""
    address.behind.seen.clear()
    async with address.browser() as opened:
        await opened.arrive("m.keita", organisation="POLICE_A", role="officer")
        yield opened
    await address.site.run("update intake.cases set owner = 'GONE'")
    await address.site.run(
        "update referral.accounts set login = 'gone.' || left(account_id::text, 8)"
    )


def carried(page: httpx.Response) -> dict[str, list[str]]:
    """What the form of a page carries unseen."""
    form = page.text.partition('<form id="filling"')[2].partition("</form>")[0]
    held: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form):
        held.setdefault(name, []).append(unescape(value))
    return held


async def press(
    browser: Browser, page: httpx.Response, go: str, **said: str | list[str]
) -> httpx.Response:
    """Answer a screen and press one of its buttons."""
    data: dict[str, Any] = carried(page) | said | {"go": go}
    return await browser.client.post(NEW, data=data, headers={"origin": BASE})


async def review(browser: Browser, **changes: str | list[str]) -> httpx.Response:
    """Everything is answered and read once more."""
    page = await browser.get(NEW)
    names = [step.name for step in STEPS]
    for name, following in pairwise(names):
        asked = {
            question.name for step in STEPS if step.name == name for question in step.questions
        }
        said = dict(ANSWERS[name]) | {one: changes[one] for one in changes if one in asked}
        page = await press(browser, page, following, **said)
        assert page.status_code == 200, words(page)
    return page


async def registered(browser: Browser) -> list[tuple[Any, ...]]:
    return await browser.address.site.rows(
        "select number from intake.cases where owner = 'POLICE_A'"
    )


def number_of(page: httpx.Response) -> str:
    shown = re.search(r'<h1 class="key">([^<]+)</h1>', page.text)
    assert shown is not None, words(page)
    return shown[1]


async def test_an_officer_sends_a_case_and_reads_its_number_and_who_is_asked(
    officer: Browser,
) -> None:
    page = await review(officer)
    assert "Hawa <b>Konaté</b>" in words_of_review(page)
    assert "Quel jour ? 5 janvier 2026" in words(page)
    sent = await press(officer, page, "send")

    number = number_of(sent)
    assert await registered(officer) == [(number,)]
    assert "Notez-le : il ne dit rien de la personne" in words(sent)

    async def is_asked() -> bool:
        data = {**only_guard(sent), "number": number}
        again = await officer.client.post(f"{NEW}/asked", data=data, headers={"origin": BASE})
        return "SHELTER_B" in words(again)

    await until(is_asked)
    typed = ("Konat", "Djidian", "12-", number)
    assert not [one for one in officer.address.behind.seen if any(t in str(one.url) for t in typed)]


def words_of_review(page: httpx.Response) -> str:
    return unescape(page.text)


def only_guard(page: httpx.Response) -> dict[str, str]:
    form = page.text.partition('action="/intake/new/asked"')[2]
    return dict(re.findall(r'<input type="hidden" name="(session_form)" value="([^"]*)">', form))


async def test_a_form_that_is_sent_twice_makes_one_case_and_two_forms_make_two(
    officer: Browser,
) -> None:
    page = await review(officer)
    first, second = await press(officer, page, "send"), await press(officer, page, "send")
    assert number_of(first) == number_of(second)
    changed = await press(officer, page, "send", risk="low")
    assert changed.status_code == 409
    assert "Rien n’est parti une seconde fois" in words(changed)
    assert len(await registered(officer)) == 1

    await press(officer, await review(officer), "send")
    assert len(await registered(officer)) == 2


async def test_what_is_missing_is_said_at_the_field_and_what_was_typed_stays(
    officer: Browser,
) -> None:
    page = await press(officer, await officer.get(NEW), "person", region="12", detected_on="")
    assert page.status_code == 422
    assert '<option value="12" selected>' in page.text
    assert words(page).count("Une réponse est nécessaire ici.") == 2
    page = await press(
        officer, page, "person",
        region="12", detected_on="2999-01-01", detection_channel="<script>", cercle="0001",
    )  # fmt: skip
    assert "Ce jour est à venir." in words(page)
    assert "Choisissez une des réponses." in words(page)
    assert "<script>" not in page.text
    last = await review(officer)
    back = await press(officer, last, "sealed")
    assert 'value="Hawa &lt;b&gt;Konaté&lt;/b&gt;"' in back.text
    lacking = await press(officer, last, "send", exploitation="no_such_code")
    assert (lacking.status_code, lacking.text.count('id="fault-exploitation"')) == (422, 1)
    assert await registered(officer) == []


async def test_consent_without_whoever_answers_is_asked_again(officer: Browser) -> None:
    last = await review(officer)
    page = await press(officer, last, "consent")
    page = await press(officer, page, "safety", consent_health="given")
    assert (page.status_code, page.text.count('id="fault-authority"')) == (422, 1)
    for one in RECIPIENTS:
        assert f'name="{one.name}"' in page.text


HALF_AN_HOUR = "update referral.sessions set {0} = now() - interval '31 minutes'"


async def locked(officer: Browser, *, column: str = "signed_in_at") -> httpx.Response:
    """Half an hour passes over a form that is filled in; then somebody presses its button."""
    page = await review(officer)
    await officer.address.site.run(HALF_AN_HOUR.format(column))
    return await press(officer, page, "send")


def kept_in(page: httpx.Response) -> str:
    held = re.search(r'<input type="hidden" name="kept" value="([^"]+)">', page.text)
    assert held is not None, words(page)
    return held[1]


@pytest.mark.parametrize("column", ["signed_in_at", "seen_at"])
async def test_who_took_longer_than_the_session_signs_in_and_goes_on_with_what_was_typed(
    officer: Browser, column: str
) -> None:
    late = await locked(officer, column=column)
    assert (late.status_code, "Veuillez vous reconnecter" in words(late)) == (401, True)
    assert not [one for one in ("Konat", "Djidian", "12-", "bambara") if one in late.text]
    assert await registered(officer) == []

    asked = await officer.send("/login", kept=kept_in(late))
    wrong = await officer.log_in("m.keita", kept=kept_in(asked), code="000000")
    entered = await officer.log_in("m.keita", kept=kept_in(wrong), code=officer.code(ahead=1))
    again = await officer.press(entered, "/intake/again")
    assert "Hawa <b>Konaté</b>" in words_of_review(again)
    number = number_of(await press(officer, again, "send"))
    assert await registered(officer) == [(number,)]


async def test_what_was_kept_opens_to_nobody_else_and_not_for_ever(
    officer: Browser, address: Address
) -> None:
    kept = kept_in(await locked(officer))
    async with address.browser() as other:
        await other.arrive("o.traore", organisation="POLICE_A", role="officer")
        refused = [
            await other.send("/intake/again", kept=one) for one in (kept, kept[:-4], "", "e30")
        ]
        foreign = await other.client.post(
            "/intake/again", data={"kept": kept}, headers={"origin": "https://evil.example"}
        )
    assert [one.status_code for one in (*refused, foreign)] == [422, 422, 422, 422, 403]
    assert (await officer.send("/intake/again", kept=kept)).status_code == 401


async def test_another_sites_form_a_lost_key_and_another_role_are_refused(
    officer: Browser, address: Address
) -> None:
    page = await review(officer)
    held: dict[str, Any] = carried(page) | {"go": "send"}
    foreign = await officer.client.post(NEW, data=held, headers={"origin": "https://evil.example"})
    bare = await officer.client.post(
        NEW, data=held | {"session_form": "0" * 64}, headers={"origin": BASE}
    )
    unkeyed = await officer.client.post(NEW, data=held | {"key": "x"}, headers={"origin": BASE})
    assert [one.status_code for one in (foreign, bare, unkeyed)] == [403, 403, 400]
    stranger = await officer.client.post(
        f"{NEW}/asked",
        data={"number": "ML-12-2026-7K3QXF-C", "session_form": held["session_form"]},
        headers={"origin": BASE},
    )
    assert stranger.status_code == 404
    async with address.browser() as other:
        await other.arrive("a.analyst", organisation="POLICE_A", role="analyst")
        assert (await other.get(NEW)).status_code == 403
    assert await registered(officer) == []


async def test_the_first_page_is_light_and_another_language_keeps_the_answers(
    officer: Browser, figure: Figure
) -> None:
    page = await officer.get(NEW)
    assets = set(re.findall(r'(?:href|src)="([^"]+/static/[^"]+)"', page.text))
    parts = [await officer.get(urljoin(str(page.url), one)) for one in assets]
    parts.append(await officer.get("/intake/static/band.svg"))
    assert [one.status_code for one in parts] == [200] * len(parts)
    heaviest = await review(officer)
    pages = [page, heaviest, await press(officer, heaviest, "person")]
    size = max(len(one.content) for one in pages) + sum(len(one.content) for one in parts)
    figure("people.page.first_kb", round(size / 1000, 1))

    english = await officer.client.post(
        f"{NEW}?lang=en", data=carried(heaviest) | {"go": "review"}, headers={"origin": BASE}
    )
    assert "Read it once more" in words(english)
    assert "Djidian-Secret" in english.text

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.policy.tables import fields
from contracts.referral import ReferralDelivered
from services.intake.pages.reading import in_words
from services.intake.pages.words import FIELDS, SECTIONS
from services.intake.use_cases.cutting import CODED
from tests.intake.rooms import SHELTER, Case, Room, groups_of, open_room
from tests.parts import Site, until

pytestmark = pytest.mark.share("sealed")
HTML = {"accept": "text/html,application/xhtml+xml"}


def words(answer: httpx.Response) -> str:
    """What a person reads, in one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


@dataclass(slots=True)
class Browser:
    """A browser at SHELTER_B's desk, or at another's once it has entered there."""

    room: Room

    async def enter(self, code: str = SHELTER, role: str = "focal_point") -> httpx.Response:
        """Follow a link of this organisation."""
        token = self.room.desk.token(code, role=role)
        return await self.get("/enter", token=token)

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Open a page."""
        return await self.room.desk.client.get(f"/intake{path}", params=query, headers=HTML)

    async def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form."""
        return await self.room.desk.client.post(f"/intake{path}", data=form, headers=HTML)

    async def press(self, page: httpx.Response, path: str) -> httpx.Response:
        """Send the form of a page that goes to this path, with all that it holds."""
        form = re.search(rf'<form[^>]*action="/intake{path}">(.*?)</form>', page.text, re.DOTALL)
        assert form is not None
        held = re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)">', form[1])
        return await self.post(path, **dict(held))


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await opened.knows(SHELTER, "shelter", "desk")
        yield opened


@pytest.fixture
async def browser(room: Room) -> Browser:
    browser = Browser(room)
    entered = await browser.enter()
    assert (entered.status_code, entered.headers["location"]) == (303, "/intake/")
    assert "Max-Age=1800" in entered.headers["set-cookie"]
    return browser


async def withdrawn(room: Room, case: Case) -> str:
    """Consent is taken back; the decision's id."""
    return str((await room.withdraw(case, recipient_kind="shelter")).json()["decision_id"])


async def confirmed(room: Room) -> list[tuple[Any, ...]]:
    return await room.site.rows(
        "select withdrawal_id from intake.withdrawals where acknowledged_at is not null"
    )


async def test_the_first_page_lists_what_is_open_without_a_word_of_the_dossiers(
    browser: Browser,
) -> None:
    accepted = await browser.room.accepted(await browser.room.register())

    page, english = await browser.get("/"), await browser.get("/", lang="en")

    assert "SHELTER_B Dossiers ouverts" in words(page)
    assert "Hébergement Accepté Ouvert depuis le" in words(page)
    assert "Sur la base de : Consentement" in words(page)
    assert "Shelter Accepted Open since" in words(english)
    assert "On the ground of: Consent" in words(english)
    assert f'href="/intake/dossiers/{accepted}"' in page.text
    assert "canary" not in page.text + english.text
    looks = "select role, shown from intake.audit where action = 'dossiers.listed'"
    assert await browser.room.site.rows(looks) == [("focal_point", 1)] * 2


async def test_the_newest_dossier_comes_first(browser: Browser) -> None:
    ids = [await browser.room.accepted(await browser.room.register()) for _ in range(3)]

    page = await browser.get("/")

    assert re.findall(r"/dossiers/([0-9a-f-]{36})", page.text) == [str(one) for one in ids[::-1]]


async def test_a_dossier_is_shown_in_words_with_safety_and_ground_and_the_look_is_on_record(
    browser: Browser,
) -> None:
    case = await browser.room.register(safety=["do_not_call"])
    accepted = await browser.room.accepted(case)

    page = await browser.get(f"/dossiers/{accepted}")

    text = words(page)
    assert groups_of(text) == "G2 G3 G5 G6 G7"
    assert "Nom complet canary-G2" in text
    assert "Santé Allergies canary-G5" in text
    assert text.index("Ne pas téléphoner") < text.index("Sur la base de : Consentement")
    assert "est enregistrée" in text
    assert page.headers["cache-control"] == "no-store"
    assert re.findall("<title>(.*)</title>", page.text) == ["Dossiers · Siraba"]
    assert await browser.room.desk.count("openings") == 1
    looks = "select role, outcome, case_id from intake.audit where action = 'dossier.opened'"
    assert await browser.room.site.rows(looks) == [("focal_point", "shown", case.id)]

    english = words(await browser.get(f"/dossiers/{accepted}", lang="en"))
    for said in ("Full name canary-G2", "Do not call", "On the ground of: Consent", "is on record"):
        assert said in english


async def test_another_organisation_finds_nothing_there(browser: Browser) -> None:
    accepted = await browser.room.accepted(await browser.room.register())
    await browser.enter("POLICE_A")

    for identity in (accepted, uuid4()):
        answer = await browser.get(f"/dossiers/{identity}")
        assert (answer.status_code, "canary" in answer.text) == (404, False)
    assert "Aucun dossier ne vous est ouvert" in words(await browser.get("/"))
    assert await browser.room.desk.count("openings") == 0


async def test_an_organisation_that_gets_messages_reads_nothing_here(browser: Browser) -> None:
    await browser.room.knows(SHELTER, "shelter", "nats")
    accepted = await browser.room.accepted(await browser.room.register())

    answer = await browser.get(f"/dossiers/{accepted}")

    assert "Rien ne vous est ouvert" in words(answer)
    assert "canary" not in answer.text


async def test_after_a_withdrawal_nothing_is_shown_and_the_desk_confirms_with_a_button(
    browser: Browser,
) -> None:
    case = await browser.room.register()
    accepted = await browser.room.accepted(case)
    path = f"/dossiers/{accepted}/withdrawals/{await withdrawn(browser.room, case)}"

    first, page = await browser.get("/"), await browser.get(f"/dossiers/{accepted}")

    assert "Hébergement, signalé le" in words(first)
    assert "Sur la base de" not in words(first) + words(page)
    assert "Rien ne vous est ouvert Le consentement a été retiré" in words(page)
    assert "canary" not in page.text
    assert await confirmed(browser.room) == []
    assert (await browser.press(page, path)).headers["location"] == "/intake/"
    assert [str(row[0]) for row in await confirmed(browser.room)] == [path.rpartition("/")[2]]
    assert (await browser.press(first, path)).status_code == 303  # twice is once
    assert "Consentement retiré" not in words(await browser.get("/"))
    told = "select count(*) from intake.outbox where name = 'consent.acknowledged'"
    assert await browser.room.site.rows(told) == [(1,)]


async def test_a_form_without_this_sessions_token_confirms_nothing(browser: Browser) -> None:
    case = await browser.room.register()
    accepted = await browser.room.accepted(case)
    path = f"/dossiers/{accepted}/withdrawals/{await withdrawn(browser.room, case)}"
    page = await browser.get("/")

    refused = [await browser.post(path), await browser.post(path, session_form="0" * 64)]
    await browser.enter(role="officer")
    refused.append(await browser.press(page, path))

    assert [answer.status_code for answer in refused] == [403] * 3
    assert await confirmed(browser.room) == []


async def test_once_the_referral_is_over_the_page_says_so(browser: Browser) -> None:
    case = await browser.room.register(safety=["do_not_call"])
    accepted = await browser.room.accepted(case)
    await browser.room.says(
        case,
        ReferralDelivered(
            referral_id=accepted,
            organisation=SHELTER,
            organisation_kind="shelter",
            service="shelter",
        ),
    )

    async def is_over() -> bool:
        text = words(await browser.get(f"/dossiers/{accepted}"))
        return "Le référencement est terminé" in text and "Ne pas téléphoner" not in text

    await until(is_over)
    assert "Aucun dossier ne vous est ouvert" in words(await browser.get("/"))


async def test_without_a_session_every_page_is_the_door(room: Room) -> None:
    accepted = await room.accepted(await room.register())
    browser = Browser(room)

    for path in ("/", f"/dossiers/{accepted}"):
        answer = await browser.get(path)
        assert answer.status_code == 401
        assert "Demandez votre lien à votre point focal" in words(answer)
    assert (await browser.post(f"/dossiers/{accepted}/withdrawals/{uuid4()}")).status_code == 401
    assert await room.desk.count("openings") == 0


async def test_other_roles_do_not_come_in(room: Room) -> None:
    for role in ("analyst", "data_officer", "operator"):
        entered = await Browser(room).enter(role=role)
        assert (entered.status_code, "set-cookie" in entered.headers) == (403, False)


async def test_the_pages_need_no_script_no_inline_style_and_nothing_from_afar(
    browser: Browser,
) -> None:
    case = await browser.room.register()
    accepted = await browser.room.accepted(case)
    pages = [await browser.get(path) for path in ("/", f"/dossiers/{accepted}")]
    await withdrawn(browser.room, case)
    pages.append(await browser.get(f"/dossiers/{accepted}"))

    for page in pages:
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
        for link in re.findall(r'(?:href|src|action)="([^"]*)"', page.text):
            assert link.startswith(("/intake/", "?", "#"))


def test_every_section_and_field_that_the_policy_can_open_has_words() -> None:
    known = [one for one in fields().values() if one.section != CODED]

    assert set(SECTIONS) == {one.section for one in known}
    assert set(FIELDS) == {one.name for one in known}


def test_codes_days_and_empty_fields_are_read_as_a_person_reads_them() -> None:
    content = {
        "medical": {"allergies": " "},
        "exploitation": {
            "exploitation_until": "2026-11-20",
            "exploitation_from": "2026-99-99",
            "vic_TypeOfExploitation": "forced_begging;something",
        },
        "identity": {"prs_Deceased": "false", "full_name": "true"},
    }

    first, second = in_words(content, "fr")

    assert [first.heading, second.heading] == ["Identity", "What happened"]
    assert [line.value for line in first.lines] == ["true", False]
    assert [line.value for line in second.lines] == [
        "Mendicité forcée, something",
        "2026-99-99",
        date(2026, 11, 20),
    ]


def test_a_field_without_words_is_never_shown_by_its_code() -> None:
    with pytest.raises(KeyError):
        in_words({"identity": {"unheard_of": str(UUID(int=0))}}, "fr")

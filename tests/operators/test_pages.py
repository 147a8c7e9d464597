"""An operator sees how all is and decides what becomes of a dead letter, and no page says of whom."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import httpx
import pytest
from playwright.async_api import Page
from typer.testing import CliRunner

from deploy.cli import app
from deploy.measures.samples import Sample
from deploy.operations.picture import picture_of
from tests.builders import an_organisation
from tests.operators.test_outbox_command import running_on
from tests.parts import Site, site, until
from tests.people.access_world import a_case, by_token
from tests.people.address import Address, Browser, hidden, open_address, words
from tests.people.attacks import FOREIGN, MARKUP, active_in
from tests.people.chromium import PHONE, chromium, window
from tests.people.looking import Looker
from tests.serving import serving
from tests.trust.canaries import MARK, hits

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
ROOT: Final = Path(__file__).parents[2]
TEMPLATES: Final = ROOT / "deploy" / "operations" / "templates"
DIRECTORY: Final = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("COMITE", "committee"),
)
LETTERS: Final = "/operations/letters/reporting"
# Reporting does not run here, so that what is decided waits and can be seen.
_DEAD: Final = """
    insert into reporting.dead_letters
        (consumer, stream, stream_sequence, reason, field, digest, tries, source, subject, case_sequence)
    values ('reporting-INTAKE', 'INTAKE', 1, 'unknown_code', :field, 'x', 5, '/siraba/intake', :case, 1),
           ('reporting-INTAKE', 'INTAKE', 2, 'unknown_code', 'region', 'y', 5, '/siraba/intake', :case, 2)
"""
_PARKED: Final = """
    insert into reporting.parked (consumer, source, subject, case_sequence, stream, stream_sequence,
                                  recorded_at, nats_subject, headers, body)
    values ('reporting-INTAKE', '/siraba/intake', :case, 3, 'INTAKE', 3, now(), 'x', :said, :body)
"""
_AUDIT: Final = """
    select action, purpose, organisation, case_id from reporting.audit
    where action <> 'dead_letter.opened' order by at
"""


@dataclass(frozen=True, slots=True)
class Room:
    """An operator at a browser; a case that went through, and by what names it can be asked for."""

    address: Address
    operator: Browser
    case_id: UUID
    number: str
    names: Mapping[str, str]


@asynccontextmanager
async def open_room(site: Site, *, field: str = "needs") -> AsyncIterator[Room]:
    """field: of the first dead letter."""
    async with open_address(site, *DIRECTORY, operations=True) as address, address.browser() as who:
        await who.arrive("o.sow", organisation="COMITE", role="operator")
        number = await until(partial(registered, address), seconds=30)
        offered = "select case_id, referral_id from referral.referrals"
        ((case_id, referral),) = await until(partial(site.rows, offered), seconds=30)
        sent = (
            "select id, hop from intake.outbox where name = 'case.registered' and hop is not null"
        )
        ((message, hop), *_) = await until(partial(site.rows, sent))
        await site.run(_DEAD, case=str(case_id), field=field)
        await site.run(_PARKED, case=str(case_id), said=f'{{"x": "{MARK}"}}', body=MARK.encode())
        names = {"case": str(case_id), "referral": str(referral), "message": str(message)}
        names |= {"number": number.lower(), "trace": str(hop).split("-")[1]}
        yield Room(address, who, case_id, number, names)


async def registered(address: Address) -> str | None:
    """The number of a case whose dossier is canaries, once intake knows its owner."""
    headers = by_token("intake", "POLICE_A", "officer") | {"Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(transport=address.behind) as client:
        said = await client.post("http://intake/intake/cases", headers=headers, json=a_case())
    return str(said.json()["case_number"]) if said.is_success else None


async def all_pages(room: Room) -> list[httpx.Response]:
    """Each page of an operator's, as it stands."""
    kind = {"consumer": "reporting-INTAKE", "reason": "unknown_code"}
    paths = ("", "letters", "letters/reporting/1", "trace", f"trace/{room.case_id}")
    pages = [await room.operator.get(f"/operations/{path}") for path in paths]
    return [*pages, await room.operator.get(LETTERS, **kind)]


def told_in(pages: list[httpx.Response], number: str) -> list[str]:
    """The pages on which a person's canary or a case's number is."""
    return [
        page.url.path
        for page in pages
        if number in page.text or any(True for _ in hits(page.url.path, page.content))
    ]


async def test_all_is_shown_without_a_personal_datum_and_each_decision_is_on_record(
    site: Site,
) -> None:
    async with open_room(site) as room:
        pages = await all_pages(room)
        assert {page.status_code for page in pages} == {200}
        assert told_in(pages, room.number) == []
        for page, shown in zip(pages, SHOWN, strict=True):
            assert shown in words(page)
        for name, said in room.names.items():
            found = await ask(room, said)
            assert found.url.path.endswith(str(room.case_id)), name
        assert (await ask(room, "ML-12-2026-7K3QXF-C")).status_code == 422
        await try_in_vain(room)
        for place, (verb, reason) in enumerate(DECISIONS, 1):
            await decide(room, f"{LETTERS}/{place}/{verb}", reason)
        made = await site.rows(_AUDIT)
        states = await site.rows("select state from reporting.dead_letters order by id")
        again = await send(room, f"{LETTERS}/1/retry", reason="key_known", confirmed="yes")
    assert states == [("retry",), ("discarded",)]
    assert again.status_code == 404
    assert made == [
        (f"dead_letter.{verb}", reason, "COMITE", room.case_id) for verb, reason in DECISIONS
    ]


SHOWN: Final = (
    "SHELTER_B", "reporting-INTAKE", "needs", "Parcours d’un dossier", "send case.registered",
    "Nº 1",
)  # fmt: skip
DECISIONS: Final = (("retry", "newer_release"), ("discard", "was_test"))


async def ask(room: Room, named: str) -> httpx.Response:
    """For a case's way, by some name."""
    page = await room.operator.get("/operations/trace")
    return await room.operator.press(page, "/operations/trace", named=named)


async def send(room: Room, path: str, **form: str) -> httpx.Response:
    """A form of this session, whether a page shows it or not."""
    guard = hidden(await room.operator.get("/operations/trace"), "/operations/trace")
    return await room.operator.send(path, **guard, **form)


async def decide(room: Room, path: str, reason: str) -> None:
    """First the reason, then the yes; nothing happens before that."""
    letter = path.rpartition("/")[0]
    asked = await room.operator.press(await room.operator.get(letter), path, reason=reason)
    open_ones = "select count(*) from reporting.dead_letters where id = :id and state = 'open'"
    number = int(letter.rpartition("/")[2])
    assert await room.address.site.rows(open_ones, id=number) == [(1,)]
    done = await room.operator.press(asked, path)
    assert (done.url.path, done.status_code) == (letter, 200)
    assert await room.address.site.rows(open_ones, id=number) == [(0,)]


async def try_in_vain(room: Room) -> None:
    """Without a reason of ours, with markup, from elsewhere, at what is not there: nothing comes of it."""
    path = f"{LETTERS}/1/discard"
    for markup in MARKUP[:4]:
        pages = [await send(room, path, reason=markup), await ask(room, markup)]
        assert [page.status_code for page in pages] == [422, 422]
        assert [active_in(page.text) for page in pages] == [[], []]
    form = hidden(await room.operator.get("/operations/trace"), "/operations/trace")
    for target in (path, "/operations/trace"):
        for headers in FOREIGN:
            data = form | {"reason": "was_test", "confirmed": "yes", "named": str(room.case_id)}
            answer = await room.operator.client.post(target, data=data, headers=headers)
            assert answer.status_code == 403, (target, headers)
    for nowhere in ("letters/reporting/99", "letters/nobody/1", "letters/nobody"):
        assert (await room.operator.get(f"/operations/{nowhere}")).status_code == 404


async def test_a_canary_on_a_page_would_be_found_and_the_server_decides_as_the_pages_do(
    site: Site,
) -> None:
    """The control: a consumer that wrote what it read where only a field's name may stand."""
    state = running_on(site)
    async with open_room(site, field=f"{MARK}000001z") as room:
        found = told_in(await all_pages(room), room.number)
    assert found == ["/operations/letters/reporting/1", "/operations/letters/reporting"]

    def typed(*line: str) -> str:
        return CliRunner().invoke(app, [*line, "--state-dir", str(state.root)]).output

    wrong = await asyncio.to_thread(
        typed, "dlq", "retry", "reporting", "2", "--because", "was_test"
    )
    right = await asyncio.to_thread(
        typed, "dlq", "discard", "reporting", "2", "--because", "was_test"
    )
    assert ("cause_removed" in wrong, "Noted" in right) == (True, True)
    assert await site.rows(_AUDIT) == [
        ("dead_letter.discard", "was_test", "PLATFORM", room.case_id)
    ]


async def test_every_page_can_be_used_on_a_telephone_and_by_everybody(site: Site) -> None:
    looker = Looker(ROOT / "build" / "screenshots" / "operators")
    async with (
        open_room(site) as room,
        serving(room.address.front) as base,
        chromium() as browser,
        window(browser, base, PHONE) as page,
    ):
        cookie = room.operator.client.cookies["siraba_person"]
        await page.context.add_cookies([{"name": "siraba_person", "value": cookie, "url": base}])
        await look_around(page, looker, room)
    assert (looker.violations, looker.overflows) == ([], [])


async def look_around(page: Page, looker: Looker, room: Room) -> None:
    """Every template once, some of them with what can be wrong on them."""
    await page.goto("/operations/")
    await looker.look(page, "health")
    await page.click('nav a[href="/operations/letters"]')
    await looker.look(page, "letters")
    await page.click(".cards a.button")
    await looker.look(page, "alike")
    await page.click(".lines a")
    # The browser asks for the reason already; and without that, the page does.
    await page.locator("[required]").evaluate_all("all => all.map(one => one.required = false)")
    await page.click('form[action$="/retry"] button')
    await looker.look(page, "letter-without-reason")
    await page.check('form[action$="/retry"] [value=newer_release]')
    await page.click('form[action$="/retry"] button')
    await looker.look(page, "decide")
    await page.click('main form[action$="/retry"] button')
    assert await page.locator("[role=status]").count() == 1
    await page.click('nav a[href="/operations/trace"]')
    await page.fill("[name=named]", "nobody")
    await page.click("main button")
    await looker.look(page, "trace-of-nothing")
    await page.fill("[name=named]", room.number)
    await page.click("main button")
    await looker.look(page, "way")


def test_every_template_is_looked_at() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    shown = set(re.findall(r'looker\.look\(page, "(\w+)', source))
    named = {path.stem for path in TEMPLATES.glob("*.html")}
    assert named - {"reasons"} <= shown


COUNTS: Final = {"accepted": 9, "delivered": 5, "pending": 1, "parked": 2, "dead": 1}


@pytest.mark.parametrize(
    ("changed", "holds"),
    [({}, True), ({"delivered": 4}, False), ({"missing": 1}, False), ({"unfounded": 1}, False)],
)
def test_a_border_that_breaks_the_law_asks_for_a_person(
    changed: Mapping[str, int], holds: bool
) -> None:
    counts = {**COUNTS, "missing": 0, "unfounded": 0, **changed}
    samples = [
        Sample("siraba_standing_messages", ("intake", "relay-INTAKE", state), value)
        for state, value in counts.items()
    ]
    ready = [Sample("siraba_ready", (name,), 1) for name in ("intake", "referral", "reporting")]
    assert picture_of([*samples, *ready]).is_well is holds


def test_what_does_not_answer_is_not_shown_as_well() -> None:
    picture = picture_of([Sample("siraba_source_up", ("nats",), 0)])
    assert (picture.away, picture.is_well) == (("nats",), False)
    assert [one.is_ready for one in picture.services] == [None, None, None]

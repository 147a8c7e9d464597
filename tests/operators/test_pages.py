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

from chassis.notify import SPOOL, Letter, Spool
from deploy.cli import app
from deploy.measures.samples import Sample
from deploy.operations.picture import picture_of
from deploy.state import State
from tests.builders import an_organisation
from tests.operators.test_outbox_command import running_on
from tests.parts import Site, site, until
from tests.people.access_world import a_case, by_token
from tests.people.address import Address, Browser, hidden, open_address, words
from tests.people.attacks import FOREIGN, MARKUP, active_in
from tests.people.chromium import PHONE, chromium, window
from tests.people.looking import Looker
from tests.people.untranslated import BothLanguages, same_in_both
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
    select 'reporting-INTAKE', 'INTAKE', n, 'unknown_code', 'needs', 'x', 5, '/siraba/intake', :case, n
    from generate_series(1, 3) as n
"""
_PARKED: Final = """
    insert into reporting.parked (consumer, source, subject, case_sequence, stream, stream_sequence,
                                  recorded_at, nats_subject, headers, body)
    values ('reporting-INTAKE', '/siraba/intake', :case, 3, 'INTAKE', 3, now(), 'x', :said, :body)
"""
_NOTICES: Final = """
    insert into referral.notices
        (notice_id, matter_id, case_id, service, waits_for, is_referral, is_threat, rung, organisation,
         state, tries, next_at, created_at)
    select gen_random_uuid(), gen_random_uuid(), :case, 'shelter', 'POLICE_A', false, false, rung,
           organisation, state, 1, now(), now()
    from (values ('unit', 'POLICE_A', 'sent'), ('committee', null, 'failed')) as n (rung, organisation, state)
"""
#: What an operator types at a command line too: parts of the platform, of a message and of a trace.
PARTS: Final = frozenset({"intake", "referral", "reporting", "needs", "send", "process"})
#: Of whoever is on duty; no operator needs it at a page.
DUTY: Final = "+22370000199"
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
async def open_room(site: Site) -> AsyncIterator[Room]:
    """Until there is all that can be on a page."""
    async with open_address(site, *DIRECTORY, operations=True) as address, address.browser() as who:
        await who.arrive("o.sow", organisation="COMITE", role="operator")
        number = await until(partial(registered, address), seconds=30)
        offered = "select case_id, referral_id from referral.referrals"
        ((case_id, referral),) = await until(partial(site.rows, offered), seconds=30)
        sent = (
            "select id, hop from intake.outbox where name = 'case.registered' and hop is not null"
        )
        ((message, hop), *_) = await until(partial(site.rows, sent))
        await site.run(_DEAD, case=str(case_id))
        await site.run(_PARKED, case=str(case_id), said=f'{{"x": "{MARK}"}}', body=MARK.encode())
        names = {"case": str(case_id), "referral": str(referral), "message": str(message)}
        names |= {"number": number.lower(), "trace": str(hop).split("-")[1]}
        await site.run(_NOTICES, case=str(case_id))
        await Spool(site.folder / SPOOL).carry(Letter(uuid4(), "sms", DUTY, "fr"))
        yield Room(address, who, case_id, number, names)


async def registered(address: Address) -> str | None:
    """The number of a case whose dossier is canaries, once intake knows its owner."""
    headers = by_token("intake", "POLICE_A", "officer") | {"Idempotency-Key": str(uuid4())}
    async with httpx.AsyncClient(transport=address.behind) as client:
        said = await client.post("http://intake/intake/cases", headers=headers, json=a_case())
    return str(said.json()["case_number"]) if said.is_success else None


async def all_pages(room: Room) -> list[httpx.Response]:
    """Each page of an operator's, as it stands."""
    way = f"trace/{room.case_id}"

    async def is_drawn() -> bool:
        """Spans are written a moment after what they are of."""
        return SHOWN[-1] in words(await room.operator.get(f"/operations/{way}"))

    await until(is_drawn)
    paths = ("", "letters", "letters/reporting/1", "notices", "trace", way)
    return [await room.operator.get(f"/operations/{path}") for path in paths]


def told_in(pages: list[httpx.Response], number: str) -> list[str]:
    """The pages on which a person's canary, a case's number or who is on duty is."""
    return [
        page.url.path
        for page in pages
        if number in page.text
        or DUTY in page.text
        or any(True for _ in hits(page.url.path, page.content))
    ]


async def test_all_is_shown_and_decided_at_pages_for_everybody_and_none_says_of_whom(
    site: Site,
) -> None:
    state, looker = running_on(site), Looker(ROOT / "build" / "screenshots" / "operators")
    async with open_room(site) as room:
        pages = await all_pages(room)
        for page, shown in zip(pages, SHOWN, strict=True):
            assert (page.status_code, shown in words(page)) == (200, True), page.url
        assert told_in(pages, room.number) == []
        for name, said in room.names.items():
            found = await ask(room, said)
            assert found.url.path.endswith(str(room.case_id)), name
        assert (await ask(room, "ML-12-2026-7K3QXF-C")).status_code == 422
        await try_in_vain(room)
        await at_a_telephone(room, looker)
        await discard(room, f"{LETTERS}/2/discard")
        typed = await siraba_dlq(state)
        again = await send(room, f"{LETTERS}/1/retry", reason="key_known", confirmed="yes")
        # The control: a consumer that wrote what it read where only a field's name may stand.
        await site.run(_CARELESS, said=f"{MARK}000001z")
        careless = told_in(await all_pages(room), room.number)
    assert (looker.violations, looker.overflows) == ([], [])
    assert ("cause_removed" in typed[0], "Noted" in typed[1], again.status_code) == (
        True,
        True,
        404,
    )
    states = await site.rows("select state from reporting.dead_letters order by id")
    assert states == [("retry",), ("discarded",), ("discarded",)]
    assert await site.rows(_AUDIT) == [(*one, room.case_id) for one in DECIDED]
    assert careless == ["/operations/letters", f"{LETTERS}/1"]


#: On each of `all_pages`.
SHOWN: Final = (
    "SHELTER_B", "Nº 1", "needs", Letter(uuid4(), "sms", DUTY, "fr").text, "Parcours d’un dossier", "send case.registered",
)  # fmt: skip
DECIDED: Final = (
    ("dead_letter.retry", "newer_release", "COMITE"),
    ("dead_letter.discard", "was_test", "COMITE"),
    ("dead_letter.discard", "was_forged", "PLATFORM"),
)
_CARELESS: Final = "update reporting.dead_letters set field = :said where id = 1"


async def siraba_dlq(state: State) -> list[str]:
    """What the server's command says to a reason that is none of a retry, and to one of a discard."""
    lines = (("retry", "3", "was_test"), ("discard", "3", "was_forged"))
    said = []
    for verb, number, why in lines:
        line = ["dlq", verb, "reporting", number, "--because", why, "--state-dir", str(state.root)]
        said.append((await asyncio.to_thread(CliRunner().invoke, app, line)).output)
    return said


async def ask(room: Room, named: str) -> httpx.Response:
    """For a case's way, by some name."""
    page = await room.operator.get("/operations/trace")
    return await room.operator.press(page, "/operations/trace", named=named)


async def send(room: Room, path: str, **form: str) -> httpx.Response:
    """A form of this session, whether a page shows it or not."""
    guard = hidden(await room.operator.get("/operations/trace"), "/operations/trace")
    return await room.operator.send(path, **guard, **form)


async def discard(room: Room, path: str) -> None:
    """First the reason, then the yes, without a script; nothing happens before that."""
    letter = path.rpartition("/")[0]
    asked = await room.operator.press(await room.operator.get(letter), path, reason="was_test")
    open_ones = "select count(*) from reporting.dead_letters where id = 2 and state = 'open'"
    assert await room.address.site.rows(open_ones) == [(1,)]
    done = await room.operator.press(asked, path)
    assert (done.url.path, done.status_code) == (letter, 200)
    assert await room.address.site.rows(open_ones) == [(0,)]


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
    for nowhere in ("letters/reporting/99", "letters/nobody/1"):
        assert (await room.operator.get(f"/operations/{nowhere}")).status_code == 404


async def at_a_telephone(room: Room, looker: Looker) -> None:
    """The same session in a real browser."""
    async with (
        serving(read := BothLanguages(room.address.front, same_in_both() | PARTS)) as base,
        chromium() as browser,
        window(browser, base, PHONE) as page,
    ):
        cookie = room.operator.client.cookies["siraba_person"]
        await page.context.add_cookies([{"name": "siraba_person", "value": cookie, "url": base}])
        await look_around(page, looker, room)
    assert (read.compared >= 6, read.standing) == (True, set())


async def look_around(page: Page, looker: Looker, room: Room) -> None:
    """Every template once, some of them with what can be wrong on them."""
    await page.goto("/operations/")
    await looker.look(page, "health")
    await page.click('nav a[href="/operations/letters"]')
    await page.click("summary")
    await looker.look(page, "letters")
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
    await page.click('nav a[href="/operations/notices"]')
    await looker.look(page, "notices")
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

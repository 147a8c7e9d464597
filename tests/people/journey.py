"""The way of one referral through five people's browsers, as far as it has pages (design §1)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from playwright.async_api import Browser

from services.reporting.use_cases.boarding import BOARDS
from tests.builders import an_organisation
from tests.parts import Site, until
from tests.people.address import SERVICES, Address, open_address
from tests.people.chromium import DESK, PHONE, window
from tests.people.hands import Keyboard
from tests.people.looking import Looker
from tests.people.persons import SCREENS, Person, Said
from tests.people.untranslated import BothLanguages, same_in_both
from tests.serving import serving

DIRECTORY: Final = (
    an_organisation("POLICE_A", "gendarmerie", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter", channel="desk"),
    an_organisation("HEALTH_E", "health", "health", channel="desk"),
    an_organisation(
        "HEALTH_F", "health", "health", channel="desk", region="01", zones=("01", "12")
    ),
    an_organisation("COMITE", "committee"),
)
#: Who sits where, before what.
FIVE: Final = {
    "officer": ("POLICE_A", "officer", PHONE),
    "shelter": ("SHELTER_B", "focal_point", DESK),
    "health": ("HEALTH_E", "officer", PHONE),
    "owner": ("POLICE_A", "focal_point", DESK),
    "committee": ("COMITE", "data_officer", DESK),
}
#: An institution's own sign-in, which does not answer.
ELSEWHERE: Final = {"oidc_issuer": "http://127.0.0.1:9"}
#: A girl of 14 in forced domestic work; legal aid is offered by nobody here.
GIRL: Final[Mapping[str, Said]] = {
    "found": {"region": "12", "detection_channel": "patrol"},
    "person": {"sex": "female", "age_band": "12-14", "citizenship": "MLI", "languages": ["bambara"]},
    "signs": {"indicators": ["deception", "isolation"], "exploitation": ["domestic_work"]},
    "needs": {"needs": ["shelter", "health", "legal_aid"], "urgency": "emergency_24h"},
    "consent": {
        "authority": "guardian", "consent_shelter": "given", "consent_health": "given",
        "consent_justice": "refused",
    },
    "safety": {"risk": "medium", "safety": ["do_not_call"]},
    "sealed": {"full_name": "Hawa Konaté", "village": "Djidian", "safe_hours": "le matin"},
}  # fmt: skip
#: What is neither French nor English, because somebody typed it or an organisation is called so.
TYPED: Final = frozenset(
    {
        "Hawa Konaté",
        "Djidian",
        "le matin",
        "Nouvelle ligne",
        "Autres numéros au téléphone",
        "a test",
    }
    | {one.kind for one in DIRECTORY}
)

#: One form in each state that a device shows; what is sealed is somebody else's, so nothing is sent.
KEPT: Final = """async () => {
  const one = { at: "2026-11-20T08:00:00Z", whose: "x", ends_at: "2099-11-23T06:00:00Z", sealed: "x" };
  const lacking = [{ field: "region", rule: "needed" }];
  for (const more of [
    { state: "draft" }, { state: "waiting" }, { state: "over", sealed: undefined },
    { state: "sent", sealed: undefined, number: "ML-12-2026-7K3QXF-C" },
    { state: "refused", code: "invalid_request", title: "The form lacks something", lacking },
  ]) await outbox.put({ ...one, ...more, key: more.state });
}"""


@dataclass(slots=True)
class Five:
    """Five people, each at a browser and with the keyboard alone."""

    address: Address
    people: Mapping[str, Person]
    looker: Looker
    read: BothLanguages

    async def look(self, who: str, what: str) -> None:
        """Whatever this person has before them now."""
        await self.looker.look(self.people[who].page, f"{who}-{what}")

    @property
    def unseen(self) -> list[str]:
        """Where somebody's focus went without being shown."""
        hands = [one.hand for one in self.people.values()]
        return [lost for hand in hands if isinstance(hand, Keyboard) for lost in hand.unseen]

    async def steps(self, case: str) -> list[tuple[str, str]]:
        """Whom a case was offered to and how that stands."""
        query = (
            "select r.organisation, r.state from referral.referrals r join intake.cases c"
            " using (case_id) where c.number = :case order by 1"
        )
        return [(str(who), str(how)) for who, how in await self.address.site.rows(query, case=case)]


@asynccontextmanager
async def five_people(site: Site, browser: Browser, looker: Looker) -> AsyncIterator[Five]:
    """The platform with five people invited to it, each before an empty window."""
    async with (
        AsyncExitStack() as stack,
        open_address(site, *DIRECTORY, services=tuple(SERVICES), limits=ELSEWHERE) as address,
        serving(read := BothLanguages(address.front, same_in_both() | TYPED)) as base,
    ):
        people = {}
        for who, (_, _, device) in FIVE.items():
            page = await stack.enter_async_context(window(browser, base, device))
            people[who] = Person(page, Keyboard(page))
        yield Five(address, people, looker, read)


async def come_in(five: Five) -> None:
    """Everybody takes up an invitation; what can go wrong at the door does, once."""
    for who, (organisation, role, _) in FIVE.items():
        person, login = five.people[who], f"{who}.mali"
        await person.take_up(await five.address.invite(login, organisation, role))
        if who == "officer":
            await five.look(who, "invited")
            await person.join(again="les-moutons-de-kati")
            await five.look(who, "two-passwords")
        await person.join()
        if who == "officer":
            await five.look(who, "joined")
            await person.log_in(login, "les-moutons-de-kati")
            await five.look(who, "wrong")
        await person.log_in(login)
        await five.look(who, "first-page")


async def write_down(five: Five) -> str:
    """Steps 1 and 2: the officer's form, screen by screen; the case's number."""
    officer = five.people["officer"]
    await officer.follow('nav a[href="/intake/new"]')
    for here, there in pairwise(SCREENS):
        if here == "signs":
            await officer.go(there)
            await five.look("officer", "something-missing")
        await officer.answer(GIRL[here])
        await five.look("officer", here)
        await officer.go(there)
    await five.look("officer", "review")
    await officer.go("send")
    number = await officer.page.locator("h1.key").inner_text()
    await until(lambda: offered(five, number))
    await officer.follow('form[action="/intake/new/asked"] button')
    await five.look("officer", "asked")
    return number


async def write_down_many(five: Five) -> None:
    """Two who were found together: what is missing is named, then both are registered."""
    officer, page = five.people["officer"], five.people["officer"].page
    await officer.follow('nav a[href="/intake/new"]')
    await officer.follow('a[href="/intake/together"]')
    await five.look("officer", "together")
    await page.locator("[required]").evaluate_all("all => all.map(one => one.required = false)")
    await page.fill("[name=full_name-2]", "Oumou")
    await officer.follow('button[value="send"]')
    await five.look("officer", "together-missing")
    shared = {"region": "01", "detection_channel": "patrol"}
    each = {f"{name}-{nth}": value for nth in (1, 2) for name, value in _WOMAN.items()}
    for name, value in (shared | each).items():
        await page.select_option(f"[name={name}]", value)
    for name, value in _OF_BOTH.items():
        await page.check(f"[name={name}][value={value}]")
    await officer.follow('button[value="send"]')
    while await page.locator('a[href^="/intake/mine/"]').count() < 2:
        await page.reload()
    await five.look("officer", "found-together")


_WOMAN = {"sex": "female", "age_band": "25-34"}
_OF_BOTH = {
    "exploitation": "gold_mining", "needs": "shelter", "urgency": "urgent_72h", "risk": "medium",
}  # fmt: skip


async def go_without(five: Five) -> None:
    """The form for the time without a line, empty and lacking something, and what a device keeps."""
    officer = five.people["officer"]
    await officer.follow('nav a[href="/intake/new"]')
    await officer.follow('a[href^="/intake/offline?"]')
    await five.look("officer", "nothing-kept")
    await officer.follow('a[href^="/intake/offline/form"]')
    await officer.page.locator("html[data-open=yes]").wait_for(state="attached")
    # The browser asks for the first answers by itself, and the page for those of the groups.
    await officer.page.locator("#filling [required]").evaluate_all(
        "all => all.map(one => one.required = false)"
    )
    await officer.hand.press(officer.page.locator("#filling > p button"))
    await officer.page.locator("#filling .fault").first.wait_for()
    await five.look("officer", "offline-missing")
    await officer.page.goto("/intake/offline?lang=fr")
    await officer.page.evaluate(KEPT)
    await officer.page.reload()
    await officer.page.locator("[data-state=over]").wait_for()
    await five.look("officer", "offline-kept")


async def outlast(five: Five) -> None:
    """The session ends over another form: what was typed comes back after signing in again."""
    officer = five.people["officer"]
    await officer.follow('nav a[href="/intake/new"]')
    here, there = SCREENS[:2]
    await officer.answer(GIRL[here])
    await five.address.site.run(
        "update referral.sessions set seen_at = now() - interval '31 minutes' where account_id ="
        " (select account_id from referral.accounts where login = 'officer.mali')"
    )
    await officer.go(there)
    await five.look("officer", "too-late")
    await officer.follow('form[action="/login"] button')
    await officer.log_in("officer.mali", ahead=1)
    await five.look("officer", "signed-in-again")
    await officer.follow('form[action="/intake/again"] button')
    await five.look("officer", "form-again")


async def say_session(five: Five) -> None:
    """Whoever held a session says so; what is missing is named, and what was entered stays."""
    officer = five.people["officer"]
    await officer.follow('nav a[href="/reporting/held"]')
    await five.look("officer", "session")
    form = officer.page.locator('form[action="/reporting/held"]')
    await form.locator("[required]").evaluate_all("all => all.map(one => one.required = false)")
    await officer.write("women", "30")
    await officer.follow(form.locator("button"))
    await five.look("officer", "session-missing")
    for name, value in (("kind", "talk"), ("place", "01"), ("language", "bambara")):
        await officer.hand.pick(form.locator(f"[name={name}]"), value)
    await form.locator("[name=held_on]").evaluate("one => one.value = '2026-11-20'")
    await officer.follow(form.locator("button"))
    await five.look("officer", "session-said")
    assert await officer.page.locator("[role=status]").count()


async def offered(five: Five, number: str) -> bool:
    """Whether both organisations are asked, and it is known that nobody can be for the third."""
    query = "select 1 from intake.unplaced"
    return len(await five.steps(number)) == 2 and bool(await five.address.site.rows(query))


async def accept(five: Five) -> str:
    """Steps 3 to 5: the shelter reads, accepts and opens the dossier; the referral's id."""
    shelter = five.people["shelter"]
    await shelter.page.reload()
    await five.look("shelter", "waiting")
    await shelter.follow(".cards a.button")
    await five.look("shelter", "offer")
    await shelter.follow('form[action$="/accept"] button')
    await five.look("shelter", "accepted")
    referral = shelter.page.url.rpartition("/")[2]
    dossier = shelter.page.locator(f'a[href="/intake/dossiers/{referral}"]')
    query = "select 1 from intake.disclosures where referral_id = :id"
    await until(lambda: five.address.site.rows(query, id=referral))
    await shelter.follow(dossier)
    await five.look("shelter", "dossier")
    assert "Hawa Konaté" in await shelter.page.locator("main").inner_text()
    await shelter.follow('nav a[href="/intake/"] >> nth=0')
    await five.look("shelter", "dossiers")
    return referral


async def decline(five: Five) -> None:
    """Step 6: the health centre has no room, and says so."""
    health = five.people["health"]
    await health.page.reload()
    await health.follow(".cards a.button")
    await health.hand.press(health.page.locator("summary"))
    # A reason is asked for by the browser already; and without that, by the page.
    await health.page.locator("[name=reason]").evaluate_all(
        "all => all.map(one => one.required = false)"
    )
    await health.follow('form[action$="/decline"] button')
    await five.look("health", "no-reason")
    await health.hand.choose(health.page.locator("[name=reason][value=capacity]"))
    await health.follow('form[action$="/decline"] button')
    await five.look("health", "declined")


async def care(five: Five, referral: str) -> None:
    """Step 7: the service begins; places are counted."""
    shelter = five.people["shelter"]
    await shelter.page.goto(f"/referral/desk/{referral}")
    await shelter.follow('form[action$="/start"] button')
    await five.look("shelter", "begun")
    await shelter.page.goto("/referral/room")
    for places, free, name in (("2", "9", "wrong-count"), ("9", "2", "counted")):
        await shelter.hand.write(shelter.page.locator("[name=places]"), places)
        await shelter.hand.write(shelter.page.locator("[name=free]"), free)
        await shelter.follow('form[action$="/room/shelter"] button')
        await five.look("shelter", name)


async def erase(five: Five, referral: str) -> None:
    """Step 8: the yes was taken back; the shelter hears of it and confirms."""
    shelter = five.people["shelter"]
    await shelter.page.goto("/intake/")
    await five.look("shelter", "withdrawn")
    await shelter.page.goto(f"/intake/dossiers/{referral}")
    await five.look("shelter", "withdrawn-dossier")
    await shelter.follow('form[action*="/withdrawals/"] button')
    await five.look("shelter", "confirmed")


async def end(five: Five, referral: str) -> None:
    """What rested on the yes is over, and nothing is shown of the person any more."""
    shelter = five.people["shelter"]
    await shelter.page.goto(f"/referral/desk/{referral}")
    await five.look("shelter", "over")
    await shelter.page.goto(f"/intake/dossiers/{referral}")
    await five.look("shelter", "closed-dossier")
    await shelter.follow('nav a[href="/referral/"]')
    await five.look("shelter", "done")


async def count(five: Five) -> None:
    """Step 9: the committee's figures and boards, and a period that cannot be."""
    committee = five.people["committee"]
    await committee.page.reload()
    await five.look("committee", "figures")
    await committee.page.goto("/reporting/?from=2026-05-01&to=2026-01-01")
    await five.look("committee", "bad-period")
    for name in BOARDS:
        await committee.page.goto(f"/reporting/boards/{name}")
        await five.look("committee", f"board-{name}")


async def leave(five: Five) -> None:
    """What is not there, is for another role, or has been left."""
    owner = five.people["owner"]
    for path, name in (
        ("/intake/", "dossiers"), ("/reporting/", "other-role"), ("/referral/nowhere", "nowhere"),
    ):  # fmt: skip
        await owner.page.goto(path)
        await five.look("owner", name)
    await owner.page.goto("/referral/")
    await owner.follow('form[action="/leave"] button')
    for path in ("/intake/", "/reporting/", "/referral/"):
        await owner.page.goto(path)
        await five.look("owner", f"left{path.replace('/', '-').rstrip('-')}")

"""The owner's pages: a person is heard again, a service confirmed, a case followed to its end, each once."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.vocabulary import label
from tests.parts import until
from tests.people.address import BASE, Address, Browser, hidden, words
from tests.people.attacks import active_in
from tests.people.qr_code import read_code
from tests.people.shared_address import address, owner, shared_site, shelter
from tests.people.test_intake_form import ANSWERS, NEW, carried, number_of

__all__ = ["address", "owner", "shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
MINE = "/intake/mine"
HEALTH = label("organisation_kind", "health", "fr")


async def registered(browser: Browser, **changes: str | list[str]) -> str:
    """The page of a case that was just written down."""
    said = {name: value for step in ANSWERS.values() for name, value in step.items()} | changes
    guard = carried(await browser.get(NEW))
    data: dict[str, Any] = guard | said | {"step": "review", "go": "send"}
    sent = await browser.client.post(NEW, data=data, headers={"origin": BASE})
    number = number_of(sent)
    query = "select case_id from intake.cases where number = :number"
    ((case_id,),) = await browser.address.site.rows(query, number=number)
    page = await browser.get(MINE)
    assert f'href="{MINE}/{case_id}"' in page.text
    assert number in words(page)
    return f"{MINE}/{case_id}"


async def decided(address: Address, at: str) -> list[tuple[str, str | None, str]]:
    """What was recorded about a case since its registration."""
    query = "select recipient_kind, purpose, state from intake.consents where case_id = :case order by at"
    return [tuple(row) for row in await address.site.rows(query, case=case_of(at))]


async def told(address: Address, at: str, *names: str) -> list[str]:
    """Which of these events intake has to tell of, in their order."""
    query = (
        "select name from intake.outbox where name = any(:names) and organisation is null"
        " and case_id = :case order by position"
    )
    rows = await address.site.rows(query, names=list(names), case=case_of(at))
    return [name for (name,) in rows]


def case_of(at: str) -> str:
    """The id in the address of its page."""
    return at.rpartition("/")[2]


async def test_a_person_who_is_heard_again_is_told_of_once_and_a_no_takes_back(
    owner: Browser,
) -> None:
    at = await registered(owner)
    asked = await owner.get(f"{at}/consent")
    assert "Un centre de santé peut vous examiner" in words(asked)
    for nothing in ({}, {"authority": "person"}, {"consent_health": "given"},
                    {"consent_health": "perhaps", "authority": "person"}):  # fmt: skip
        assert (await owner.press(asked, f"{at}/consent", **nothing)).status_code == 422
    assert await decided(owner.address, at) == []

    yes = {"authority": "person", "consent_health": "given", "consent_shelter": "given"}
    first = await owner.press(asked, f"{at}/consent", **yes)
    again = await owner.press(asked, f"{at}/consent", **yes)
    changed = await owner.press(asked, f"{at}/consent", **yes | {"consent_social": "given"})
    assert [one.status_code for one in (first, again, changed)] == [200, 200, 409]
    assert "C’est enregistré." in words(first)
    assert f"{HEALTH} Oui" in words(first)
    assert await decided(owner.address, at) == [("health", "care", "given")]

    no = {"authority": "person", "consent_health": "refused"}
    after = await owner.press(await owner.get(f"{at}/consent"), f"{at}/consent", **no)
    assert f"{HEALTH} Non" in words(after)
    assert await decided(owner.address, at) == [
        ("health", "care", "given"),
        ("health", None, "refused"),
    ]
    events = ("consent.given", "consent.changed", "consent.withdrawn")
    assert await told(owner.address, at, *events) == ["consent.given", "consent.withdrawn"]


async def test_a_yes_that_opens_nothing_is_not_recorded(owner: Browser) -> None:
    at = await registered(owner, age_band="12-14", authority="guardian")
    asked = await owner.get(f"{at}/consent")
    own = {"authority": "person", "consent_health": "given"}
    refused = await owner.press(asked, f"{at}/consent", **own)
    assert (refused.status_code, "Ce oui ne vaut pas" in words(refused)) == (422, True)
    assert await decided(owner.address, at) == []
    heard = await owner.press(refused, f"{at}/consent", **own | {"authority": "guardian"})
    assert f"{HEALTH} Oui" in words(heard)


async def given(shelter: Browser, at: str) -> UUID:
    """The case's referral to the shelter, which says that it has given the service."""
    query = "select referral_id from referral.referrals where case_id = :case and organisation = 'SHELTER_B'"
    rows = shelter.address.site.rows
    ((referral_id,),) = await until(lambda: rows(query, case=case_of(at)))
    path = f"/referral/desk/{referral_id}"
    for verb in ("accept", "start", "deliver"):
        await shelter.press(await shelter.get(path), f"{path}/{verb}")
    return UUID(str(referral_id))


async def test_the_owner_confirms_once_that_the_person_was_given_the_service(
    owner: Browser, shelter: Browser
) -> None:
    at = await registered(owner)
    referral_id = await given(shelter, at)
    path = f"/referral/confirmations/{referral_id}"

    async def is_shown() -> bool:
        return path in (await owner.get(at)).text

    await until(is_shown)
    asked = await owner.get(path)
    first, again = await owner.press(asked, path), await owner.press(asked, path)
    assert [one.status_code for one in (first, again)] == [200, 200]
    assert "Vous avez confirmé" in words(first)
    query = (
        "select name from referral.outbox where name = 'referral.confirmed'"
        " and organisation is null and case_id = :case"
    )
    assert len(await owner.address.site.rows(query, case=case_of(at))) == 1
    assert (await shelter.get(path)).status_code == 404


AFTER_A_MONTH = (
    "update intake.cases set followed_since = followed_since - interval '31 days',"
    " followup_due_at = followup_due_at - interval '31 days' where case_id = :case"
)


async def pressed_twice(owner: Browser, at: str, path: str, **form: str) -> httpx.Response:
    """A form of the case's page is sent twice at once; what is shown to the second is as to the first."""
    page = await owner.get(at)
    first, second = await asyncio.gather(
        *(owner.press(page, f"{at}/{path}", **form) for _ in range(2))
    )
    assert (first.status_code, second.status_code) == (200, 200), words(second)
    assert "C’est enregistré." in words(second)
    return second


async def test_a_case_is_followed_and_ended_and_begins_anew_and_a_double_tap_does_each_once(
    owner: Browser,
) -> None:
    at, address = await registered(owner), owner.address
    await address.site.run(AFTER_A_MONTH, case=case_of(at))
    query = "select followup_id from intake.followups where case_id = :case"
    ((followup_id,),) = await until(lambda: address.site.rows(query, case=case_of(at)))
    assert f'href="{at}#followups"' in (await owner.get(MINE)).text
    asked = await owner.get(at)
    for path, form in (
        (f"followups/{followup_id}", {"outcome": "fine"}), ("closing", {}),
        ("returns", {"return_type": "internal", "is_voluntary": "yes", "planned_for": "2030-01-05"}),
        ("returns", {"return_type": "internal", "is_voluntary": "no", "is_risk_assessed": "no"}),
    ):  # fmt: skip
        assert (await owner.press(asked, f"{at}/{path}", **form)).status_code == 422, path
    said = await pressed_twice(owner, at, f"followups/{followup_id}", outcome="well")
    assert "Va bien et en sécurité" in words(said)
    for _ in range(2):
        late = await owner.press(asked, f"{at}/followups/{followup_id}", outcome="died")
        assert (late.status_code, "Ce n’est plus possible" in words(late)) == (409, True)

    plan = {"return_type": "internal", "is_voluntary": "yes", "is_risk_assessed": "no"}
    planned = await pressed_twice(owner, at, "returns", planned_for="2026-11-20", **plan)
    assert "Les dangers n’ont pas été évalués." in words(planned)
    ((return_id,),) = await address.site.rows(
        "select return_id from intake.returns where case_id = :case", case=case_of(at)
    )
    early = {"completed_on": "2999-01-01"}
    page = await owner.press(planned, f"{at}/returns/{return_id}", **early)
    assert (page.status_code, "Ce jour est encore à venir." in words(page)) == (422, True)
    await pressed_twice(owner, at, f"returns/{return_id}", completed_on="2026-11-21")

    closed = await pressed_twice(owner, at, "closing", reason="reintegrated")
    assert "Clos Réinsérée" in words(closed)
    late = await owner.press(asked, f"{at}/closing", reason="refuses")
    assert late.status_code == 409
    needs = {"reason": "needs_help", "needs": "shelter"}
    assert "Ouvert" in words(await pressed_twice(owner, at, "reopening", **needs))
    names = ("followup.done", "return.planned", "return.completed", "case.closed", "case.reopened")
    assert await told(address, at, *names) == list(names)


async def test_a_case_is_handed_over_whole_by_one_yes_and_stays_by_a_no(
    owner: Browser, shelter: Browser
) -> None:
    at, address, paths = await registered(owner), owner.address, []
    page = await owner.get(at)
    assert (await owner.press(page, f"{at}/handovers", to="")).status_code == 422
    for nobody in ("NOBODY", "SHELTER_C"):
        assert (await owner.press(page, f"{at}/handovers", to=nobody)).status_code == 409
    for answer, form in (("refusal", {"reason": "capacity"}), ("acceptance", {})):
        said = {"to": "SHELTER_B", "agrees": "yes", "authority": "person"}
        asked = await pressed_twice(owner, at, "handovers", **said)
        assert "SHELTER_B est invitée à reprendre le cas" in words(asked)
        pending = await owner.press(asked, f"{at}/closing", reason="refuses")
        assert (pending.status_code, "annulez d’abord" in words(pending)) == (409, True)
        mine = await shelter.get(MINE)
        (path,) = re.findall(r'href="(/intake/handovers/[^"]+)"', mine.text)
        paths.append(path)
        offer = await shelter.get(path)
        assert "POLICE_A vous demande de reprendre un cas" in words(offer)
        assert (await shelter.press(offer, f"{path}/refusal")).status_code == 422
        for _ in range(2):
            assert (await shelter.press(offer, f"{path}/{answer}", **form)).status_code == 200
    assert (await shelter.get(at)).status_code == 200
    assert [(await owner.get(one)).status_code for one in (at, *paths)] == [404, 404, 404]
    assert await told(address, at, "case.transferred") == ["case.transferred"]


async def test_what_is_anothers_is_as_what_is_not_and_officers_end_nothing(
    owner: Browser, shelter: Browser, address: Address
) -> None:
    at = await registered(owner)
    async with address.browser() as officer:
        await officer.arrive("o.traore", organisation="POLICE_A", role="officer")
        page = await officer.get(at)
        for name in ("closing", "returns", "handovers"):
            assert f'action="{at}/{name}"' not in page.text
            said = hidden(page, "/leave") | {"reason": "refuses"}
            assert (await officer.send(f"{at}/{name}", **said)).status_code == 403
    form = hidden(await shelter.get(MINE), "/leave") | {"reason": "refuses"}
    answers = [
        one
        for there in (at, f"{MINE}/{uuid4()}")
        for one in (await shelter.get(there), await shelter.send(f"{there}/closing", **form))
    ]
    assert {one.status_code for one in answers} == {404}
    assert len({one.text for one in answers}) == 1
    keyless = hidden(await owner.get(at), f"{at}/closing") | {"key": "x", "reason": "refuses"}
    assert (await owner.send(f"{at}/closing", **keyless)).status_code == 400


async def test_a_slip_holds_the_number_and_not_a_word_of_the_person(owner: Browser) -> None:
    at = await registered(owner)
    ((number,),) = await owner.address.site.rows(
        "select number from intake.cases where case_id = :case", case=case_of(at)
    )
    page = await owner.get(f"{at}/slip")
    slip = page.text.partition('<section class="card slip"')[2].partition("</section>")[0]
    assert words(httpx.Response(200, text=f"<p{slip}")).split() == [
        "Numéro",
        "à",
        "présenter",
        number,
    ]
    assert active_in(page.text) == ["svg"]
    drawn = re.search(r'stroke="#000" d="([^"]+)"', slip)
    assert drawn is not None
    assert read_code(drawn[1]) == number


HEARD = (
    (
        "insert into intake.threats values (gen_random_uuid(), :case, 'SHELTER_B', 'search', 'family',"
        " 'vital_1h', '2026-11-20', now(), '{}')"
    ),
    (
        "insert into intake.files values (:case, 'POLICE_A', gen_random_uuid(), 'charged', '2026-11-18',"
        " '2026-12-02')"
    ),
)


async def test_the_owner_reads_who_threatens_and_where_the_file_stands(
    owner: Browser,
) -> None:
    at = await registered(owner)
    for statement in HEARD:
        await owner.address.site.run(statement, case=case_of(at))
    read = words(await owner.get(at))
    assert "La personne est recherchée (Famille) · SHELTER_B · 20 novembre 2026" in read
    assert "Inculpation · POLICE_A 18 novembre 2026 Prochaine audience le 2 décembre 2026" in read

"""Pages beside an owner's case: who could see what of the person, and how far the files are."""

import asyncio
import re
from uuid import UUID, uuid4

import pytest

from tests.parts import until
from tests.people.address import Address, Browser, words
from tests.people.attacks import active_in
from tests.people.shared_address import address, shared_site
from tests.people.test_own_cases import case_of, owner, registered, shelter

__all__ = ["address", "owner", "shared_site", "shelter"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("lifecycle"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
READS, NO_MORE = "Peut le lire maintenant", "Ne peut plus le lire"


async def accepted(shelter: Browser, at: str) -> UUID:
    """The case's referral to the shelter, which has taken it on and may read what intake released."""
    rows = shelter.address.site.rows
    query = "select referral_id from referral.referrals where case_id = :case and organisation = 'SHELTER_B'"
    ((referral_id,),) = await until(lambda: rows(query, case=case_of(at)))
    path = f"/referral/desk/{referral_id}"
    await shelter.press(await shelter.get(path), f"{path}/accept")
    released = "select 1 from intake.disclosures where referral_id = :id"
    await until(lambda: rows(released, id=referral_id))
    return UUID(str(referral_id))


async def over(shelter: Browser, referral_id: UUID) -> None:
    """The shelter has helped, and intake has heard of it."""
    path = f"/referral/desk/{referral_id}"
    for verb in ("start", "deliver"):
        await shelter.press(await shelter.get(path), f"{path}/{verb}")
    query = "select 1 from intake.steps where referral_id = :id and step = 'delivered'"
    await until(lambda: shelter.address.site.rows(query, id=referral_id))


async def test_the_owner_reads_who_could_see_what_by_which_right_and_who_looked(
    owner: Browser, shelter: Browser
) -> None:
    at = await registered(owner)
    referral_id = await accepted(shelter, at)
    before = words(await owner.get(f"{at}/told"))
    assert "SHELTER_B · Hébergement" in before
    assert "Personne n’y a ouvert le dossier." in before
    for _ in range(2):
        assert "Konaté" in (await shelter.get(f"/intake/dossiers/{referral_id}")).text

    page = await owner.get(f"{at}/told")
    read = words(page)
    assert f'href="{at}/told"' in (await owner.get(at)).text
    assert (read.count(READS), NO_MORE in read) == (1, False)
    assert "Quoi Identité, Coordonnées, " in read
    assert "À quel titre Consentement" in read
    assert len(re.findall(r"<li>[^<]+ · Point focal</li>", page.text)) == 2
    assert "Konaté" not in page.text
    assert "Djidian" not in page.text

    query = "select count(*) from intake.audit where action = 'disclosures' and case_id = :case"
    assert await owner.address.site.rows(query, case=case_of(at)) == [(2,)]


async def test_a_desk_whose_work_is_over_can_read_nothing_more(
    owner: Browser, shelter: Browser
) -> None:
    at = await registered(owner)
    await over(shelter, await accepted(shelter, at))
    read = words(await owner.get(f"{at}/told"))
    assert (READS in read, read.count(NO_MORE)) == (False, 1)


async def test_what_was_taken_back_says_when_and_whether_it_is_erased(
    owner: Browser, shelter: Browser
) -> None:
    at = await registered(owner)
    referral_id = await accepted(shelter, at)
    asked = await owner.get(f"{at}/consent")
    await owner.press(asked, f"{at}/consent", authority="person", consent_shelter="refused")
    read = words(await owner.get(f"{at}/told"))
    assert (READS in read, NO_MORE in read) == (False, True)
    assert "elle n’a pas encore confirmé l’avoir effacé" in read

    path = f"/intake/dossiers/{referral_id}"
    page = await shelter.get(path)
    (confirm,) = re.findall(rf'action="({path}/withdrawals/[^"]+)"', page.text)
    await shelter.press(page, confirm)
    assert "l’avoir effacé" in (read := words(await owner.get(f"{at}/told")))
    assert "n’a pas encore confirmé" not in read


async def test_an_emergency_is_named_and_another_organisation_finds_nothing(
    owner: Browser, shelter: Browser, address: Address
) -> None:
    at = await registered(owner)
    await address.site.run(
        "insert into intake.exceptions select gen_random_uuid(), case_id, number, owner, 'SHELTER_B',"
        " 'focal_point', 'p', 'life_in_danger', '{G2}', now(), now(), 'POLICE_Z', 'focal_point', 'q',"
        " now(), now() + interval '1 hour' from intake.cases where case_id = :case",
        case=case_of(at),
    )
    read = words(await owner.get(f"{at}/told"))
    assert "Ouvert en urgence SHELTER_B Peut le lire maintenant Identité et coordonnées" in read
    assert "Une vie est en danger" in read
    answers = [await shelter.get(f"{one}/told") for one in (at, f"/intake/mine/{uuid4()}")]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].text == answers[1].text


STEP = {"state": "charged", "on": "2026-11-18", "offence_class": "slavery_practices"}


async def filing(owner: Browser) -> tuple[str, str]:
    """(the page of a new case, the page on which its owner says how far the files are)."""
    at = await registered(owner)
    query = "select referral_id from referral.referrals where case_id = :case and organisation = 'SHELTER_B'"
    ((referral_id,),) = await until(lambda: owner.address.site.rows(query, case=case_of(at)))
    return at, f"/referral/proceedings/{referral_id}"


async def announced(owner: Browser, at: str) -> list[str]:
    """What referral told of the case's files, in order."""
    query = (
        "select name from referral.outbox where name like 'proceeding.%' and organisation is null"
        " and case_id = :case order by position"
    )
    return [name for (name,) in await owner.address.site.rows(query, case=case_of(at))]


async def said_twice(owner: Browser, path: str, **form: str) -> None:
    """The form of one page comes twice at once."""
    page = await owner.get(path)
    both = await asyncio.gather(*(owner.press(page, path, **form) for _ in range(2)))
    assert [one.status_code for one in both] == [200, 200]
    assert "C’est enregistré." in words(both[1])


async def test_a_step_of_a_file_is_told_once_and_the_owner_reads_state_and_next_hearing(
    owner: Browser,
) -> None:
    at, path = await filing(owner)
    page = await owner.get(path)
    await said_twice(owner, path, **STEP)
    assert await announced(owner, at) == ["proceeding.opened"]

    assert (await owner.press(page, path, **STEP)).status_code == 200
    changed = await owner.press(page, path, **STEP | {"state": "judged"})
    assert (changed.status_code, "déjà été envoyée" in words(changed)) == (409, True)
    known = (
        "select proceeding_id from referral.proceedings where case_id = :case and state = 'charged'"
    )
    file, _ = await owner.address.site.rows(known, case=case_of(at))
    next_step = {"proceeding_id": str(file[0]), "next_hearing_on": "2026-12-02"}
    await said_twice(owner, path, **STEP | next_step | {"on": "2026-11-20"})
    assert await announced(owner, at) == [*["proceeding.opened"] * 2, "proceeding.advanced"]

    async def is_read() -> bool:
        return "Prochaine audience le 2 décembre 2026" in words(await owner.get(at))

    await until(is_read)
    assert f'href="{path}"' in (await owner.get(at)).text


#: (field, what does not fit, how the page says so)
WRONG = (
    ("state", "", "Il manque cette réponse."),
    ("state", "<img src=x onerror=alert(1)>", "Veuillez revoir ce point."),
    ("on", "2999-01-01", "Ce jour est encore à venir."),
    ("court", "assize_court", "Ce n’était pas en vigueur ce jour-là."),
    ("next_hearing_on", "<b>demain", "Veuillez revoir ce point."),
)


async def test_what_does_not_fit_is_named_at_its_field_and_nothing_is_told(
    owner: Browser,
) -> None:
    at, path = await filing(owner)
    asked = await owner.get(path)
    for field, wrong, why in WRONG:
        page = await owner.press(asked, path, **STEP | {field: wrong})
        assert page.status_code == 422
        assert re.findall(r'aria-describedby="fault-(\w+)"', page.text) == [field]
        assert why in words(page)
        assert active_in(page.text) == []
    assert await announced(owner, at) == []


async def test_files_are_of_their_own_case_and_of_the_police_and_justice_alone(
    owner: Browser, shelter: Browser, address: Address
) -> None:
    at, path = await filing(owner)
    page = await owner.get(path)
    forged = await owner.press(page, path, **STEP | {"proceeding_id": str(uuid4())})
    keyless = await owner.press(page, path, **STEP | {"key": "x"})
    assert (forged.status_code, keyless.status_code) == (422, 400)
    there = [await shelter.get(one) for one in (path, f"/referral/proceedings/{uuid4()}")]
    assert [one.status_code for one in there] == [404, 404]
    assert there[0].text == there[1].text
    assert await announced(owner, at) == []

"""The committee changes what the directory says of an organisation, and reads first what changes."""

import re
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio

from contracts.directory import DirectoryEntry
from services.referral.pages.amended import amended, as_said
from services.referral.use_cases import suspending
from tests.builders import an_entry, an_organisation
from tests.parts import Site
from tests.people.address import BASE, Address, Browser, open_address, words
from tests.people.attacks import MARKUP, active_in
from tests.people.shared_address import DIRECTORY, browser, shared_site

__all__ = ["browser", "shared_site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
at_one_address = pytest.mark.asyncio(loop_scope="module")
SHELTER = "/referral/organisations/SHELTER_B"
Said = Sequence[tuple[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(shared_site: Site) -> AsyncIterator[Address]:
    async with open_address(shared_site, *DIRECTORY, an_organisation("COMITE", "committee")) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def keeper(browser: Browser) -> Browser:
    """Somebody of the committee."""
    await browser.arrive("c.kone", organisation="COMITE")
    return browser


def shown_in(page: httpx.Response) -> list[tuple[str, str]]:
    """What the form of a page would send as it stands."""
    form = page.text.partition('/entry" autocomplete="off">')[2].partition("</form>")[0]
    said = []
    for field in re.findall(r"<input ([^>]*)>", form):
        at = dict(re.findall(r'(\w+)="([^"]*)"', field))
        if at.get("type") != "checkbox" or field.endswith(" checked"):
            said.append((at["name"], at.get("value", "")))
    return said


def with_(said: Said, **changes: str) -> list[tuple[str, str]]:
    """One answer instead of others; the name is written with `_` for `-`."""
    given = {name.replace("__", "-"): text for name, text in changes.items()}
    return [one for one in said if one[0] not in given] + list(given.items())


async def send(keeper: Browser, said: Said, go: str = "look") -> httpx.Response:
    body = httpx.QueryParams([*said, ("go", go)])
    headers = {"origin": BASE, "content-type": "application/x-www-form-urlencoded"}
    return await keeper.client.post(f"{SHELTER}/entry", content=str(body), headers=headers)


async def entry_of(keeper: Browser) -> tuple[int, DirectoryEntry, str, str, bool]:
    """The newest version of the shelter's entry: its number, who made it and why."""
    query = (
        "select version, entry, role, why, person is not null from referral.organisation_versions"
        " where code = 'SHELTER_B' order by version desc limit 1"
    )
    ((version, entry, role, why, is_known),) = await keeper.address.site.rows(query)
    return version, DirectoryEntry.model_validate(entry), role, why, is_known


async def announced(keeper: Browser) -> int:
    """How often the others were told what the directory says."""
    query = "select count(*) from referral.outbox where name = 'organisation.registered' and organisation is null"
    return int((await keeper.address.site.rows(query))[0][0])


@at_one_address
async def test_a_change_is_read_before_it_counts_and_is_kept_with_who_made_it(
    keeper: Browser,
) -> None:
    before, told_before = await entry_of(keeper), await announced(keeper)
    page = await keeper.get(SHELTER)
    assert f'href="{SHELTER}/entry"' in page.text
    form = shown_in(await keeper.get(f"{SHELTER}/entry"))
    said = with_(form, phone="+223 20 00 00 00", sexes__shelter="female", age_min__shelter="12")
    read = await send(keeper, [*said, ("services", "legal_aid"), ("languages", "bambara")])
    told = words(read)
    assert "Téléphone du point focal au siège Actuellement : – Ensuite : +22320000000" in told
    assert "Hébergement · Féminin · À partir de 12 ans; Assistance juridique" in told
    assert "Nom en" not in told
    assert await entry_of(keeper) == before
    refused = await send(keeper, shown_in(read), "keep")
    assert (refused.status_code, "Dites pourquoi" in words(refused)) == (422, True)
    assert await entry_of(keeper) == before
    back = await send(keeper, shown_in(refused), "back")
    assert 'value="+223 20 00 00 00"' in back.text

    done = await send(keeper, with_(shown_in(read), why="Nouvelle  ligne"), "keep")
    assert (str(done.url.path), "C’est enregistré." in words(done)) == (SHELTER, True)
    version, entry, *author = await entry_of(keeper)
    assert (version, author) == (before[0] + 1, ["focal_point", "Nouvelle ligne", True])
    assert "COMITE · Active Nouvelle ligne" in words(done)
    (post,) = [one for one in entry.units[0].contacts if one.rung == "focal_point"]
    assert (post.phone, entry.languages[-1]) == ("+22320000000", "bambara")
    assert [one.service for one in entry.services] == ["shelter", "legal_aid"]
    assert (entry.services[0].sexes, entry.services[0].age_min) == (("female",), 12)
    assert await announced(keeper) == told_before + 1


@at_one_address
async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(keeper: Browser) -> None:
    first = shown_in(await keeper.get(f"{SHELTER}/entry"))
    read = shown_in(await send(keeper, with_(first, name_fr="Maison de Ségou")))
    other = shown_in(await send(keeper, with_(first, name_fr="Maison de Kita")))
    await send(keeper, with_(other, why="Autre nom"), "keep")
    now = await entry_of(keeper)
    for form, go in ((read, "keep"), (first, "look"), (with_(first, version="x"), "look")):
        passed = await send(keeper, with_(form, why="Nom"), go)
        assert (passed.status_code, "entre-temps" in words(passed)) == (409, True)
        assert 'value="Maison de Kita"' in passed.text
    assert await entry_of(keeper) == now


WRONG: Sequence[tuple[dict[str, str], str]] = (
    ({"name_fr": " "}, "1 à 160"),
    ({"phone": "20 00 00 00"}, "indicatif du pays"),
    ({"zones": "nowhere"}, "« Partout » va seul"),
    ({"zones": "01"}, "une unité dans un lieu"),
    ({"languages": "klingon"}, "Veuillez"),
    ({"age_min__shelter": "30", "age_max__shelter": "12"}, "Les âges"),
    ({"age_min__shelter": "Kadi"}, "Les âges"),
    ({"services": "magic"}, "Les âges"),
    ({}, "Rien ne diffère"),
)


@at_one_address
async def test_what_does_not_fit_is_named_and_markup_is_text(keeper: Browser) -> None:
    form, now = shown_in(await keeper.get(f"{SHELTER}/entry")), await entry_of(keeper)
    for changes, told in WRONG:
        refused = await send(keeper, with_(form, **changes), "keep")
        assert (refused.status_code, told in words(refused)) == (422, True), changes
    for markup in MARKUP:
        pages = [await send(keeper, with_(form, name_fr=markup, name_en=markup))]
        pages.append(await send(keeper, with_(form, phone=markup, age_min__shelter=markup)))
        assert [active_in(page.text) for page in pages] == [[], []]
    assert await entry_of(keeper) == now


@at_one_address
async def test_nobody_but_the_committee_changes_an_entry(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.arrive("a.diarra")
    page = await browser.get(SHELTER)
    assert "/entry" not in page.text
    word = re.findall(r'name="(session_form)" value="(\w+)"', page.text)[:1]
    before = await entry_of(browser)
    said = [*as_said(before[1]), *word, ("version", str(before[0])), ("why", "Le nôtre")]
    said = with_(said, name_en="Ours")
    assert (await browser.get(f"{SHELTER}/entry")).status_code == 403
    assert (await send(browser, said, "keep")).status_code == 403
    assert await entry_of(browser) == before
    # The control: were it not asked whose people they are, they would.

    async def anybody(*_: object) -> bool:
        return True

    for name in ("use_cases.amending", "pages.amending", "pages.directory"):
        monkeypatch.setattr(f"services.referral.{name}.may_keep", anybody)
    assert suspending.may_keep is not anybody
    assert (await send(browser, said, "keep")).status_code == 200
    assert (await entry_of(browser))[1].name_en == "Ours"


def test_what_the_form_does_not_ask_for_stays() -> None:
    whole = an_entry(an_organisation("SHELTER_B", "shelter", "shelter")).model_dump(mode="json")
    contacts = [{"post": "Garde", "phone": "+22370000000"}, {"post": "Point", "rung": "focal_point", "email": "p@ong.example"}]  # fmt: skip
    service = {"service": "shelter", "places": 9, "citizenship": ["MLI"], "answers_within": "vital_1h"}  # fmt: skip
    whole["units"][0]["contacts"], whole["services"] = contacts, [service]
    entry = DirectoryEntry.model_validate(whole)
    assert amended(entry, as_said(entry)) == (entry, frozenset())
    changed, _ = amended(
        entry, with_(as_said(entry), phone="+223 20.00-00.00", age_max__shelter="17")
    )
    assert changed is not None
    assert changed.services[0] == entry.services[0].model_copy(update={"age_max": 17})
    guard, point = changed.units[0].contacts
    assert (guard, point.email, point.phone) == (entry.units[0].contacts[0], "p@ong.example", "+22320000000")  # fmt: skip
    alone = with_(as_said(changed), phone="")
    without, _ = amended(changed, alone)
    assert without == amended(entry, with_(as_said(entry), age_max__shelter="17"))[0]

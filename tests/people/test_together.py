"""Many persons who were found at once are written down on one page, each once, and nobody is heard for another."""

from typing import Any

import httpx
import pytest

from tests.parts import until
from tests.people.address import BASE, Browser, hidden, words
from tests.people.attacks import MARKUP, active_in
from tests.people.shared_address import address, shared_site
from tests.people.test_own_cases import case_of, decided, owner

__all__ = ["address", "owner", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip
TOGETHER = "/intake/together"
SHARED = {
    "detected_on": "2026-11-20", "region": "01", "detection_channel": "police_operation",
    "citizenship": "MLI", "exploitation": "domestic_work", "needs": "shelter",
    "urgency": "emergency_24h", "risk": "high",
}  # fmt: skip
EACH = {
    "full_name-1": "Awa K.", "sex-1": "female", "age_band-1": "25-34", "family-1": "K",
    "sex-3": "female", "age_band-3": "5-8", "family-3": "K", "citizenship-3": "BFA",
}  # fmt: skip


async def page_of(browser: Browser) -> dict[str, str]:
    """What an empty page carries unseen."""
    return hidden(await browser.get(TOGETHER), TOGETHER)


async def send(browser: Browser, **data: Any) -> httpx.Response:
    """The page as it is when a button is pressed; where that leads is not gone to."""
    return await browser.client.post(
        TOGETHER, data=data, headers={"origin": BASE}, follow_redirects=False
    )


REFUSED = (
    ("lost", "ne peut plus être ouvert", "cannot be opened any more"),
    ("erased", "puis effacé", "has been erased since"),
    ("registered_before", "déjà été enregistré", "was registered before"),
    ("not_in_future", "à venir", "still to come"),
    ("enum", "n’est pas possible : * enum", "cannot be so: * enum"),
)
NOT_REGISTERED = (
    "update intake.incident_persons set case_id = null, refusals = cast(:said as jsonb)"
    " where incident_id = :id and nth = 1"
)


async def registered(browser: Browser, at: str) -> httpx.Response | None:
    """The page of an incident once nobody waits any more."""
    page = await browser.get(at)
    return page if "personnes enregistrées" in words(page) else None


async def test_those_found_together_are_registered_once_each_and_nobody_is_heard_for_another(
    owner: Browser,
) -> None:
    guard = await page_of(owner)
    smuggled = {"consent_health": "given", "authority": "person"}
    form = guard | SHARED | EACH | smuggled | {"go": "send"}
    sent = [await send(owner, **form) for _ in range(2)]
    assert [one.status_code for one in sent] == [303, 303]
    (at,) = {one.headers["location"] for one in sent}

    page = await until(lambda: registered(owner, at))
    rows = await owner.address.site.rows(
        "select case_id, facts->>'age_band', facts->'citizenship'->>0"
        " from intake.cases where facts->>'incident_id' = :incident order by 2",
        incident=case_of(at),
    )
    assert [row[1:] for row in rows] == [("25-34", "MLI"), ("5-8", "BFA")]
    assert all(f'href="/intake/mine/{case_id}"' in page.text for case_id, *_ in rows)
    for case_id, *_ in rows:
        assert await decided(owner.address, f"/{case_id}") == []
    assert at in (await owner.get(TOGETHER)).text

    changed = await send(owner, **form | {"sex-1": "male"})
    assert (changed.status_code, "déjà été envoyé" in words(changed)) == (409, True)


async def test_whoever_was_not_registered_is_named_with_the_reason_in_the_readers_words(
    owner: Browser,
) -> None:
    sent = await send(owner, **await page_of(owner) | SHARED | EACH | {"go": "send"})
    at = sent.headers["location"]
    await until(lambda: registered(owner, at))
    for rule, french, english in REFUSED:
        said = f'[{{"field": "*", "rule": "{rule}"}}]'
        await owner.address.site.run(NOT_REGISTERED, id=at.rpartition("/")[2], said=said)
        assert french in words(await owner.get(at, lang="fr"))
        assert english in words(await owner.get(at, lang="en"))
    await owner.get(at, lang="fr")


async def test_what_was_written_stays_until_it_is_whole(owner: Browser) -> None:
    guard = await page_of(owner)
    more = await send(owner, **guard | SHARED | EACH | {"go": "more"})
    assert (more.status_code, hidden(more, TOGETHER)["rows"]) == (200, "10")
    assert 'value="Awa K."' in more.text

    nobody = await send(owner, **guard | SHARED | {"go": "send"})
    assert (nobody.status_code, "Personne n’est encore noté" in words(nobody)) == (422, True)
    for lacks, fault in (("sex-3", "fault-sex-3"), ("region", "fault-region")):
        form = {name: one for name, one in (SHARED | EACH).items() if name != lacks}
        page = await send(owner, **guard | form | {"go": "send"})
        assert (page.status_code, f'id="{fault}"' in page.text) == (422, True)
        assert 'value="Awa K."' in page.text
    unknown = await send(owner, **guard | SHARED | EACH | {"go": "send", "age_band-1": "old"})
    assert (unknown.status_code, 'id="fault-age_band-1"' in unknown.text) == (422, True)
    for rows in ("1000", "-1", "x"):
        assert (await send(owner, **guard | {"rows": rows})).status_code == 422


async def test_markup_is_shown_as_text(owner: Browser) -> None:
    guard = await page_of(owner)
    for markup in MARKUP:
        typed = dict.fromkeys([*SHARED, *EACH], markup)
        page = await send(owner, **guard | typed | {"go": "more"})
        assert active_in(page.text) == []

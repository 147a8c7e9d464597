"""The attacks on pages come through where origin, the form's word, escaping or rest is taken away."""

from typing import Any

import pytest
from jinja2 import Environment

from services.referral.use_cases import signing_in
from tests.people.address import Address, Browser, hidden
from tests.people.attacks import active_in, foreign_forms, form_lines
from tests.people.shared_address import address, shared_site

__all__ = ["address", "shared_site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]
at_one_address = pytest.mark.asyncio(loop_scope="module")
ASKING_WHERE_FROM = (
    "chassis.web.entrance.check_origin",
    "services.referral.pages.door.check_origin",
    "services.referral.pages.invitation.check_origin",
    "chassis.web.again.check_origin",
    "services.intake.pages.offline.check_origin",
)


async def _wrong_tries(browser: Browser) -> bool:
    """Whether the right password and code still open, after six wrong tries."""
    for _ in range(6):
        await browser.log_in("b.keita", password="les-moutons-de-kati")
    return (await browser.log_in("b.keita")).url.path == "/referral/"


@at_one_address
async def test_without_the_question_where_a_form_comes_from_every_form_is_taken(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with address.browser() as browser:
        page = await browser.arrive("a.diarra")
        for name in ASKING_WHERE_FROM:
            monkeypatch.setattr(name, lambda _: None)
        through = await foreign_forms(browser, hidden(page, "/leave")["session_form"])
    assert {one.rpartition(" ")[0] for one in through} >= {
        line.name for line in form_lines() if line.path not in ("/room/{service}", "/join")
    }


@at_one_address
async def test_without_rest_who_guesses_goes_on_guessing(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with address.browser() as browser:
        await browser.join(await address.invite("b.keita"))
        assert not await _wrong_tries(browser)
        await address.site.run("update referral.accounts set rests_until = null, failures = 0")
        monkeypatch.setattr(signing_in, "rests_until", lambda *_, **__: None)
        assert await _wrong_tries(browser)


def test_markup_that_is_not_escaped_is_found() -> None:
    words: dict[str, Any] = {"typed": "<img src=x onerror=alert(1)>"}
    source = '<input value="{{ typed }}">{{ typed }}'
    careless = Environment(autoescape=False)  # noqa: S701 - the control
    assert active_in(careless.from_string(source).render(words)) == ["img", "onerror"]
    careful = Environment(autoescape=True)
    assert active_in(careful.from_string(source).render(words)) == []

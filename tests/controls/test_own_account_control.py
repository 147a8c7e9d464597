"""Whoever finds an open browser, or vouches for two, takes an account where nobody asks who they are."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from services.referral.store import accounts
from services.referral.use_cases import own_account, recovering
from tests.people.address import Address, Browser
from tests.people.shared_address import address, browser, shared_site
from tests.people.test_own_account import change
from tests.people.test_people import a_person, agree, invitation, say_lost
from tests.people.test_signing_in import is_in

__all__ = ["address", "browser", "shared_site"]
pytestmark = [
    pytest.mark.connected, pytest.mark.share("people"), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip


async def believe(connection: Any, attempt: Any, **_: Any) -> Any:
    """No proof at all: whoever sits there is whoever the session says."""
    return await accounts.find(connection, attempt.login, lock=True)


async def leave_all(*_: Any) -> None:
    """No session ends."""


async def test_without_proof_a_guess_changes_the_password_and_without_an_end_others_stay(
    address: Address, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with address.browser() as other:
        await browser.arrive("a.diarra")
        other.key = browser.key
        await other.log_in("a.diarra", code=browser.code(ahead=1))
        assert (await change(browser, password="x")).status_code == 422
        monkeypatch.setattr(own_account, "prove", believe)
        monkeypatch.setattr(accounts, "end_others", leave_all)
        assert (await change(browser, password="x")).status_code == 200
        assert await is_in(other)


async def test_without_the_question_who_vouches_one_alone_is_two(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await browser.arrive("f.traore")
    async with AsyncExitStack() as people:
        await a_person(people, browser.address, "b.keita", role="officer")
    await say_lost(browser, "b.keita")
    assert (await agree(browser)).status_code == 422
    monkeypatch.setattr(recovering, "fault_of_recovery", lambda **_: None)
    assert invitation(await agree(browser))

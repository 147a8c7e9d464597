"""Whoever finds an open browser takes the account, where nobody asks again who they are."""

from typing import Any

import pytest

from services.referral.store import accounts
from services.referral.use_cases import own_account
from tests.parts import Site, site
from tests.people.address import open_address
from tests.people.test_own_account import change
from tests.people.test_signing_in import DIRECTORY, is_in

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]


async def believe(connection: Any, attempt: Any, **_: Any) -> Any:
    """No proof at all: whoever sits there is whoever the session says."""
    return await accounts.find(connection, attempt.login, lock=True)


async def leave_all(*_: Any) -> None:
    """No session ends."""


async def test_without_proof_a_guess_changes_the_password_and_without_an_end_others_stay(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        open_address(site, *DIRECTORY) as address,
        address.browser() as browser,
        address.browser() as other,
    ):
        await browser.arrive("a.diarra")
        other.key = browser.key
        await other.log_in("a.diarra", code=browser.code(ahead=1))
        assert (await change(browser, password="x")).status_code == 422
        monkeypatch.setattr(own_account, "prove", believe)
        monkeypatch.setattr(accounts, "end_others", leave_all)
        assert (await change(browser, password="x")).status_code == 200
        assert await is_in(other)

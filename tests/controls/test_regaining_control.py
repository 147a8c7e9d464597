"""Whoever forgets that something was asked again, looks for somebody again at every yes."""

import pytest

from services.referral.store import endings
from tests.referral import test_regaining
from tests.referral.conftest import office
from tests.referral.offices import Office

pytestmark = pytest.mark.share("lifecycle")
__all__ = ["office"]


async def keep(*_: object) -> None:
    """As `regain_ground`, and nothing is remembered."""


async def test_without_the_memory_one_no_is_followed_by_many_searches(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "regain_ground", keep)
    with pytest.raises(AssertionError):
        await test_regaining.test_what_a_new_yes_carries_again_is_asked_again_once_also_of_the_same(
            office
        )

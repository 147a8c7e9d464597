"""Whoever runs the platform has an account that only the server gives, and that no organisation takes over."""

from collections.abc import AsyncIterator

import pytest

from services.referral.use_cases import recovering
from tests.parts import Site, site
from tests.people.address import Address, open_address
from tests.people.test_people import account_of, press
from tests.people.test_signing_in import DIRECTORY

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]


@pytest.fixture
async def address(site: Site) -> AsyncIterator[Address]:
    async with open_address(site, *DIRECTORY) as opened:
        yield opened


async def test_no_focal_point_makes_an_operator_or_takes_an_operators_account_over(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with address.browser() as operator, address.browser() as focal:
        page = await operator.arrive("o.sow", organisation="POLICE_A", role="operator")
        assert page.url.path == "/operations/"
        await focal.arrive("f.traore", organisation="POLICE_A")
        invited = await press(focal, "/referral/people", login="o.ba", role="operator")
        lost = f"/referral/people/{await account_of(address, 'o.sow')}/recovery"
        refused = await press(focal, lost)
        # The control: without the rule for operators, a second focal point could agree.
        monkeypatch.setattr(recovering, "OPERATOR", "nobody")
        taken = await press(focal, lost)
    assert (invited.status_code, refused.status_code, taken.status_code) == (422, 422, 200)

from collections.abc import AsyncIterator

import pytest

from tests.intake.desks import Desk, open_desk
from tests.parts import Site, site

__all__ = ["desk", "site"]


@pytest.fixture
async def desk(site: Site) -> AsyncIterator[Desk]:
    """intake at work, for a police and a shelter."""
    async with open_desk(site) as opened:
        yield opened

from collections.abc import AsyncIterator

import pytest

from tests.parts import site
from tests.referral.offices import Office, open_office
from tests.servers import Database

__all__ = ["office", "site"]


@pytest.fixture
async def office(fresh_database: Database) -> AsyncIterator[Office]:
    """referral's use cases on a fresh database, without NATS."""
    async with open_office(fresh_database) as opened:
        yield opened

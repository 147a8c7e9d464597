"""Without the session's token in its forms, a page does what any other site asks."""

import httpx
import pytest
from fastapi import Request

from chassis.web import Entrance, Sessions
from contracts.callers import Caller
from tests.chassis.test_web_session import SECRET, Clock, an_app, foreign_forms

pytestmark = pytest.mark.share("sealed")


class Trusting(Entrance):
    """A session alone is enough for it, as it is for many a page."""

    async def sender(self, request: Request) -> Caller:
        return await self.visitor(request)


async def test_an_entrance_that_trusts_the_cookie_alone_takes_foreign_forms() -> None:
    app = an_app(Clock(), Sessions(SECRET, service="reporting", path="/reporting"), Trusting)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a/reporting"
    ) as client:
        assert await foreign_forms(client) == [200, 200, 200]

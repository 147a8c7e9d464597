"""One person gets another's account, where nobody asks whether the two who vouch are two."""

from contextlib import AsyncExitStack

import pytest

from services.referral.use_cases import recovering
from tests.parts import Site, site
from tests.people.address import open_address
from tests.people.test_people import a_person, agree, invitation, say_lost
from tests.people.test_signing_in import DIRECTORY

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("people")]


async def test_without_the_question_who_vouches_one_alone_is_two(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_address(site, *DIRECTORY) as address, AsyncExitStack() as people:
        await a_person(people, address, "b.keita", role="officer")
        alone = await a_person(people, address, "f.traore")
        await say_lost(alone, "b.keita")
        assert (await agree(alone)).status_code == 422
        monkeypatch.setattr(recovering, "fault_of_recovery", lambda **_: None)
        assert invitation(await agree(alone))

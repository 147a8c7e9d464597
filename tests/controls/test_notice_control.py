"""A notice that says a little more than it must is found by the scan of every byte."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chassis.notify import Carrier, Letter
from tests.referral.days import Days, days_of
from tests.servers import Database
from tests.trust.telling import say
from tests.trust.test_lifecycle_notices import DIRECTORY, content_bytes, wires

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]


class Talkative(Letter):
    """As templates have it: what it is about, and under which name it can be looked up."""

    about = ""

    @property
    def text(self) -> str:
        return f"{super().text} ({self.about})"


@dataclass(slots=True)
class Talking:
    """A carrier that looks up what a notice is about."""

    carrier: Carrier
    days: Days

    async def carry(self, letter: Letter) -> None:
        """It means well."""
        ((service, case_id),) = await self.days.office.rows(
            f"select service, case_id from notices where notice_id = '{letter.id}'"
        )
        told = Talkative(*letter)
        told.about = f"{service}, {case_id}"
        await self.carrier.carry(told)


async def test_a_service_and_a_case_in_a_notice_are_found(
    fresh_database: Database, tmp_path: Path
) -> None:
    async with (
        days_of(fresh_database, DIRECTORY) as days,
        wires(tmp_path, is_spooled=False) as on,
    ):
        days.notifier.carrier = Talking(on.carriers, days)
        found, letters = await content_bytes(days, on, 2)

    say(f"{found} bytes too many in {letters} letters")
    assert found > 0

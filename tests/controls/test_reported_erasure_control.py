"""That a report left behind would be seen: the same erasure, but nobody takes it out of the streams."""

import asyncio

import pytest

from contracts.reports import ReportCase, place_of_report
from services.intake.forgetting import Forgetter
from tests.intake.erasures import add_committee, erase, taken_out
from tests.intake.reporters import POLICE, Reporter, a_form
from tests.intake.rooms import now, open_room
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")


async def never(_: Forgetter) -> None:
    """A job that is there and does nothing."""
    await asyncio.Event().wait()


async def test_without_it_the_dossier_of_an_erased_person_opens_with_the_key_of_the_month(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forgetter, "run", never)
    async with open_room(site) as room:
        await add_committee(room.desk)
        police = Reporter(room)
        await police.report(a_form())
        (told,) = await police.numbers()
        await erase(room.desk, told.case_number)
        await taken_out(room.desk)
        await asyncio.sleep(2.5)  # longer than the look takes that is missing here

        lying = await police.lying()
        report = ReportCase.model_validate_json(police.sent[0])
        place = place_of_report(POLICE, report.report_id)
        opened = police.months.open_inbound(report.sealed, place, at=now())

    assert [name for name, _ in lying] == ["IN_POLICE_A", "INBOX"]
    assert b"canary-G2" in opened

"""What the police report of a file, on its way to the shelter and to the owner's own view."""

import asyncio
from datetime import date
from uuid import uuid4

import pytest

from contracts.feed import Accepted, ProceedingAdvanced
from contracts.reports import ReportProceeding
from partners.kit import Partner
from tests.journeys.cases import Case
from tests.journeys.road import running_road
from tests.journeys.test_disclosure import BODY, POLICE, SHELTER, agencies, shown
from tests.journeys.test_reported_case import heard

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle"), pytest.mark.timeout(120)]


async def test_a_shelter_hears_when_its_guest_must_be_in_court_and_nothing_else() -> None:
    async with (
        running_road((POLICE, SHELTER)) as road,
        agencies(road, POLICE, SHELTER) as (police, shelter),
    ):
        number = await road.submit_until_accepted(Case(POLICE, "case-0000", BODY))
        (accepted,) = await shown(lambda: heard(police, Accepted))
        report = ReportProceeding(
            referral_id=accepted.referral_id,
            proceeding_id=uuid4(),
            state="judicial_investigation",
            on=date(2026, 11, 20),
            offence_class="trafficking",
            next_hearing_on=date(2026, 12, 1),
        )
        async with Partner.open(road.folder(POLICE), url=road.platform.nats_url) as partner:
            await partner.send(report)

        (told,) = await shown(lambda: heard(shelter, ProceedingAdvanced))
        assert (told.state, told.next_hearing_on) == (None, date(2026, 12, 1))
        # Intake follows by itself, and may be later than the shelter.
        async with asyncio.timeout(20):
            while not (files := (await road.seen_by_owner(POLICE, number))["proceedings"]):
                await asyncio.sleep(0.1)
        assert files == [
            {
                "organisation": POLICE,
                "state": "judicial_investigation",
                "on": "2026-11-20",
                "next_hearing_on": "2026-12-01",
            }
        ]
        assert heard(police, ProceedingAdvanced) == []

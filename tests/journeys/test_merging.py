"""The whole way with real processes: one girl registered twice, found, merged, and taken apart."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.callers import issue_token
from contracts.feed import Accepted, Offer
from contracts.requests import AcceptReferral
from partners.kit import Partner
from tests.intake.pairs import GIRL, SPELT_OTHERWISE
from tests.journeys.cases import Case
from tests.journeys.road import Road, running_road
from tests.journeys.test_disclosure import siraba
from tests.parts import until
from tests.trust.evidence import Asking

pytestmark = [pytest.mark.share("sealed"), pytest.mark.timeout(240)]
FIGURES = "/reporting/figures?from=2026-01-01&to=2027-01-01"
POLICE, HOSPITAL, SHELTER = "POLICE_KAYES", "CSREF_KAYES", "SHELTER_BENKADI_KAYES"
BODY = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "18-24",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter"],
    "consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}],
}  # fmt: skip


async def test_two_cases_of_one_girl_become_one_person_with_one_owner_and_can_be_two_again() -> (
    None
):
    async with running_road((POLICE, HOSPITAL, SHELTER)) as road, AsyncExitStack() as stack:
        url = road.platform.nats_url
        shelter, police = [
            await stack.enter_async_context(Partner.open(road.folder(code), url=url, patience=None))
            for code in (SHELTER, POLICE)
        ]
        for nth, (owner, identity) in enumerate(((POLICE, GIRL), (HOSPITAL, SPELT_OTHERWISE))):
            body = BODY | {"dossier": {"identity": identity}}
            await road.submit_until_accepted(Case(owner, f"case-{nth:04d}", body))
        offers = await received(shelter, Offer)
        pair_id = await until(lambda: candidate(road, HOSPITAL), seconds=30)
        assert HOSPITAL in await asyncio.to_thread(siraba, road, "duplicates")
        await counted(road, 2)

        for code in (HOSPITAL, POLICE):
            await act(road, "PUT", f"{pair_id}/decision", code, json={"same_person": True})
        await counted(road, 1)
        await until(lambda: handed_over(road), seconds=30)
        for offer in offers:
            await shelter.send(AcceptReferral(referral_id=offer.referral_id))
        heard = {one.referral_id for one in await received(police, Accepted)}
        assert heard == {offer.referral_id for offer in offers}

        await act(road, "POST", f"{pair_id}/unmerge", HOSPITAL)
        await counted(road, 2)
        assert await candidate(road, HOSPITAL) is None


async def received(partner: Partner, kind: Any) -> list[Any]:
    """The first two messages of this kind in a partner's feed."""
    found: list[Any] = []
    async with asyncio.timeout(30):
        async for delivery in partner.deliveries():
            if isinstance(delivery.message, kind):
                found.append(delivery.message)
            await delivery.done()
            if len(found) == 2:
                break
    return found


async def candidate(road: Road, code: str) -> str | None:
    """The pair that an organisation is shown, if there is one."""
    answer = await road.http.get("/intake/duplicates", headers=road.headers(code))
    return next((one["pair_id"] for one in answer.json()["duplicates"]), None)


async def act(road: Road, method: str, path: str, code: str, **more: Any) -> None:
    """Say, or undo, something about a pair."""
    answer = await road.http.request(
        method, f"/intake/duplicates/{path}", headers=road.headers(code), **more
    )
    assert answer.status_code == 200, answer.text


async def counted(road: Road, persons: int) -> None:
    """Wait until the committee's figure is this."""

    async def is_so() -> bool:
        token = issue_token(
            road.keys[POLICE].signing,
            organisation=POLICE,
            role="data_officer",
            audience="reporting",
            now=datetime.now(UTC),
        )
        answer = await road.http.get(FIGURES, headers={"Authorization": f"Bearer {token}"})
        figures = answer.json()["figures"]
        return bool(figures["victims_detected"]["value"] == persons)

    await until(is_so, seconds=30)


async def handed_over(road: Road) -> bool:
    """Whether referral has heard that all is the police's."""
    asking = Asking(road, "referral")
    return await asking("select distinct owner from referral.referrals") == [(POLICE,)]

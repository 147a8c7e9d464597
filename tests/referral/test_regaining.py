"""After a no nobody is called for what nobody may be asked; after a new yes it is asked again, once."""

from datetime import timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest

from contracts.cases import CaseTransferred
from contracts.intake import Consent
from services.referral.use_cases.withdrawing import Said, follow_consents
from tests.builders import NOON, TODAY, an_organisation
from tests.parts import Site
from tests.referral.days import MINUTE, Days
from tests.referral.offices import Office, an_answer
from tests.referral.test_closing import turn
from tests.referral.test_consumers import road
from tests.referral.test_ladder import DAY, HALF, HOUR, days, offered
from tests.referral.test_merging import said

pytestmark = pytest.mark.share("lifecycle")
__all__ = ["days"]
ADULT = {"age_band": "25-34"}
POLICE = an_organisation("POLICE_A", "police")
SHELTERS = [an_organisation(f"SHELTER_{letter}", "shelter", "shelter") for letter in "BC"]
INCIDENT = UUID(int=7)
_SECONDS = count(1)


async def decided(office: Office, case_id: UUID, *states: str, kind: str = "shelter") -> None:
    """What intake publishes, as one batch."""
    lines = [
        Said(
            case_id=case_id,
            line=Consent(state=state, by="person", recipient_kind=kind),
            recorded_at=NOON + timedelta(seconds=next(_SECONDS)),
        )
        for state in states
    ]
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        await follow_consents(connection, lines, announcer=announcer)


async def test_what_a_new_yes_carries_again_is_asked_again_once_also_of_the_same(
    office: Office,
) -> None:
    await office.publish(POLICE, *SHELTERS)
    (case_id,) = await office.offer(ADULT)
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))
    await decided(office, case_id, "refused")
    before = [
        ("SHELTER_B", "shelter", "declined", 1),
        ("SHELTER_C", "shelter", "withdrawn", 2),
    ]
    assert await office.referrals() == before

    await decided(office, case_id, "given", kind="health")
    assert await office.referrals() == before
    await decided(office, case_id, "given", "given")
    await decided(office, case_id, "given")

    assert await office.referrals() == [*before, ("SHELTER_C", "shelter", "offered", 2)]
    assert await office.unplaced() == []
    for _ in range(2):
        await decided(office, case_id, "refused")
        await decided(office, case_id, "given")
    asked = [state for code, _, state, _ in await office.referrals() if code == "SHELTER_C"]
    assert asked == ["withdrawn"] * 3 + ["offered"]


async def test_a_yes_and_a_no_of_one_batch_come_to_their_end(office: Office) -> None:
    await office.publish(POLICE, *SHELTERS)
    (case_id,) = await office.offer(ADULT)

    await decided(office, case_id, "refused", "given")
    assert [state for _, _, state, _ in await office.referrals()] == ["offered"]
    await decided(office, case_id, "given", "refused")
    assert [state for _, _, state, _ in await office.referrals()] == ["withdrawn"]


async def test_at_high_risk_the_owner_says_who_is_asked_again(office: Office) -> None:
    await office.publish(POLICE, *SHELTERS)
    (case_id,) = await office.offer({**ADULT, "risk": "high"})
    await decided(office, case_id, "refused")

    await decided(office, case_id, "given")

    assert [state for _, _, state, _ in await office.referrals()] == ["withdrawn"]
    assert await office.unplaced() == [("shelter", "high_risk")]


async def test_a_case_that_was_closed_meanwhile_is_asked_for_by_its_reopening_alone(
    office: Office,
) -> None:
    await office.publish(POLICE, *SHELTERS)
    (case_id,) = await office.offer(ADULT)
    await decided(office, case_id, "refused")
    await turn(office, case_id, closed=True)
    await turn(office, case_id, closed=False)

    await decided(office, case_id, "given")

    assert [state for _, _, state, _ in await office.referrals()] == ["withdrawn"]


async def test_nobody_is_called_for_what_nobody_may_be_asked_and_with_a_yes_it_begins_anew(
    days: Days,
) -> None:
    await offered(days)
    for time in (HALF + MINUTE, HALF, HOUR):
        await days.pass_by(time)
    assert await days.office.unplaced() == [("shelter", "none_left")]
    ((case_id,),) = await days.office.rows("select case_id from cases")
    await days.pass_by(MINUTE)

    await decided(days.office, case_id, "refused")
    heard = await called(days)
    for _ in range(5):
        await days.pass_by(DAY)
    assert await called(days) == heard
    assert await days.office.unplaced() == [("shelter", "none_left")]

    await decided(days.office, case_id, "given")
    for _ in range(5):
        await days.pass_by(DAY)
    assert await called(days) > heard


async def called(days: Days) -> int:
    """How often the owner's people were called."""
    rows = await days.office.rows("select 1 from notices where waits_for = 'POLICE_A'")
    return len(rows)


async def test_a_plan_goes_with_the_last_of_its_cases_to_their_new_owner(site: Site) -> None:
    async with road(site) as way:
        cases = [uuid4(), uuid4()]
        for case_id in cases:
            await way.case(case_id, incident_id=INCIDENT)
        await site.run("update referral.groups set state = 'planned'")

        owners = []
        for case_id in cases:
            given = CaseTransferred(owner="SHELTER_B", before="POLICE_A", transferred_on=TODAY)
            await said(way, case_id, given, number=2)
            owners += await site.rows("select owner from referral.groups")

    assert owners == [("POLICE_A",), ("SHELTER_B",)]

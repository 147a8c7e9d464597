"""A closed case: nothing of it is open, nobody is called or asked; reopened, only what is asked for is."""

import asyncio
from uuid import UUID, uuid4

import pytest

from contracts.cases import CaseClosed, CaseReopened
from services.referral.use_cases.choosing import NothingWaits
from services.referral.use_cases.closing import Turn, follow_closings
from tests.builders import TODAY, an_organisation
from tests.parts import Site
from tests.referral.days import MINUTE, Days
from tests.referral.offices import Office, a_count, an_answer
from tests.referral.test_consumers import SHELTER, road
from tests.referral.test_ladder import DAY, HALF, HOUR, days, offered
from tests.referral.test_merging import said
from tests.referral.test_planning import a_person, asked, opened, plan_of

pytestmark = pytest.mark.share("lifecycle")
ADULT = {"age_band": "25-34"}
POLICE = an_organisation("POLICE_A", "police")
SHELTERS = [an_organisation(f"SHELTER_{letter}", "shelter", "shelter") for letter in "BC"]
__all__ = ["days"]


async def turn(office: Office, case_id: UUID, *, closed: bool, needs: tuple[str, ...] = ()) -> None:
    """As intake says."""
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        said = Turn(case_id=case_id, is_closed=closed, needs=needs)
        await follow_closings(connection, [said], announcer=announcer)


@pytest.mark.parametrize("steps", [(), ("receive",), ("accept",), ("accept", "start")])
async def test_what_is_open_is_taken_back_whatever_its_state_and_its_place_is_free(
    office: Office, steps: tuple[str, ...]
) -> None:
    await office.publish(POLICE, *SHELTERS)
    await office.count(a_count("SHELTER_B", places=1, free=1))
    (case_id,) = await office.offer(ADULT)
    referral_id = await office.open_offer("SHELTER_B")
    for step in steps:
        await office.answer(an_answer("SHELTER_B", referral_id, step))

    await turn(office, case_id, closed=True)

    assert await office.referrals() == [("SHELTER_B", "shelter", "withdrawn", 1)]
    for whom in ("POLICE_A", "SHELTER_B"):
        name, body = (await office.said(whom))[-1]
        assert (name, body["reason"]) == ("referral.withdrawn", "closed")
    assert await office.room("SHELTER_B") == 1
    (late,) = await office.answer(an_answer("SHELTER_B", referral_id, "accept"))
    assert late.refused == "wrong_state"


async def test_nobody_is_called_for_a_closed_case_however_late_it_is(days: Days) -> None:
    await offered(days)
    for time in (HALF + MINUTE, HALF, HOUR):
        await days.pass_by(time)
    assert await days.office.unplaced() == [("shelter", "none_left")]
    ((case_id,),) = await days.office.rows("select case_id from cases")

    await turn(days.office, case_id, closed=True)
    told = await days.office.said()
    for _ in range(5):
        await days.pass_by(DAY)

    assert await days.office.unplaced() == []
    assert await days.office.said() == told
    assert await days.office.rows("select 1 from timers") == []


async def test_what_is_overdue_or_left_to_a_person_waits_no_more(office: Office) -> None:
    await office.publish(POLICE, *SHELTERS)
    (case_id,) = await office.offer({**ADULT, "risk": "high"})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))
    ((unplaced_id,),) = await office.rows("select unplaced_id from unplaced")

    await turn(office, case_id, closed=True)

    with pytest.raises(NothingWaits):
        await office.decide(UUID(str(unplaced_id)), "SHELTER_C", owner="POLICE_A")


async def test_reopened_it_asks_for_nothing_but_what_is_asked_for_and_may_ask_the_same_again(
    office: Office,
) -> None:
    await office.publish(POLICE, *SHELTERS)
    (case_id,) = await office.offer(ADULT)
    await turn(office, case_id, closed=True)

    await turn(office, case_id, closed=False)
    assert [row[2] for row in await office.referrals()] == ["withdrawn"]

    await turn(office, case_id, closed=True)
    await turn(office, case_id, closed=False, needs=("shelter",))
    again = await office.open_offer("SHELTER_B")
    await office.answer(an_answer("SHELTER_B", again, "decline"))

    assert await office.referrals() == [
        ("SHELTER_B", "shelter", "withdrawn", 1),
        ("SHELTER_B", "shelter", "declined", 1),
        ("SHELTER_C", "shelter", "offered", 2),
    ]


async def test_a_plan_forgets_who_is_closed_before_it_is_sent_also_when_she_is_reopened(
    office: Office,
) -> None:
    await opened(office, persons=3)
    first, second, _ = await office.offer(a_person(), a_person(), a_person())
    await office.timekeeper().once()

    await turn(office, first, closed=True)
    await turn(office, second, closed=True)
    await turn(office, second, closed=False)
    assert len((await plan_of(office))["placed"]) == 1
    await office.confirm(UUID(int=7), owner="POLICE_A")

    assert {row[0] for row in await asked(office)}.isdisjoint({first, second})
    assert len(await asked(office)) == 1


async def test_whoever_declines_while_the_case_is_closed_leaves_nothing_open(
    office: Office,
) -> None:
    await office.publish(POLICE, *SHELTERS)
    ids = [uuid4() for _ in range(20)]
    await office.offer(*(ADULT for _ in ids), ids=ids)
    found = await office.rows("select case_id, referral_id from referrals")

    await asyncio.gather(
        *(turn(office, one, closed=True) for one in ids),
        *(office.answer(an_answer("SHELTER_B", one, "decline")) for _, one in found),
    )

    still = "select 1 from referrals where state in ('offered', 'received', 'accepted', 'started')"
    assert await office.rows(still) == []
    assert await office.unplaced() == []


async def test_what_intake_says_is_followed_in_its_order_and_the_asked_hear_it_in_their_feed(
    site: Site,
) -> None:
    async with road(site) as way:
        case_id = uuid4()
        await way.case(case_id)
        ((_, first),) = await way.heard(SHELTER, 1)
        ended = CaseClosed(organisation="POLICE_A", reason="other", closed_on=TODAY)
        begun = CaseReopened(
            organisation="POLICE_A", reason="found_again", reopened_on=TODAY, needs=("shelter",)
        )

        await said(way, case_id, ended, begun, ended, begun, number=2)

        heard = await way.heard(SHELTER, 4)
        assert [name for name, _ in heard] == ["referral.withdrawn", "referral.offered"] * 2
        assert heard[0][1]["referral_id"] == first["referral_id"]
        assert heard[-1][1]["referral_id"] not in {first["referral_id"], heard[1][1]["referral_id"]}

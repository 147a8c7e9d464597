"""What was asked of an organisation that is suspended is taken back, and others are asked."""

import asyncio
from collections import Counter

import pytest

from tests.builders import an_organisation
from tests.referral.offices import Office, a_count, an_answer

pytestmark = pytest.mark.share("lifecycle")
ADULT = {"age_band": "25-34"}
POLICE = an_organisation("POLICE_A", "police")
SHELTERS = [an_organisation(f"SHELTER_{letter}", "shelter", "shelter") for letter in "BCD"]
SUSPEND = """
    update organisations set version = version + 1, is_suspended = true,
        entry = jsonb_set(entry, '{{state}}', '"suspended"')
    where code = '{0}'
"""


async def suspend(office: Office, code: str) -> int:
    """As a directory officer says, and then as the timekeeper finds it."""
    await office.run(SUSPEND.format(code))
    return await office.timekeeper().pass_on()


@pytest.mark.parametrize("steps", [(), ("receive",), ("accept",), ("accept", "start")])
async def test_what_is_open_with_the_suspended_goes_to_the_next_in_rank_whatever_its_state(
    office: Office, steps: tuple[str, ...]
) -> None:
    await office.publish(POLICE, *SHELTERS)
    await office.count(a_count("SHELTER_B", places=1, free=1))
    await office.offer(ADULT)
    referral_id = await office.open_offer("SHELTER_B")
    for step in steps:
        await office.answer(an_answer("SHELTER_B", referral_id, step))

    assert await suspend(office, "SHELTER_B") == 1

    assert await office.referrals() == [
        ("SHELTER_B", "shelter", "withdrawn", 1),
        ("SHELTER_C", "shelter", "offered", 2),
    ]
    for whom in ("POLICE_A", "SHELTER_B"):
        name, body = (await office.said(whom))[-1]
        assert (name, body["reason"]) == ("referral.withdrawn", "suspended")
    assert await office.room("SHELTER_B") == 1
    (late,) = await office.answer(an_answer("SHELTER_B", referral_id, "accept"))
    assert late.refused == "wrong_state"
    assert await office.timekeeper().pass_on() == 0


async def test_what_is_over_stays_as_it_was(office: Office) -> None:
    await office.publish(POLICE, *SHELTERS)
    await office.offer(ADULT, ADULT)
    for referral_id, steps in zip(
        [row[0] for row in await office.rows("select referral_id from referrals")],
        (("decline",), ("accept", "start", "deliver")), strict=True,
    ):  # fmt: skip
        for step in steps:
            await office.answer(an_answer("SHELTER_B", referral_id, step))
    before = await office.referrals()

    assert await suspend(office, "SHELTER_B") == 0
    assert await office.referrals() == before


async def test_at_high_risk_the_owner_says_who_is_asked_next(office: Office) -> None:
    await office.publish(POLICE, *SHELTERS)
    await office.offer({**ADULT, "risk": "high"})

    await suspend(office, "SHELTER_B")

    assert await office.referrals() == [("SHELTER_B", "shelter", "withdrawn", 1)]
    assert await office.unplaced() == [("shelter", "high_risk")]


async def test_where_nobody_is_left_a_person_has_to_look(office: Office) -> None:
    await office.publish(POLICE, SHELTERS[0])
    await office.offer(ADULT)

    await suspend(office, "SHELTER_B")

    assert await office.unplaced() == [("shelter", "none_left")]


async def test_several_processes_take_each_back_once(office: Office) -> None:
    await office.publish(POLICE, *SHELTERS)
    await office.offer(*[ADULT] * 30)
    await office.run(SUSPEND.format("SHELTER_B"))

    taken = await asyncio.gather(*(office.timekeeper().pass_on() for _ in range(3)))

    assert sum(taken) == 30
    states = Counter((code, state) for code, _, state, _ in await office.referrals())
    assert states == {("SHELTER_B", "withdrawn"): 30, ("SHELTER_C", "offered"): 30}

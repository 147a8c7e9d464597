"""Places: who is taken on holds one, and nobody is sent where there is none."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.referral.domain.places import Places
from services.referral.use_cases.counting import CountRefused
from tests.builders import NOON, an_organisation
from tests.ledger import Figure
from tests.referral.offices import Office, a_count, an_answer, open_office
from tests.servers import Database

pytestmark = pytest.mark.share("lifecycle")
ADULT = {"age_band": "25-34"}
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12")),
)
PLACES, PERSONS = 50, 200


async def offered(office: Office, persons: int) -> list[UUID]:
    """Referrals that wait for SHELTER_B's answer."""
    await office.publish(*DIRECTORY)
    await office.offer(*[ADULT] * persons)
    found = await office.rows("select referral_id from referrals where organisation = 'SHELTER_B'")
    return [UUID(str(one)) for (one,) in found]


def counted(**changes: int) -> Places:
    known = {"places": 10, "free": 4, "promised": 0, "left": 0} | changes
    return Places(organisation="SHELTER_B", service="shelter", counted_at=NOON, **known)


def test_room_is_what_was_free_and_was_left_less_what_is_promised() -> None:
    assert counted().room == 4
    assert counted(promised=3).room == 1
    assert counted(promised=3, left=2).room == 3
    assert counted(promised=5).room == 0, "never fewer than none"
    assert counted(left=9).room == 10, "never more than there are"


async def test_without_a_count_nobody_is_refused(office: Office) -> None:
    (one,) = await offered(office, 1)
    (answered,) = await office.answer(an_answer("SHELTER_B", one, "accept"))

    assert answered.refused is None
    assert await office.room("SHELTER_B") is None


async def test_who_accepts_without_a_place_has_declined_and_the_next_is_asked(
    office: Office,
) -> None:
    first, second = await offered(office, 2)
    await office.count(a_count("SHELTER_B", places=5, free=1))
    answers = [an_answer("SHELTER_B", one, "accept") for one in (first, second)]
    answered = await office.answer(*answers)

    assert [one.refused for one in answered] == [None, "capacity"]
    assert await office.referrals() == [
        ("SHELTER_B", "shelter", "accepted", 1),
        ("SHELTER_B", "shelter", "declined", 1),
        ("SHELTER_C", "shelter", "offered", 2),
    ]
    refused, declined = (await office.said("SHELTER_B"))[-2:]
    assert (refused[0], refused[1]["reason"], refused[1]["field"]) == (
        "request.refused", "wrong_state", "capacity",
    )  # fmt: skip
    assert (declined[0], declined[1]["reason"]) == ("referral.declined", "capacity")
    assert ("referral.declined", declined[1]) in await office.said("POLICE_A")


async def test_a_place_is_held_from_the_acceptance_until_the_end(office: Office) -> None:
    (one,) = await offered(office, 1)
    await office.count(a_count("SHELTER_B", places=5, free=2))
    seen = [await office.room("SHELTER_B")]
    for verb in ("accept", "start", "deliver"):
        await office.answer(an_answer("SHELTER_B", one, verb))
        seen.append(await office.room("SHELTER_B"))

    assert seen == [2, 1, 1, 2]


async def test_a_new_count_sees_who_is_there_and_not_who_is_on_the_way(office: Office) -> None:
    there, on_the_way = await offered(office, 2)
    for one, verbs in ((there, ("accept", "start")), (on_the_way, ("accept",))):
        for verb in verbs:
            await office.answer(an_answer("SHELTER_B", one, verb))
    await office.count(a_count("SHELTER_B", places=5, free=4, at=datetime.now(UTC)))
    assert await office.room("SHELTER_B") == 3

    await office.answer(an_answer("SHELTER_B", there, "deliver"))
    assert await office.room("SHELTER_B") == 4, "whom the count saw has left"


async def test_a_count_is_an_event_and_an_earlier_one_or_another_service_says_nothing(
    office: Office,
) -> None:
    await office.publish(*DIRECTORY)
    await office.count(a_count("SHELTER_B", places=24, free=3))
    early = NOON - timedelta(minutes=1)
    with pytest.raises(CountRefused, match="counted_at"):
        await office.count(a_count("SHELTER_B", places=24, free=9, at=early))
    with pytest.raises(CountRefused, match="service"):
        await office.count(a_count("POLICE_A", places=24, free=3))

    assert await office.room("SHELTER_B") == 3
    ((name, event),) = await office.said()
    assert (name, event["organisation"], event["free"]) == ("capacity.changed", "SHELTER_B", 3)


async def test_a_clock_that_goes_ahead_does_not_make_those_on_the_way_disappear(
    office: Office,
) -> None:
    (one,) = await offered(office, 1)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await office.count(a_count("SHELTER_B", places=5, free=1, at=tomorrow))
    await office.answer(an_answer("SHELTER_B", one, "accept"))
    await office.answer(an_answer("SHELTER_B", one, "start"))

    assert await office.room("SHELTER_B") == 0


async def test_two_hundred_acceptances_at_once_fill_fifty_places_and_no_more(
    fresh_database: Database, figure: Figure
) -> None:
    async with open_office(fresh_database, at_once=20) as office:
        ids = await offered(office, PERSONS)
        await office.count(a_count("SHELTER_B", places=PLACES, free=PLACES))
        answers = [an_answer("SHELTER_B", one, "accept") for one in ids]
        answered = await asyncio.gather(*(office.answer(one) for one in answers))
        states = await office.referrals()

    taken = states.count(("SHELTER_B", "shelter", "accepted", 1))
    assert sum(one.refused == "capacity" for (one,) in answered) == PERSONS - PLACES
    assert states.count(("SHELTER_B", "shelter", "declined", 1)) == PERSONS - PLACES
    assert states.count(("SHELTER_C", "shelter", "offered", 2)) == PERSONS - PLACES
    assert taken == PLACES
    figure("lifecycle.capacity.overbooked", taken - PLACES)

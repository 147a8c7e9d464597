"""An incident's persons wait for one another, are placed together, and nobody is lost on the way."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.referral.store import groups
from services.referral.use_cases.planning import NO_WISHES, NoPlanWaits, PlannedMeanwhile
from tests.builders import an_organisation
from tests.referral.offices import Office, a_count, an_answer

pytestmark = pytest.mark.share("lifecycle")
INCIDENT = UUID(int=7)
PERSONS = 60
PLACES = {"SHELTER_B": 20, "SHELTER_C": 10, "SHELTER_D": 15}
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    *(an_organisation(code, "shelter", "shelter") for code in PLACES),
    an_organisation("HEALTH_E", "health", "health"),
)


def a_person(**changes: Any) -> dict[str, Any]:
    """One of the incident; in the usual case she needs shelter, and here care too."""
    usual = {"age_band": "25-34", "incident_id": INCIDENT, "needs": ("shelter", "health")}
    return {**usual, **changes}


async def opened(office: Office, persons: int = PERSONS) -> None:
    """The directory is there, places are counted, and the incident is announced."""
    await office.publish(*DIRECTORY)
    for code, left in PLACES.items():
        await office.count(a_count(code, places=left, free=left))
    await office.open_incident(INCIDENT, persons=persons)


async def plan_of(office: Office) -> Mapping[str, Any]:
    """Who goes where, and who nowhere."""
    async with office.engine.connect() as connection:
        found = await groups.one(connection, INCIDENT)
    assert found is not None
    assert found.plan is not None
    return found.plan


async def asked(office: Office, service: str = "shelter") -> list[tuple[Any, ...]]:
    return await office.rows(
        f"select case_id, organisation, state from referrals where service = '{service}'"
    )


async def test_shelter_waits_for_everybody_and_what_else_is_needed_does_not(office: Office) -> None:
    await opened(office, persons=3)
    await office.offer(a_person(), a_person())
    assert await office.timekeeper().once() == 0
    assert len(await asked(office, "health")) == 2
    assert await asked(office) == []

    await office.offer(a_person())
    assert await office.timekeeper().once() == 1
    plan = await plan_of(office)
    assert (len(plan["placed"]), plan["unplaced"]) == (3, [])
    assert await asked(office) == [], "nobody is sent before a human has seen it"


async def test_who_was_refused_while_registering_is_not_waited_for(office: Office) -> None:
    await opened(office, persons=3)
    await office.offer(a_person(), a_person())
    assert await office.timekeeper().once() == 0

    await office.end_incident(INCIDENT, persons=2)
    assert await office.timekeeper().once() == 1
    assert len((await plan_of(office))["placed"]) == 2


async def test_an_incident_of_which_nobody_became_a_case_is_done_with(office: Office) -> None:
    await opened(office, persons=3)
    await office.end_incident(INCIDENT, persons=0)
    assert await office.timekeeper().once() == 1
    assert await office.rows("select state from groups") == [("sent",)]
    assert await office.timekeeper().once() == 0


async def test_whose_life_is_in_danger_within_the_hour_waits_for_nobody(office: Office) -> None:
    await opened(office)
    await office.offer(a_person(urgency="vital_1h"))
    assert len(await asked(office)) == 1


async def test_who_has_not_come_in_time_is_not_waited_for_and_goes_alone(office: Office) -> None:
    await opened(office)
    await office.offer(a_person(), a_person())
    await office.run("update timers set due_at = due_at - interval '15 min'")
    await office.timekeeper().once()
    assert len((await plan_of(office))["placed"]) == 2
    (late,) = await office.offer(a_person())
    assert [row[0] for row in await asked(office)] == [late]


async def test_cases_may_come_before_the_word_of_their_incident(office: Office) -> None:
    await office.publish(*DIRECTORY)
    await office.offer(a_person(), a_person())
    assert await office.timekeeper().once() == 0
    await office.open_incident(INCIDENT, persons=2)
    assert await office.timekeeper().once() == 1
    assert len((await plan_of(office))["placed"]) == 2


async def test_where_places_are_not_counted_all_go_as_planned(office: Office) -> None:
    await office.publish(*DIRECTORY)
    await office.open_incident(INCIDENT, persons=3)
    family = uuid4()
    await office.offer(*(a_person(family_id=family) for _ in range(3)))
    await office.timekeeper().once()
    sent = await office.confirm(INCIDENT, owner="POLICE_A")
    assert (sent.as_planned, sent.moved) == (3, 0)
    assert len({code for _, code, _ in await asked(office)}) == 1, "the family stays together"


async def test_sixty_are_asked_for_once_each_and_no_place_is_given_twice(office: Office) -> None:
    await opened(office)
    family = uuid4()
    ids = await office.offer(
        *(a_person(family_id=family if nth < 4 else None) for nth in range(PERSONS))
    )
    await office.timekeeper().once()
    plan = await plan_of(office)
    where = {UUID(one["member"]): one["organisation"] for one in plan["placed"]}
    assert Counter(where.values()) == PLACES
    assert len({where.get(one) for one in ids[:4]}) == 1, (
        "the family goes together or stays together"
    )
    assert {one["binding"][0] for one in plan["unplaced"]} == {"places"}

    # Others come meanwhile and take what was planned for the group.
    others = await office.offer(*[a_person(incident_id=None, needs=("shelter",))] * 5)
    for code, referral in await offers_of(office, others):
        await office.answer(an_answer(code, referral, "accept"))
    sent = await office.confirm(INCIDENT, owner="POLICE_A")
    assert (sent.as_planned, sent.moved, sent.left) == (40, 20, 0)
    await asyncio.gather(
        *(
            office.answer(an_answer(code, referral, "accept"))
            for code, referral in await offers_of(office, ids)
        )
    )
    states = Counter((row[1], row[2]) for row in await asked(office))
    accepted = {code: states[code, "accepted"] for code in PLACES}
    assert all(accepted[code] <= left for code, left in PLACES.items()), "overbooked"
    alive = Counter(row[0] for row in await asked(office) if row[2] not in ("declined", "overdue"))
    waiting = {row[0] for row in await office.rows("select case_id from unplaced")}
    assert all(alive[one] + (one in waiting) == 1 for one in ids), "somebody is lost, or goes twice"


async def offers_of(office: Office, ids: list[UUID]) -> list[tuple[str, UUID]]:
    """Who was asked for shelter for these, and under which id."""
    found = await office.rows(
        "select organisation, referral_id, case_id from referrals where service = 'shelter'"
    )
    return [(code, referral) for code, referral, case_id in found if case_id in ids]


async def test_a_human_pins_and_forbids_and_it_is_solved_around_that(office: Office) -> None:
    await opened(office, persons=2)
    one, other = await office.offer(a_person(), a_person())
    await office.timekeeper().once()
    wishes = {
        **NO_WISHES,
        "pinned": [[str(one), "shelter", "SHELTER_D"]],
        "forbidden": [[str(other), "shelter", code] for code in PLACES],
    }
    await office.wish(INCIDENT, wishes, owner="POLICE_A")
    plan = await plan_of(office)
    assert [(p["member"], p["organisation"]) for p in plan["placed"]] == [(str(one), "SHELTER_D")]
    (left,) = plan["unplaced"]
    assert left["binding"] == ["forbidden"]
    with pytest.raises(PlannedMeanwhile):
        await office.confirm(INCIDENT, owner="POLICE_A", version=1)
    with pytest.raises(NoPlanWaits):
        await office.confirm(INCIDENT, owner="SHELTER_B")
    await office.confirm(INCIDENT, owner="POLICE_A")
    assert (one, "SHELTER_D", "offered") in await asked(office)
    with pytest.raises(NoPlanWaits):
        await office.confirm(INCIDENT, owner="POLICE_A")


async def test_an_unconfirmed_plan_is_sent_in_time_but_at_high_risk_a_human_decides(
    office: Office,
) -> None:
    await opened(office, persons=2)
    calm, hunted = await office.offer(a_person(), a_person(risk="high"))
    await office.timekeeper().once()
    await office.run("update timers set due_at = now() where step = 'send'")
    assert await office.timekeeper().once() == 1
    assert [row[0] for row in await asked(office)] == [calm]
    left = await office.rows("select case_id, service, reason from unplaced")
    assert left == [(hunted, "shelter", "high_risk")]
    steps = await office.rows("select step from timers where step in ('plan', 'send')")
    assert steps == []

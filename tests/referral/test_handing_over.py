"""A case changes hands, or she says no, in the very moment in which somebody is asked for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.store import endings
from services.referral.use_cases import handing_over
from services.referral.use_cases.choosing import choose
from services.referral.use_cases.handing_over import hand_over
from services.referral.use_cases.planning import confirm
from tests.builders import an_organisation
from tests.referral.offices import Office, an_answer
from tests.referral.test_planning import DIRECTORY, INCIDENT, a_person
from tests.referral.test_withdrawing import no, said

pytestmark = pytest.mark.share("lifecycle")
PARTIES = (
    an_organisation("POLICE_A", "police"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter"),
)
NEW_OWNER = "GEND_B"


async def transferred(office: Office, *cases: UUID) -> None:
    """As the consumer follows it."""
    async with office.engine.begin() as connection:
        await hand_over(connection, dict.fromkeys(cases, NEW_OWNER), merged={})


async def a_question(office: Office) -> tuple[UUID, UUID]:
    """A case at high risk whose owner is asked whom to ask next; its id, and the question's."""
    await office.publish(*PARTIES)
    (case_id,) = await office.offer({"age_band": "25-34", "risk": "high"})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))
    ((unplaced_id,),) = await office.rows("select unplaced_id from unplaced")
    return case_id, unplaced_id


async def while_chosen(
    office: Office, unplaced_id: UUID, then: Coroutine[Any, Any, Any]
) -> asyncio.Task[Any]:
    """SHELTER_C is chosen, and before that is committed something else begins."""
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        await choose(
            connection, unplaced_id, "SHELTER_C",
            owner="POLICE_A", role="case_owner", announcer=announcer,
        )  # fmt: skip
        return await begun(then)


async def begun(then: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """It waits for the transaction in which this is called."""
    running = asyncio.create_task(then)
    await asyncio.wait([running], timeout=1)
    assert not running.done()
    return running


async def test_whoever_is_chosen_while_the_case_changes_hands_has_the_new_owner(
    office: Office,
) -> None:
    case_id, unplaced_id = await a_question(office)
    await (await while_chosen(office, unplaced_id, transferred(office, case_id)))

    assert await owners(office) == [("SHELTER_B", NEW_OWNER), ("SHELTER_C", NEW_OWNER)]


async def test_without_the_wait_the_chosen_would_keep_the_owner_of_before_for_good(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unheld(connection: AsyncConnection, cases: Any) -> None:
        """Whoever asks is not waited for."""

    case_id, unplaced_id = await a_question(office)
    monkeypatch.setattr(handing_over, "hold_all", unheld)
    await (await while_chosen(office, unplaced_id, transferred(office, case_id)))

    assert ("SHELTER_C", "POLICE_A") in await owners(office)


async def test_whoever_is_chosen_while_she_says_no_is_taken_back(office: Office) -> None:
    case_id, unplaced_id = await a_question(office)
    await (
        await while_chosen(office, unplaced_id, said(office, case_id, no(recipient_kind="shelter")))
    )

    assert [(row[0], row[2]) for row in await office.referrals()] == [
        ("SHELTER_B", "declined"),
        ("SHELTER_C", "withdrawn"),
    ]


async def test_a_plan_that_is_sent_while_its_cases_change_hands_asks_for_the_new_owner(
    office: Office,
) -> None:
    await office.publish(*DIRECTORY)
    await office.open_incident(INCIDENT, persons=2)
    cases = await office.offer(a_person(), a_person())
    await office.timekeeper().once()
    async with office.engine.begin() as connection:
        seen = await office._seen(connection, INCIDENT, owner="POLICE_A")
        announcer = await office._announcer(connection)
        await confirm(connection, seen, announcer=announcer, role="case_owner")
        running = await begun(transferred(office, *cases))
    await running

    assert {owner for _, owner in await owners(office)} == {NEW_OWNER}


async def test_a_case_that_is_held_is_asked_for_by_nobody_until_it_is_free(office: Office) -> None:
    case_id, unplaced_id = await a_question(office)
    async with office.engine.begin() as connection:
        await endings.hold(connection, [case_id])
        running = await begun(office.decide(unplaced_id, "SHELTER_C", owner="POLICE_A"))
    await running

    assert len(await office.referrals()) == 2


async def owners(office: Office) -> list[tuple[str, str]]:
    """By organisation that was asked, whose case it is."""
    rows = await office.rows("select organisation, owner from referrals order by organisation")
    return [(row[0], row[1]) for row in rows]

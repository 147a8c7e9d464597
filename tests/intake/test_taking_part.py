"""Whoever takes part in a case hears that it is closed or open again, and of her way home: no more."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest

from contracts.event import Message
from contracts.feed_cases import CaseClosed, CaseReopened, ReturnCompleted, ReturnPlanned
from contracts.referral import ReferralOffered
from tests.intake.rooms import SHELTER, YES, Case, Room, open_room
from tests.intake.test_closing import POLICE, close, reopen
from tests.intake.test_returns import PLAN, arrive, plan
from tests.parts import Site, until

pytestmark = pytest.mark.share("lifecycle")
CLINIC = "COMMITTEE_C"
DAY = date.fromisoformat(str(PLAN["planned_for"]))
CONSENT = [{**YES, "recipient_kind": kind} for kind in ("shelter", "health")]


@asynccontextmanager
async def open_with_clinic(site: Site) -> AsyncIterator[Room]:
    """A room that knows a clinic too."""
    async with open_room(site) as opened:
        await opened.knows(POLICE, "police", "nats")
        await opened.site.run(
            "insert into intake.organisations (code, kind, channel) values (:code, 'health', 'http')",
            code=CLINIC,
        )
        yield opened


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_with_clinic(site) as opened:
        yield opened


async def heard(room: Room, code: str) -> list[Message]:
    """What its feed has told it since the last time, but for dossiers and their end."""
    kinds = (CaseClosed, CaseReopened, ReturnPlanned, ReturnCompleted)
    return [said for _, said in await room.feed(code) if isinstance(said, kinds)]


async def queued(room: Room, code: str) -> list[str]:
    """The same for an organisation whose feed nobody reads here: what is on its way there."""
    return [name for (name,) in await room.site.rows(
        "select name from intake.outbox where organisation = :code and stream = 'OUT'", code=code
    )]  # fmt: skip


async def only_asked(room: Room, case: Case) -> None:
    """CLINIC is asked and has not answered."""
    offer = ReferralOffered(
        referral_id=case.id, organisation=CLINIC, organisation_kind="health", service="health",
        urgency="urgent_72h", region="12", rank=1, ground="consent", policy_version="x",
    )  # fmt: skip
    await room.says(case, offer)
    await until(lambda: room.site.rows("select 1 from intake.steps where service = 'health'"))


async def test_whoever_has_taken_the_person_on_hears_that_the_case_is_closed_and_open_again(
    room: Room,
) -> None:
    case = await room.register(consent=CONSENT)
    await only_asked(room, case)
    referral_id = await room.accepted(case)

    assert (await close(room, case)).status_code == 200
    assert await heard(room, SHELTER) == [CaseClosed(referral_id=referral_id)]
    assert (await reopen(room, case)).status_code == 200
    assert await heard(room, SHELTER) == [CaseReopened(referral_id=referral_id)]
    assert await queued(room, CLINIC) == []


async def test_whom_she_has_said_no_to_meanwhile_does_not_hear_that_it_is_open_again(
    room: Room,
) -> None:
    case = await room.register(consent=CONSENT)
    referral_id = await room.accepted(case)
    await close(room, case)
    assert (await room.withdraw(case, recipient_kind="shelter")).status_code == 201
    await reopen(room, case)

    assert await heard(room, SHELTER) == [CaseClosed(referral_id=referral_id)]


async def test_of_her_way_home_those_hear_who_go_with_her_or_receive_her(room: Room) -> None:
    case = await room.register(consent=CONSENT)
    await room.accepted(case, CLINIC, "health")
    going = await room.accepted(case, SHELTER, "voluntary_return")

    return_id = (await plan(room, case.number)).json()["return_id"]
    assert (await arrive(room, case, return_id)).status_code == 204

    assert await heard(room, SHELTER) == [
        ReturnPlanned(referral_id=going, planned_for=DAY),
        ReturnCompleted(referral_id=going, completed_on=date(2026, 1, 1)),
    ]
    assert await queued(room, CLINIC) == []


async def test_whoever_takes_it_on_after_it_was_planned_hears_of_the_plan(
    room: Room,
) -> None:
    case = await room.register(consent=CONSENT)
    await plan(room, case.number)
    await room.accepted(case, CLINIC, "health")
    going = await room.accepted(case, SHELTER, "reunification")

    assert await heard(room, SHELTER) == [ReturnPlanned(referral_id=going, planned_for=DAY)]
    assert await queued(room, CLINIC) == []


async def test_who_accepts_when_she_has_arrived_or_is_merged_hears_as_of_the_one_person(
    room: Room,
) -> None:
    arrived, planned = await room.register(consent=CONSENT), await room.register(consent=CONSENT)
    other = await room.register(consent=CONSENT)
    await arrive(room, arrived, (await plan(room, arrived.number)).json()["return_id"])
    await plan(room, planned.number)
    await room.site.run(
        "update intake.cases set merged_into = :root where case_id = :child",
        root=planned.id,
        child=other.id,
    )
    await room.accepted(arrived, SHELTER, "voluntary_return")
    going = await room.accepted(other, SHELTER, "voluntary_return")

    assert await heard(room, SHELTER) == [ReturnPlanned(referral_id=going, planned_for=DAY)]

"""Whoever closes without asking how it stands closes twice; who is called for the closed, is called."""

import asyncio
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from contracts.feed_cases import CaseReopened
from services.intake import consumers
from services.intake.domain import closing
from services.intake.use_cases import taking_part
from services.intake.use_cases.disclosing import Discloser
from services.referral.store import notices
from tests.builders import a_mint
from tests.intake import test_taking_part
from tests.intake.rooms import open_room
from tests.intake.test_closing import AT_ONCE, SEED, Ending, close, reopen
from tests.intake.test_taking_part import CONSENT
from tests.intake.vaults import a_vault, work_engine
from tests.parts import Site
from tests.referral import test_closing
from tests.referral.days import Days
from tests.referral.test_ladder import days
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")
__all__ = ["days"]


def believe(now: closing.Standing, **_: object) -> None:
    """As the rules, and nothing is asked."""


async def test_without_the_rules_the_same_is_said_twice(
    fresh_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "require_closable", believe)
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        world = Ending(engine, by, Random(SEED))
        await world.place(6)
        found, rounds = 0, 0
        while not found and rounds < 60:
            rounds += 1
            await asyncio.gather(*(world.act() for _ in range(AT_ONCE)))
            found = await world.torn()

    say(f"{found} cases closed twice after {rounds} rounds")
    assert found


async def test_without_the_question_people_are_called_for_a_closed_case(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    unasked = notices._OPEN.text.replace("and is_closed", "and false")
    assert unasked != notices._OPEN.text
    monkeypatch.setattr(notices, "_OPEN", text(unasked))
    with pytest.raises(AssertionError):
        await test_closing.test_nobody_is_called_for_a_closed_case_however_late_it_is(days)


async def test_without_asking_for_a_ground_whom_she_said_no_to_hears_of_her_case_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_room(site) as room:
        case = await room.register(consent=CONSENT)
        referral_id = await room.accepted(case)
        await close(room, case)
        await room.withdraw(case, recipient_kind="shelter")
        monkeypatch.setattr(taking_part, "grounds_for", lambda *_, **__: ("legal_obligation",))
        await reopen(room, case)
        heard = [said for _, said in await room.feed()]

    assert CaseReopened(referral_id=referral_id) in heard


async def test_without_looking_at_the_acceptance_nobody_hears_of_what_was_planned_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def say_nothing(*_: object, **__: object) -> None:
        """As `tell_planned`, and nobody is told."""

    monkeypatch.setattr(consumers, "tell_planned", say_nothing)
    async with test_taking_part.open_with_clinic(site) as room:
        with pytest.raises(AssertionError):
            await test_taking_part.test_whoever_takes_it_on_after_it_was_planned_hears_of_the_plan(
                room
            )

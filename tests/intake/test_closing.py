"""A case is closed and reopened by its owner, once, with all of its person's; closed, it takes in nothing."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.referral import ReferralAccepted, ReferralStarted, ReferralUnplaced
from services.intake.domain.closing import ClosingRefused
from services.intake.use_cases.closing import close_case, reopen_case
from services.intake.use_cases.disclosing import Discloser
from tests.builders import a_mint
from tests.intake.pairs import GIRL, SPELT_OTHERWISE, pair_of, register, says
from tests.intake.rooms import SHELTER, Case, Room, offered, open_room
from tests.intake.test_access import call
from tests.intake.test_followups import due, pass_by, told_by_hand
from tests.intake.transferred import World
from tests.intake.vaults import a_vault, work_engine
from tests.parts import Site, until
from tests.servers import Database
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")
POLICE = "POLICE_A"
YES = {"recipient_kind": "shelter", "state": "given", "by": "person"}
SEED, AT_ONCE = 20261129, 6
SAID = """
    select subject, name from {}outbox where name in ('case.closed', 'case.reopened')
    order by position
"""


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await opened.knows(POLICE, "police", "nats")
        yield opened


async def close(room: Room, case: Case, code: str = POLICE, **more: Any) -> httpx.Response:
    body = {"reason": "reintegrated"} | more
    return await call(room.desk, f"/cases/{case.number}/closure", code, json=body)


async def reopen(room: Room, case: Case, code: str = POLICE, **more: Any) -> httpx.Response:
    body = {"reason": "needs_help"} | more
    return await call(room.desk, f"/cases/{case.number}/reopening", code, json=body)


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


async def shown(room: Room, case: Case) -> tuple[bool, str | None]:
    """Whether the owner sees it closed, and why."""
    found = (await room.desk.get(f"/cases/{case.number}", POLICE)).json()
    return found["closed_at"] is not None, found["closure"]


async def said(room: Room) -> list[str]:
    return [name for _, name in await room.site.rows(SAID.format("intake."))]


async def test_its_owner_alone_closes_and_reopens_it_once_with_a_reason(room: Room) -> None:
    case = await room.register(consent=[YES])

    assert [(await close(room, case, code)).status_code for code in (SHELTER, POLICE)] == [404, 200]
    assert problem(await close(room, case)) == (409, "case_closed")
    assert await shown(room, case) == (True, "reintegrated")
    assert [(await reopen(room, case, code)).status_code for code in (SHELTER, POLICE)] == [
        404, 200,
    ]  # fmt: skip
    assert problem(await reopen(room, case)) == (409, "case_open")
    assert await shown(room, case) == (False, None)
    assert await said(room) == ["case.closed", "case.reopened"]


async def test_a_closed_case_takes_in_nothing_new_but_a_no(room: Room) -> None:
    case = await room.register(consent=[YES])
    await close(room, case)
    path = f"/cases/{case.number}"

    yes = await room.post(f"{path}/consents", YES | {"purpose": "legal_aid"})
    ground = await room.post(f"{path}/grounds", {"ground": "court_order"})
    given = await call(room.desk, f"{path}/transfers", POLICE, json={"organisation": SHELTER})

    assert [problem(one) for one in (yes, ground, given)] == [(409, "case_closed")] * 3
    assert (await room.withdraw(case)).status_code == 201
    await reopen(room, case)
    assert (await room.post(f"{path}/consents", YES)).status_code == 201


async def test_what_is_under_way_or_offered_keeps_it_open_until_its_owner_says_so(
    room: Room,
) -> None:
    case, other = await room.register(consent=[YES]), await room.register(consent=[YES])
    referral_id = await room.accepted(case)
    started = {"organisation": SHELTER, "organisation_kind": "shelter", "service": "shelter"}
    await room.step(case, ReferralStarted, referral_id=referral_id, **started)
    begun = "select 1 from intake.steps where step = 'started'"
    await until(lambda: room.site.rows(begun))
    await call(
        room.desk, f"/cases/{other.number}/transfers", POLICE, json={"organisation": SHELTER}
    )

    assert problem(await close(room, case)) == (409, "service_under_way")
    assert problem(await close(room, other)) == (409, "pending")
    assert (await close(room, case, ends_services=True)).status_code == 200


async def test_of_a_closed_case_nobody_is_asked_how_she_is_and_reopened_the_days_begin_anew(
    room: Room,
) -> None:
    case = await room.register()
    await pass_by(room, 30)
    await told_by_hand(room)
    assert [one["after_days"] for one in await due(room)] == [30]

    await close(room, case)
    assert await due(room) == []
    await pass_by(room, 400)
    await reopen(room, case)
    await pass_by(room, 30)
    await told_by_hand(room)
    assert [one["after_days"] for one in await due(room)] == [30, 30]


async def test_what_comes_late_of_a_closed_case_discloses_nothing_and_leaves_nobody_waiting(
    room: Room,
) -> None:
    case = await room.register(consent=[YES])
    await close(room, case)
    of: dict[str, Any] = {"referral_id": uuid4(), "organisation": SHELTER, "service": "shelter"}
    of |= {"organisation_kind": "shelter"}
    late = ReferralUnplaced(service="legal_aid", reason="no_candidate", unplaced_id=uuid4())

    await room.says(case, late, offered(of), ReferralAccepted(**of))

    await until(lambda: room.receipts(of["referral_id"]))
    assert [row[0] for row in await room.receipts(of["referral_id"])] == ["nothing"]
    found = (await room.desk.get(f"/cases/{case.number}", POLICE)).json()
    assert found["unplaced"] == []


async def test_a_person_s_cases_end_together_and_an_open_one_is_not_merged_with_a_closed(
    room: Room,
) -> None:
    one, other = [await register(room, who) for who in (GIRL, SPELT_OTHERWISE)]
    pair_id = await pair_of(room, one, other)
    await close(room, other)
    assert problem(await says(room, pair_id, POLICE, yes=True)) == (409, "case_closed")

    await reopen(room, other)
    assert (await says(room, pair_id, POLICE, yes=True)).status_code == 200
    await close(room, other)

    assert [await shown(room, case) for case in (one, other)] == [(True, "reintegrated")] * 2
    asked = await reopen(room, other, needs=["shelter"])
    assert asked.status_code == 200
    needs = await room.site.rows(
        "select subject, convert_from(body, 'UTF8')::jsonb->'needs' from intake.outbox"
        " where name = 'case.reopened' order by position desc limit 2"
    )
    assert {subject: list(named) for subject, named in needs} == {
        str(one.id): ["shelter"], str(other.id): [],
    }  # fmt: skip


async def test_who_cannot_be_placed_is_not_asked_for(room: Room) -> None:
    case = await room.register(urgency=None, needs=[])
    await close(room, case)
    assert (await reopen(room, case, needs=["shelter"])).status_code == 422
    assert (await reopen(room, case)).status_code == 200


@dataclass(slots=True)
class Ending(World):
    """As `World`, and who owns a case closes and reopens it."""

    async def act(self) -> None:
        """One of these, or something else."""
        if self.chance.random() < 0.6:
            return await super(Ending, self).act()
        verb = self.chance.choice(("close", "reopen"))
        with suppress(ClosingRefused):
            async with self.engine.begin() as connection:
                if await self._end_or_not(connection, verb):
                    self.done[verb] = self.done.get(verb, 0) + 1
        return None

    async def _end_or_not(self, connection: AsyncConnection, verb: str) -> bool:
        number = self.chance.choice(self.numbers)
        asking = text("select owner from cases where number = :number")
        owner = str(await connection.scalar(asking, {"number": number}))
        who = self._acting(owner)
        if verb == "close":
            done = await close_case(
                connection, who, number, reason="other", ends_services=False, by=self.by
            )
        else:
            done = await reopen_case(connection, who, number, reason="other", needs=(), by=self.by)
        return done is not None

    def has_done_enough(self) -> bool:
        return all(self.done.get(kind, 0) >= 3 for kind in ("close", "reopen", "offer", "merge"))

    async def torn(self) -> int:
        """Cases whose person is closed and open at once, or of which the same was said twice."""
        async with self.engine.connect() as connection:
            rows = list(await connection.execute(text(
                "select case_id, merged_into, closed_at is not null from cases"
            )))  # fmt: skip
            told = list(await connection.execute(text(SAID.format(""))))
        closed = {one: is_closed for one, _, is_closed in rows}
        wrong = {one for one, into, _ in rows if into and closed[into] != closed[one]}
        words = defaultdict(list)
        for subject, name in told:
            words[subject].append(name)
        twice = [one for one, names in words.items() if _stutters(names)]
        return len(wrong) + len(twice)


def _stutters(names: list[str]) -> bool:
    return names != [("case.closed", "case.reopened")[nth % 2] for nth in range(len(names))]


async def test_however_many_close_reopen_merge_and_give_away_at_once_each_counts_once(
    fresh_database: Database, tmp_path: Path
) -> None:
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    async with work_engine(fresh_database.url("intake_work")) as engine:
        world = Ending(engine, by, Random(SEED))
        await world.place(6)
        found = 0
        # Who is first is chance, and so is what counts of what is tried: some runs take longer.
        for nth in range(100):
            await asyncio.gather(*(world.act() for _ in range(AT_ONCE)))
            found = max(found, await world.torn(), await world.violations())
            if nth >= 20 and world.has_done_enough():
                break

    say(f"seed {SEED}: {world.done}")
    assert world.has_done_enough()
    assert found == 0

"""Thousands of referrals that many do not answer: every rung is told in its turn, and nobody else."""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.notifier import Notifier
from services.referral.timers import Timekeeper
from services.referral.use_cases.announcing import Announcer
from tests.builders import a_mint, an_organisation
from tests.ledger import Figure, Form
from tests.referral.days import Days, a_post, days_of
from tests.referral.offices import Office, an_answer
from tests.servers import Database
from tests.trust.silence import OWNER, RUNGS, Course, Told, course, plans
from tests.trust.telling import say

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
SEED = 20261128
SHELTERS = ("SHELTER_1", "SHELTER_2", "SHELTER_3")
DIRECTORY = (
    an_organisation(OWNER, "police", "immediate_safety"),
    *(an_organisation(code, "shelter", "shelter") for code in SHELTERS),
    an_organisation("SOCIAL_R", "social"),
    an_organisation("COMMITTEE_N", "committee", region="00", zones=("*",)),
)
#: How wrong the clocks of our processes are.
WRONG = (timedelta(days=-1), timedelta(0), timedelta(days=1))


@dataclass(slots=True)
class Stage:
    """A crowd of cases, and what must come of each."""

    days: Days
    courses: list[Course]
    cases: list[UUID]
    keepers: list[Timekeeper]
    hour: float = 0.0

    async def play(self) -> None:
        """From one moment at which something happens to the next, until nothing more does."""
        random = Random(SEED)
        actions: defaultdict[float, list[tuple[int, str, int]]] = defaultdict(list)
        for number, one in enumerate(self.courses):
            for hour, verb, nth in one.actions:
                actions[round(hour, 6)].append((number, verb, nth))
        while (until := await self._next(actions)) is not None:
            await self.days.clock.go_on(timedelta(hours=until - self.hour))
            self.hour = until
            await self._act(actions.pop(until, []))
            while await random.choice(self.keepers).once() + await self.days.notifier.once():
                pass

    async def _next(self, actions: dict[float, list[tuple[int, str, int]]]) -> float | None:
        ((due,),) = await self.days.office.rows("""
            select extract(epoch from least((select min(due_at) from timers),
                (select min(next_at) from notices where state = 'waiting')) - clock_timestamp())
        """)
        moments = [] if due is None else [round(self.hour + float(due) / 3600, 6)]
        return min([*moments, *actions], default=None)

    async def _act(self, now: list[tuple[int, str, int]]) -> None:
        """What people do at this moment."""
        office = self.days.office
        asked = await self._referrals([self.cases[number] for number, _, _ in now])
        answers = []
        for number, verb, nth in now:
            case, code = self.cases[number], SHELTERS[nth % len(SHELTERS)]
            if verb == "choose":
                ((left,),) = await office.rows(
                    f"select unplaced_id from unplaced where case_id = '{case}'"
                )
                await office.decide(left, code, owner=OWNER)
            elif verb.startswith("see to"):
                ((notice, told),) = await office.rows(
                    "select notice_id, organisation from notices"
                    f" where matter_id = '{asked[case, code]}'"
                    f" and rung = '{verb.removeprefix('see to ')}'"
                )
                await office.acknowledge(notice, organisation=told)
            else:
                answers.append(an_answer(code, asked[case, code], verb))
        if answers:
            await office.answer(*answers)

    async def _referrals(self, cases: list[UUID]) -> dict[tuple[UUID, str], UUID]:
        if not cases:
            return {}
        listed = ", ".join(f"'{case}'" for case in cases)
        rows = await self.days.office.rows(
            f"select case_id, organisation, referral_id from referrals where case_id in ({listed})"
        )
        return {(case, code): referral for case, code, referral in rows}

    async def told(self) -> Counter[Told]:
        """Which notices were sent, by case."""
        rows = await self.days.office.rows(
            "select case_id, waits_for, rung from notices where state = 'sent'"
        )
        numbers = {case: number for number, case in enumerate(self.cases)}
        return Counter((numbers[case], code, rung) for case, code, rung in rows)

    async def states(self) -> list[list[str]]:
        """How the referrals of each case stand, in rank."""
        rows = await self.days.office.rows("select case_id, state from referrals order by rank")
        found: defaultdict[UUID, list[str]] = defaultdict(list)
        for case, state in rows:
            found[case].append(state)
        return [found[case] for case in self.cases]


async def set_up(days: Days, count: int) -> Stage:
    """Everybody has posts; the cases are registered at the same moment."""
    for nth, code in enumerate((OWNER, *SHELTERS)):
        posts = [a_post(rung, f"+2237000{nth}00{n}") for n, rung in enumerate(RUNGS[:2])]
        await days.set_contacts(code, *posts)
    await days.set_contacts("SOCIAL_R", a_post(RUNGS[2], "+22371000000"))
    await days.set_contacts("COMMITTEE_N", a_post(RUNGS[3], "+22372000000"))
    crowd = list(plans(count, len(SHELTERS), seed=SEED))
    cases = [uuid4() for _ in crowd]
    for start in range(0, count, 200):
        facts = [
            {
                "age_band": "25-34",
                "urgency": one.urgency,
                "risk": "high" if one.is_high_risk else "medium",
            }
            for one in crowd[start : start + 200]
        ]
        await days.office.offer(*facts, ids=cases[start : start + 200])
    keepers = [
        await with_directory(another(days.office, seed, ahead).timekeeper())
        for seed, ahead in enumerate(WRONG, start=100)
    ]
    await with_directory(days.notifier)
    return Stage(days, [course(one, SHELTERS) for one in crowd], cases, keepers)


def another(office: Office, seed: int, ahead: timedelta) -> Office:
    """Another process on the same tables, whose own clock is that wrong."""
    mint = a_mint(seed)
    off = int(ahead.total_seconds() * 1000)
    return replace(office, mint=replace(mint, now_ms=lambda: mint.now_ms() + off))


Worker = TypeVar("Worker", Timekeeper, Notifier)


async def with_directory(worker: Worker) -> Worker:
    """It reads the directory once, as the service does for a second."""
    async with worker.engine.connect() as connection:
        held = await worker.announcer(connection)

    async def known(_: AsyncConnection) -> Announcer:
        return held

    worker.announcer = known
    return worker


@pytest.mark.timeout(3000)
async def test_every_silence_is_escalated_rung_by_rung_whatever_our_clocks_say(
    fresh_database: Database, form: Form, figure: Figure
) -> None:
    count = form.pick(short=60, long=10_000)
    async with days_of(fresh_database, DIRECTORY) as days:
        stage = await set_up(days, count)
        await stage.play()
        told, states = await stage.told(), await stage.states()
        left = await days.office.rows("select case_id from unplaced")
        waiting = await days.office.rows(
            "select referral_id from referrals where state in ('offered', 'received')"
        )
        names = Counter(name for name, _ in await days.office.said())

    expected = sum((one.told for one in stage.courses), Counter())
    missing, more = expected - told, told - expected
    say(
        f"seed {SEED}: {count} referrals, {told.total()} notices, {names['referral.overdue']} overdue"
    )
    assert states == [one.states for one in stage.courses]
    assert {row[0] for row in left} == {
        case for case, one in zip(stage.cases, stage.courses, strict=True) if one.is_left
    }
    assert not list(more)[:10]
    assert not list(missing)[:10]
    assert names["notice.sent"] == told.total() == len(days.postman.letters)
    assert names["referral.overdue"] == sum(one.states.count("overdue") for one in stage.courses)
    assert min(Counter(rung for _, _, rung in expected).values()) > count / 10
    figure("lifecycle.deadline.unescalated", missing.total() + len(waiting), seed=SEED)


async def test_a_timer_that_was_lost_would_be_noticed(fresh_database: Database) -> None:
    async with days_of(fresh_database, DIRECTORY) as days:
        stage = await set_up(days, 20)
        silent = next(
            case for case, one in zip(stage.cases, stage.courses, strict=True)
            if one.states[0] == "overdue" and not one.actions
        )  # fmt: skip
        await days.clock.run(
            "delete from referral.timers using referral.referrals"
            " where matter_id = referral_id and case_id = $1",
            silent,
        )
        stage.courses = [replace(one, actions=[]) for one in stage.courses]
        await stage.play()
        told = await stage.told()

    number = stage.cases.index(silent)
    missing = [one for one in (stage.courses[number].told - told) if one[0] == number]
    assert missing

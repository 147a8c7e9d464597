"""Nobody waits unanswered: reminders, ends of the time for an answer, and who decides what then."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.referral.domain.deadlines import LIMITS
from services.referral.store import routings
from services.referral.timers import PATIENCE_SECONDS
from services.referral.use_cases.choosing import CannotBeAsked, NothingWaits
from services.referral.use_cases.explaining import explain
from tests.builders import an_organisation
from tests.referral.days import MINUTE, Days, days_of
from tests.referral.offices import an_answer
from tests.servers import Database

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
ADULT = {"age_band": "25-34"}
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12")),
)


@pytest.fixture
async def days(fresh_database: Database) -> AsyncIterator[Days]:
    async with days_of(fresh_database, DIRECTORY) as opened:
        yield opened


async def offered(days: Days, **facts: Any) -> UUID:
    """A referral that waits for SHELTER_B's answer."""
    await days.office.offer({**ADULT, **facts})
    return await days.office.open_offer("SHELTER_B")


async def test_half_way_its_recipient_is_reminded_and_at_the_end_the_next_is_asked(
    days: Days,
) -> None:
    half = LIMITS["vital_1h"] / 2
    await offered(days, urgency="vital_1h")
    await days.pass_by(half - MINUTE)
    assert await days.names() == ["referral.offered"]

    await days.pass_by(2 * MINUTE)
    assert await days.names("SHELTER_B") == ["referral.offered", "referral.reminded"]
    assert await days.names("POLICE_A") == []

    await days.pass_by(half - 2 * MINUTE)
    assert (await days.office.referrals())[0][2] == "offered"

    await days.pass_by(2 * MINUTE)
    assert await days.office.referrals() == [
        ("SHELTER_B", "shelter", "overdue", 1),
        ("SHELTER_C", "shelter", "offered", 2),
    ]
    assert await days.names("SHELTER_B") == [
        "referral.offered", "referral.reminded", "referral.overdue",
    ]  # fmt: skip
    assert await days.names("POLICE_A") == ["referral.overdue"]
    assert await days.names("SHELTER_C") == ["referral.offered"]
    assert await days.names() == [
        "referral.offered", "referral.reminded", "referral.overdue", "referral.offered",
    ]  # fmt: skip


async def test_after_an_outage_longer_than_the_time_for_an_answer_only_its_end_is_said(
    days: Days,
) -> None:
    await offered(days, urgency="vital_1h")
    await days.pass_by(LIMITS["vital_1h"] + MINUTE)
    assert await days.names("SHELTER_B") == ["referral.offered", "referral.overdue"]
    assert [row[2] for row in await days.office.referrals()] == ["overdue", "offered"]


async def test_why_the_next_was_asked_after_silence_is_kept_and_said_as_after_any_answer(
    days: Days,
) -> None:
    first = await offered(days)
    await days.pass_by(LIMITS["urgent_72h"] + MINUTE)

    ((case_id,),) = await days.office.rows(
        f"select case_id from referrals where referral_id = '{first}'"
    )
    async with days.office.engine.connect() as connection:
        kept = await routings.of_case(connection, case_id)
    assert [one.organisation for one in kept] == ["SHELTER_B", "SHELTER_C"]
    assert [["asked_before", {"state": "overdue"}], ["SHELTER_B"]] in kept[1].weighed["excluded"]
    words = "It was asked for this before; it stands at: Overdue."
    assert words in "\n".join(explain(kept[1], "en").lines())
    assert await days.office.rows("select organisation, outcomes from answers") == [
        ("SHELTER_B", "n")
    ]


async def test_the_time_for_an_answer_is_that_of_its_urgency(days: Days) -> None:
    assert list(LIMITS.values()) == [timedelta(hours=hours) for hours in (1, 24, 72, 14 * 24)]
    for urgency in LIMITS:
        await days.office.offer({**ADULT, "urgency": urgency})
    over = "select urgency from referrals where organisation = 'SHELTER_B' and state = 'overdue'"
    seen = []
    before = timedelta(0)
    for limit in LIMITS.values():
        await days.pass_by(limit - before - MINUTE)
        seen.append(len(await days.office.rows(over)))
        await days.pass_by(MINUTE)
        seen.append(len(await days.office.rows(over)))
        before = limit

    assert seen == [0, 1, 1, 2, 2, 3, 3, 4]


async def test_the_next_in_rank_has_the_whole_time_again_and_after_the_last_the_owner_hears(
    days: Days,
) -> None:
    await offered(days)
    await days.pass_by(LIMITS["urgent_72h"] + MINUTE)
    await days.pass_by(LIMITS["urgent_72h"] - 2 * MINUTE)
    assert await days.office.unplaced() == []

    await days.pass_by(3 * MINUTE)
    assert [state for _, _, state, _ in await days.office.referrals()] == ["overdue", "overdue"]
    assert await days.office.unplaced() == [("shelter", "none_left")]
    assert (await days.names("POLICE_A"))[-1] == "referral.unplaced"


@pytest.mark.parametrize(
    ("verbs", "state"), [(("accept",), "accepted"), (("receive", "accept", "start"), "started")]
)
async def test_who_has_answered_hears_nothing_more(
    days: Days, verbs: tuple[str, ...], state: str
) -> None:
    referral_id = await offered(days)
    for verb in verbs:
        await days.office.answer(an_answer("SHELTER_B", referral_id, verb))
    before = await days.office.said()
    await days.pass_by(timedelta(days=30))

    assert await days.office.said() == before
    assert await days.office.referrals() == [("SHELTER_B", "shelter", state, 1)]
    assert await days.office.rows("select * from timers") == []


async def test_who_has_only_seen_it_is_waited_for_no_longer(days: Days) -> None:
    referral_id = await offered(days)
    await days.office.answer(an_answer("SHELTER_B", referral_id, "receive"))
    await days.pass_by(LIMITS["urgent_72h"] / 2 + MINUTE)
    await days.pass_by(LIMITS["urgent_72h"] / 2)

    assert (await days.office.referrals())[0][2] == "overdue"


async def test_an_answer_that_comes_after_somebody_else_was_asked_is_refused(days: Days) -> None:
    referral_id = await offered(days)
    await days.pass_by(LIMITS["urgent_72h"] + MINUTE)
    await days.pass_by(MINUTE)
    (answered,) = await days.office.answer(an_answer("SHELTER_B", referral_id, "accept"))

    assert answered.refused == "wrong_state"
    assert (await days.office.referrals())[0][2] == "overdue"


async def waiting(days: Days) -> UUID:
    """A case at high risk whose shelter has not answered: its owner has to decide."""
    await offered(days, risk="high")
    await days.pass_by(LIMITS["urgent_72h"] + MINUTE)
    await days.pass_by(MINUTE)
    ((unplaced_id,),) = await days.office.rows("select unplaced_id from unplaced")
    return UUID(str(unplaced_id))


async def test_at_high_risk_nobody_else_is_asked_until_the_owner_says_whom(days: Days) -> None:
    unplaced_id = await waiting(days)
    assert await days.office.referrals() == [("SHELTER_B", "shelter", "overdue", 1)]
    assert await days.office.unplaced() == [("shelter", "high_risk")]
    name, asked = (await days.office.said("POLICE_A"))[-1]
    assert (name, asked["unplaced_id"]) == ("referral.unplaced", str(unplaced_id))

    chosen = await days.office.decide(unplaced_id, "SHELTER_C", owner="POLICE_A")
    assert (chosen.organisation, chosen.rank, chosen.urgency) == ("SHELTER_C", 2, "urgent_72h")
    assert await days.office.unplaced() == []
    assert await days.names("SHELTER_C") == ["referral.offered"]
    name, event = (await days.office.said())[-1]
    assert (name, event["chosen_by_role"]) == ("referral.offered", "case_owner")

    await days.pass_by(LIMITS["urgent_72h"] + MINUTE)
    await days.pass_by(MINUTE)
    assert await days.office.unplaced() == [("shelter", "none_left")], "its time runs as well"


async def test_only_the_owner_decides_and_only_among_those_that_can_be_asked(days: Days) -> None:
    unplaced_id = await waiting(days)
    for organisation, owner, refused in (
        ("SHELTER_C", "SHELTER_B", NothingWaits),
        ("SHELTER_B", "POLICE_A", CannotBeAsked),
        ("POLICE_A", "POLICE_A", CannotBeAsked),
        ("NOBODY", "POLICE_A", CannotBeAsked),
    ):
        with pytest.raises(refused):
            await days.office.decide(unplaced_id, organisation, owner=owner)
    await days.office.decide(unplaced_id, "SHELTER_C", owner="POLICE_A")
    with pytest.raises(NothingWaits):
        await days.office.decide(unplaced_id, "SHELTER_C", owner="POLICE_A")

    assert len(await days.office.referrals()) == 2


async def test_while_answers_lie_unread_nobody_is_overdue_but_not_for_ever(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unread() -> bool:
        return False

    days.timekeeper.is_read = unread
    await offered(days)
    await days.pass_by(timedelta(days=30))
    assert await days.names() == ["referral.offered"]

    monkeypatch.setattr("services.referral.timers.PATIENCE_SECONDS", -PATIENCE_SECONDS)
    await days.pass_by(MINUTE)
    assert (await days.names())[:2] == ["referral.offered", "referral.overdue"]


async def test_a_timer_that_fails_holds_up_no_other_and_is_tried_again(days: Days) -> None:
    first = await offered(days)
    await days.office.offer(ADULT)
    urgent = "update referral.referrals set urgency = $1 where referral_id = $2"
    await days.clock.run(urgent, "never", first)
    await days.pass_by(LIMITS["urgent_72h"] / 2 + MINUTE)
    assert await days.names("SHELTER_B") == ["referral.offered"] * 2 + ["referral.reminded"]

    await days.clock.run(urgent, "urgent_72h", first)
    await days.pass_by(2 * MINUTE)
    assert (await days.names("SHELTER_B")).count("referral.reminded") == 2

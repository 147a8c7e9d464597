from datetime import UTC, date, datetime, timedelta

from services.reporting.domain import Window
from services.reporting.use_cases import Figures, count_figures
from tests.reporting.happenings import DAWN, Happenings, Roles, take

DAY = timedelta(days=1)
AUTUMN = Window(
    start=date(2026, 11, 1), end=date(2026, 12, 1), as_of=datetime(2026, 12, 1, tzinfo=UTC)
)


async def count(roles: Roles, happened: Happenings, window: Window = AUTUMN) -> Figures:
    await take(roles.work, happened.events)
    return await count_figures(roles.web, window, step=1)


def a_year() -> Happenings:
    """Three victims and a smuggled migrant; four referrals of two of the victims."""
    happened = Happenings()
    for case in (1, 2, 3):
        happened.registered(case)
    happened.registered(4, offence_class="migrant_smuggling")
    happened.offered(1, 1, minutes=1)
    happened.offered(2, 1, service="health", minutes=1)
    happened.offered(3, 2, minutes=1)
    happened.offered(4, 2, service="legal_aid", minutes=1)
    happened.offered(5, 4, minutes=1)
    happened.offered(6, 2, service="health", minutes=1)
    happened.stepped(6, 2, "overdue", minutes=30)
    happened.offered(7, 2, service="health", minutes=31)
    happened.stepped(7, 2, "received", minutes=32)
    happened.stepped(7, 2, "withdrawn", minutes=33)
    happened.stepped(1, 1, "received", minutes=5)
    happened.stepped(1, 1, "accepted", minutes=11)
    happened.stepped(1, 1, "started", minutes=60)
    happened.stepped(1, 1, "delivered", minutes=90)
    happened.stepped(2, 1, "declined", minutes=21)
    happened.stepped(3, 2, "accepted", minutes=31)
    happened.stepped(5, 4, "accepted", minutes=2)
    happened.unplaced(1, service="health", minutes=22)
    happened.unplaced(3, minutes=3)
    happened.unplaced(4, minutes=3)
    return happened


async def test_victims_are_counted_as_persons_and_smuggled_migrants_are_not_among_them(
    roles: Roles,
) -> None:
    assert (await count(roles, a_year())).victims_detected == 3


async def test_a_person_with_two_referrals_is_referred_once(
    roles: Roles,
) -> None:
    assert (await count(roles, a_year())).victims_referred == 2


async def test_referrals_are_counted_in_the_state_they_are_in(
    roles: Roles,
) -> None:
    assert (await count(roles, a_year())).referrals_by_state == {
        "offered": 1, "received": 0, "accepted": 1, "declined": 1, "overdue": 1, "started": 0,
        "delivered": 1, "not_delivered": 0, "withdrawn": 1, "confirmed": 0,
    }  # fmt: skip


async def test_a_service_of_a_person_is_unplaced_once(
    roles: Roles,
) -> None:
    happened = a_year()
    happened.unplaced(3, minutes=200)

    assert (await count(roles, happened)).services_unplaced == 2


async def test_the_time_to_an_answer_is_the_median_over_the_answered(
    roles: Roles,
) -> None:
    answers = (await count(roles, a_year())).time_to_answer

    assert (answers.median_seconds, answers.answered) == (20 * 60, 3)


async def test_with_an_even_number_of_answers_the_median_lies_between_the_middle_two(
    roles: Roles,
) -> None:
    happened = a_year()
    happened.stepped(4, 2, "declined", minutes=41)

    assert (await count(roles, happened)).time_to_answer.median_seconds == 25 * 60


async def test_without_events_there_are_zeros_and_no_median(
    roles: Roles,
) -> None:
    counted = await count(roles, Happenings())

    assert (counted.victims_detected, counted.victims_referred) == (0, 0)
    assert (counted.services_unplaced, sum(counted.referrals_by_state.values())) == (0, 0)
    assert (counted.time_to_answer.median_seconds, counted.time_to_answer.answered) == (None, 0)
    assert counted.followed == []


async def test_a_window_holds_its_first_day_and_not_its_last(
    roles: Roles,
) -> None:
    happened = Happenings()
    for case, day in enumerate((date(2026, 10, 31), date(2026, 11, 1), date(2026, 12, 1)), 1):
        happened.registered(case, detected_on=day)
        start = datetime.combine(day, datetime.min.time(), UTC)
        happened.offered(case, case, minutes=(start - DAWN) / timedelta(minutes=1))

    counted = await count(roles, happened)

    assert (counted.victims_detected, counted.victims_referred) == (1, 1)
    assert sum(counted.referrals_by_state.values()) == 1


async def test_what_was_recorded_at_the_moment_or_later_does_not_count(
    roles: Roles,
) -> None:
    def until(minutes: float) -> Window:
        as_of = DAWN + timedelta(minutes=minutes)
        return Window(start=AUTUMN.start, end=AUTUMN.end, as_of=as_of)

    happened = a_year()
    at_dawn = await count(roles, happened, until(0))
    registered = await count(roles, happened, until(0.5))
    offered = await count(roles, happened, until(1.5))
    accepted = await count(roles, happened, until(11.5))

    assert (at_dawn.victims_detected, at_dawn.victims_referred) == (0, 0)
    assert (registered.victims_detected, registered.victims_referred) == (3, 0)
    assert (offered.victims_detected, offered.victims_referred) == (3, 2)
    assert offered.referrals_by_state["offered"] == 5
    assert offered.services_unplaced == 0
    assert offered.time_to_answer.median_seconds is None
    assert accepted.referrals_by_state["accepted"] == 1
    assert accepted.time_to_answer.median_seconds == 10 * 60
    assert accepted.services_unplaced == 1


async def test_a_referral_whose_case_is_still_on_the_way_waits_for_it(
    roles: Roles,
) -> None:
    happened = Happenings()
    happened.offered(1, 1)
    before = await count(roles, happened)
    happened.registered(1)
    after = await count(roles, happened)

    assert (before.victims_referred, after.victims_referred) == (0, 1)


async def test_how_far_each_stream_was_counted_is_told(
    roles: Roles,
) -> None:
    followed = (await count(roles, a_year())).followed

    assert [(one.stream, one.sequence) for one in followed] == [("INTAKE", 4), ("REFERRAL", 20)]
    assert followed[0].recorded_at == DAWN

from datetime import UTC, datetime, time

import pytest

from services.referral.domain.duty import Post, Shift, addresses

TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
DAY, NIGHT = Shift(time(8), time(18)), Shift(time(18), time(8))


def at(hour: int, minute: int = 0, *, day: int = 24) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("shift", "moment", "covers"),
    [
        (DAY, at(8), True),
        (DAY, at(17, 59), True),
        (DAY, at(18), False),
        (DAY, at(7, 59), False),
        (NIGHT, at(23), True),
        (NIGHT, at(3), True),
        (NIGHT, at(8), False),
        (Shift(time(18), time(8), ("tuesday",)), at(3, day=25), True),
        (Shift(time(18), time(8), ("tuesday",)), at(3), False),
        (Shift(time(0), time(0)), at(0), True),
        (Shift(time(0), time(0), ("tuesday",)), at(23, 59), True),
        (Shift(time(0), time(0), ("tuesday",)), at(0, day=25), False),
    ],
)
def test_a_shift_belongs_to_the_day_on_which_it_begins(
    shift: Shift, moment: datetime, covers: bool
) -> None:
    assert TUESDAY.weekday() == 1
    assert shift.covers(moment) is covers


def test_on_a_legal_holiday_the_hours_of_sunday_are_kept() -> None:
    friday = at(12, day=27)
    holidays = {friday.date()}
    for days, on_friday, on_holiday in (
        (("friday",), True, False),
        (("sunday",), False, True),
        ((), True, True),
    ):
        shift = Shift(time(8), time(18), days)
        assert (shift.covers(friday), shift.covers(friday, holidays)) == (on_friday, on_holiday)


def test_a_night_that_began_on_a_holiday_is_the_holidays() -> None:
    shift = Shift(time(18), time(8), ("friday",))
    assert shift.covers(at(3, day=28))
    assert not shift.covers(at(3, day=28), {at(0, day=27).date()})


def test_a_post_that_keeps_the_holiday_is_tried_after_one_that_does_not() -> None:
    weekdays = Shift(time(8), time(18), ("monday", "friday"))
    posts, noon = [a_post("1", weekdays), a_post("2", DAY)], at(12, day=27)
    assert addresses(posts, at=noon, near=None)[0] == ("sms", "+2231")
    assert addresses(posts, at=noon, near=None, holidays={noon.date()})[0] == ("sms", "+2232")


def a_post(name: str, *shifts: Shift, cercle: str = "1201", email: str | None = None) -> Post:
    return Post(cercle=cercle, phone=f"+223{name}", email=email, shifts=shifts)


def test_who_is_on_duty_comes_first_and_the_others_are_tried_all_the_same() -> None:
    posts = [a_post("1", DAY), a_post("2", NIGHT, email="night@example.org"), a_post("3")]

    assert addresses(posts, at=at(3), near=None) == [
        ("sms", "+2232"), ("email", "night@example.org"), ("sms", "+2233"), ("sms", "+2231"),
    ]  # fmt: skip


def test_the_nearest_post_comes_first() -> None:
    posts = [a_post("1", cercle="0101"), a_post("2", cercle="1202"), a_post("3", cercle="1201")]

    for near, first in (("1201", "+2233"), ("1203", "+2232"), ("12", "+2232"), (None, "+2231")):
        assert addresses(posts, at=at(12), near=near)[0] == ("sms", first)


def test_an_address_of_two_posts_is_tried_once() -> None:
    assert addresses([a_post("1"), a_post("1", DAY)], at=at(9), near=None) == [("sms", "+2231")]

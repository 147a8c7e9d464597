"""In which order those who may be asked are asked: seven questions, one after the other."""

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Final, NamedTuple

from services.referral.domain.routing.filtering import minutes
from services.referral.domain.routing.organisations import Candidate, Unit
from services.referral.domain.routing.reasons import Reason, because
from services.referral.domain.routing.rules import is_too_near
from services.referral.domain.routing.situation import URGENCIES, Need, Situation
from services.referral.domain.routing.view import View


class Ranked(NamedTuple):
    """An organisation that may be asked, by its nearest unit.

    marks: its answers as numbers, the less the better; two with the same go by their code.
    """

    marks: tuple[int, ...]
    code: str
    organisation: Candidate
    unit: Unit


class Question(NamedTuple):
    """mark: the answer as a number, the less the better; why: the same as a reason, by that number."""

    name: str
    mark: Callable[[View, Candidate, Unit], int]
    why: Callable[[View, Ranked, int], Reason]


def ranked(view: View, one: Candidate) -> Ranked:
    """How this organisation, which may be asked, answers each question."""
    unit = nearest(one, view.case, view.need)
    marks = tuple([question.mark(view, one, unit) for question in QUESTIONS])
    return Ranked(marks, one.code, one, unit)


def reasons(view: View, one: Ranked) -> tuple[Reason, ...]:
    """One for each question, in their order."""
    pairs = zip(QUESTIONS, one.marks, strict=True)
    return tuple(question.why(view, one, mark) for question, mark in pairs)


def nearest(one: Candidate, case: Situation, need: Need) -> Unit:
    """The unit that is nearest to the person, the seat before others, and none that is too near."""
    if len(one.units) == 1:
        return one.units[0]
    free = [unit for unit in one.units if not is_too_near(case, unit, need)]
    return min(free or one.units, key=lambda unit: distance(unit, case))


def distance(unit: Unit, case: Situation) -> int:
    """0 the same cercle, 1 the same region, 2 a neighbouring one, 3 elsewhere in the country."""
    if unit.cercle == case.cercle:
        return 0
    if unit.region == case.region:
        return 1
    return 2 if unit.region in case.neighbours else 3


def _off_duty(view: View, one: Candidate, unit: Unit) -> int:
    """Is nobody on duty before an answer is due?"""
    return int(not _is_held(view, one, view.holidays))


def _is_held(view: View, one: Candidate, holidays: Collection[date]) -> bool:
    return one.shifts is None or any(
        shift.meets(view.at, view.due, holidays=holidays) for shift in one.shifts
    )


def _why_duty(view: View, one: Ranked, mark: int) -> Reason:
    """A legal holiday is named where it alone makes the difference."""
    if bool(mark) == (not _is_held(view, one.organisation, ())):
        return because("off_duty", urgency=view.need.urgency) if mark else because("on_duty")
    # A shift of the night before may reach into the stretch.
    stretch = range(-1, (view.due.date() - view.at.date()).days + 1)
    days = (view.at.date() + timedelta(days=n) for n in stretch)
    named = next(day for day in days if day in view.holidays).isoformat()
    if mark:
        return because("off_duty_holiday", urgency=view.need.urgency, holiday=named)
    return because("on_duty_holiday", holiday=named)


def _not_wished(view: View, one: Candidate, unit: Unit) -> int:
    """Did the person name others, or nobody?"""
    return int(not view.telling.names(one, view.need.service))


def _why_wish(view: View, one: Ranked, mark: int) -> Reason:
    return because("not_named" if mark else "named")


def _how_far(view: View, one: Candidate, unit: Unit) -> int:
    """How far is its nearest unit?"""
    return distance(unit, view.case)


def _why_distance(view: View, one: Ranked, mark: int) -> Reason:
    return because(_DISTANCES[mark], cercle=one.unit.cercle)


_DISTANCES: Final = ("same_cercle", "same_region", "neighbouring_region", "elsewhere")


def _without_room(view: View, one: Candidate, unit: Unit) -> int:
    """Has it counted room? A count of more than a day ago says less, also where it was none."""
    room = view.directory.rooms.get((one.code, view.need.service))
    if room is None:
        return 1
    return 0 if room.is_fresh else 1 if room.left > 0 else 2


def _why_room(view: View, one: Ranked, mark: int) -> Reason:
    room = view.directory.rooms.get((one.code, view.need.service))
    if room is None:
        return because("room_not_counted")
    data = {"room": room.left, "minutes": minutes(room.age)}
    return because("room" if room.is_fresh else "room_long_ago", **data)


def _answers_late(view: View, one: Candidate, unit: Unit) -> int:
    """Does it leave most requests without an answer in time?"""
    record = view.directory.records.get(one.code)
    return int(record is not None and record.is_poor)


def _why_record(view: View, one: Ranked, mark: int) -> Reason:
    record = view.directory.records.get(one.code)
    if record is None or record.of == 0:
        return because("no_record")
    data = {"in_time": record.in_time, "of": record.of}
    return because("poor_record" if mark else "record", **data)


def _promises_late(view: View, one: Candidate, unit: Unit) -> int:
    """Does it promise an answer later than one is due?"""
    promised = one.services[view.need.service].answers_within
    if promised is None:
        return 0
    return int(URGENCIES.index(promised) > URGENCIES.index(view.need.urgency))


def _why_promise(view: View, one: Ranked, mark: int) -> Reason:
    promised = one.organisation.services[view.need.service].answers_within
    if promised is None:
        return because("no_promise")
    return because("promised_late" if mark else "promised", urgency=promised)


def _not_understood(view: View, one: Candidate, unit: Unit) -> int:
    """Does it speak none of the languages in which the person can be spoken with?"""
    spoken = view.case.languages
    return int(bool(spoken and one.languages) and spoken.isdisjoint(one.languages))


def _why_language(view: View, one: Ranked, mark: int) -> Reason:
    spoken, theirs = view.case.languages, one.organisation.languages
    if not spoken or not theirs:
        return because("language_not_known")
    if mark:
        return because("no_common_language", languages=spoken)
    return because("language", languages=spoken & theirs)


#: In the order in which they count: a later one decides only between those equal in all before.
QUESTIONS: Final = (
    Question("duty", _off_duty, _why_duty),
    Question("wish", _not_wished, _why_wish),
    Question("distance", _how_far, _why_distance),
    Question("room", _without_room, _why_room),
    Question("record", _answers_late, _why_record),
    Question("promise", _promises_late, _why_promise),
    Question("language", _not_understood, _why_language),
)

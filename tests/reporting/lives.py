"""Random histories that are as untidy as real ones: late words, corrections, merges, both populations."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial

from chassis.inbox import Received
from contracts.vocabulary import codes
from services.reporting.domain import Window
from tests.reporting.endings import closed, reopened, returned
from tests.reporting.happenings import DAWN, Happenings
from tests.reporting.sessions import say_session

FIRST_DAY = date(2026, 10, 1)
DAYS = 90
#: The steps in which the first word may come late or not at all.
ROADS = (
    (),
    ("received",),
    ("accepted",),
    ("accepted", "delivered"),
    ("received", "accepted", "started", "delivered"),
    ("accepted", "not_delivered"),
    ("received", "declined"),
    ("overdue",),
    ("accepted", "delivered", "confirmed"),
    ("delivered",),
    ("confirmed",),
    ("started",),
    ("accepted", "started", "withdrawn"),
)
SERVICES = ("shelter", "shelter", "health", "reunification")
REGIONS = ("01", "09", None)
#: Minutes after which most, or all, of a history is recorded.
LATE = (400_000, 4_000_000, 4_000_000)


@dataclass(slots=True)
class Lives:
    """One history in the making; minutes are since DAWN."""

    chance: random.Random
    happened: Happenings = field(default_factory=Happenings)
    minutes: float = 0.0

    def later(self) -> float:
        """The next moment: in a minute, or in some days."""
        self.minutes += self.chance.choice((1, 30, 600, 5_000))
        return self.minutes

    def day(self) -> date:
        return FIRST_DAY + timedelta(days=self.chance.randrange(DAYS))

    def register(self, case: int) -> None:
        pick = self.chance.choice
        self.happened.registered(
            case,
            minutes=self.later(),
            detected_on=self.day(),
            registered_on=self.day(),
            sex=pick(codes("sex")),
            age_band=pick(("9-11", "15-17", "18-24", "60+", "unknown")),
            citizenship=pick(((), ("MLI",), ("BFA", "MLI"))),
            exploitation=pick(
                (
                    ("to_be_determined",),
                    ("gold_mining", "forced_begging"),
                    ("descent_based_slavery",),
                )
            ),
            region=pick(REGIONS),
            offence_class=pick(("trafficking", "slavery_practices", "migrant_smuggling")),
            victim_status=pick(codes("victim_status")),
        )

    def refer(self, number: int, case: int) -> None:
        urgency = self.chance.choice(codes("urgency"))
        service = self.chance.choice(SERVICES)
        self.happened.offered(number, case, service=service, urgency=urgency, minutes=self.later())
        for step in self.chance.choice(ROADS):
            self.happened.stepped(number, case, step, service=service, minutes=self.later())

    def prosecute(self, file: int, case: int) -> None:
        pick = self.chance.choice
        for _ in range(self.chance.randint(1, 3)):
            self.happened.filed(
                file,
                case,
                pick(codes("proceeding_state")),
                on=self.day(),
                region=pick(REGIONS),
                offence_class=pick(("trafficking", "trafficking", "migrant_smuggling")),
                is_civil_party=pick((None, True, False)),
                minutes=self.later(),
            )
        for _ in range(self.chance.randint(0, 3)):
            self.happened.suspected(
                pick((1, 2, 3)),
                file,
                on=self.day(),
                sex=pick(codes("sex")),
                age_band=pick(("15-17", "25-34", "unknown")),
                citizenship=pick(((), ("MLI",), ("MLI", "SEN"))),
                is_official=pick((True, False)),
                is_victim_too=pick((True, False)),
                custody=pick(codes("custody")),
                minutes=self.later(),
            )
        for _ in range(self.chance.randint(0, 2)):
            self.happened.judged(
                pick((1, 2, 3)),
                file,
                on=pick((self.day(), FIRST_DAY + timedelta(days=45))),
                verdict=(verdict := pick(codes("verdict"))),
                sentences=("fine",) if verdict == "convicted" else (),
                offence_class=pick(("trafficking", "migrant_smuggling")),
                reparation=pick((0, 500)),
                reparation_paid=pick((0, 300)),
                minutes=self.later(),
            )

    def look_after(self, case: int) -> None:
        """The owner asks how the person is, and somebody opens what is not theirs."""
        pick = self.chance.choice
        for _ in range(self.chance.randint(0, 2)):
            after_days = pick((30, 149, 150, 180, 210, 211))
            self.happened.followed_up(case, after_days, on=self.day(), minutes=self.later())
        if self.chance.random() < 0.3:
            reason = pick(("life_in_danger", "complaint"))
            self.happened.excepted(case, reason=reason, minutes=self.later())

    def end(self, case: int) -> None:
        """Care ends and begins again, perhaps because it had been closed in error."""
        pick = self.chance.choice
        for _ in range(self.chance.randint(0, 2)):
            reason = pick(("repatriated", "reintegrated", "reunified", "refuses"))
            closed(self.happened, case, reason, on=self.day(), minutes=self.later())
            if self.chance.random() < 0.5:
                reason = pick(("closed_in_error", "needs_help"))
                reopened(self.happened, case, reason, on=self.day(), minutes=self.later())

    def return_home(self, case: int) -> None:
        """By a way that the person wanted, or not."""
        pick = self.chance.choice
        for _ in range(self.chance.randint(0, 2)):
            returned(
                self.happened,
                case,
                return_type=pick(codes("return_type")),
                is_voluntary=pick((True, True, False)),
                is_risk_assessed=pick((True, True, False)),
                on=self.day(),
                minutes=self.later(),
            )

    def hold_sessions(self) -> None:
        """Reported once, or again and otherwise, or under another id, by others as well."""
        for _ in range(self.chance.randint(0, 3)):
            say_session(self.happened, self.chance, on=self.day(), minutes=self.later())

    def count_places(self) -> None:
        pick = self.chance.choice
        self.happened.has_places(
            pick(("ONG_ABRI", "ONG_TOIT")),
            pick((0, 3, 40)),
            service=pick(SERVICES),
            minutes=self.later(),
            ago=pick((0, 50_000)),
        )


def a_history(chance: random.Random) -> list[Received]:
    """Some persons, their referrals and files; cases merge and unmerge while all that goes on."""
    lives = Lives(chance)
    for case in range(chance.randint(1, 6)):
        acts: list[Callable[[], None]] = [partial(lives.register, case)]
        acts.append(partial(lives.look_after, case))
        acts.append(partial(lives.end, case))
        acts.append(partial(lives.return_home, case))
        acts += [partial(lives.refer, 10 * case + nth, case) for nth in range(chance.randint(0, 3))]
        if chance.random() < 0.5:
            acts.append(partial(lives.prosecute, chance.randint(1, 3), case))
        acts.append(lives.hold_sessions)
        # What is said of a case may be recorded before the case itself: they are two streams.
        if chance.random() < 0.7:
            acts.append(lives.count_places)
        chance.shuffle(acts)
        for act in acts:
            act()
        if chance.random() < 0.3:
            lives.happened.unplaced(case, service=chance.choice(SERVICES), minutes=lives.later())
        for _ in range(chance.randint(0, 2) if case else 0):
            into = chance.choice((None, 0))
            lives.happened.merged(case, into, minutes=lives.later())
        if chance.random() < 0.4:
            reason = chance.choice(("registered_in_error", *codes("erasure_reason")))
            lives.happened.erased(case, reason=reason, minutes=lives.later())
    return lives.happened.events


def a_window(chance: random.Random) -> Window:
    """Some days of those months, as of some moment."""
    start = FIRST_DAY + timedelta(days=chance.choice((0, 0, chance.randrange(DAYS))))
    as_of = DAWN + timedelta(minutes=chance.choice((5_000, 30_000, *LATE)))
    return Window(
        start=start, end=start + timedelta(days=chance.choice((5, 60, 400, 400))), as_of=as_of
    )

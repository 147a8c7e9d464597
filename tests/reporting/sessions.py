"""Words on sessions, for histories that reporting reads."""

import random
from datetime import date
from typing import Any
from uuid import UUID

from contracts.sessions import SessionDistinguished, SessionRecorded
from tests.reporting.happenings import Happenings


def session_id(number: int) -> UUID:
    return UUID(int=5_000_000 + number, version=4)


def recorded(happened: Happenings, number: int, *, minutes: float, **facts: Any) -> None:
    """An organisation has reported a session under its own number, for the first time or again."""
    said = {
        "session_id": session_id(number),
        "organisation": "KUMA_BKO",
        "session_kind": "talk",
        "held_on": date(2026, 11, 20),
        "region": "12",
        "language": "bambara",
        "participants": {"women": 30, "girls": 12},
    }
    event = SessionRecorded.model_validate(said | facts)
    subject = f"{event.organisation}/{event.session_id}"
    happened.add(event, subject, stream="REPORTING", minutes=minutes)


def distinguished(happened: Happenings, number: int, *, by: str, minutes: float) -> None:
    """Somebody has found that it is no other one."""
    event = SessionDistinguished(
        session_id=session_id(number), organisation=by, distinguished_on=date(2026, 11, 30)
    )
    happened.add(event, f"{by}/{event.session_id}", stream="REPORTING", minutes=minutes)


def say_session(happened: Happenings, chance: random.Random, *, on: date, minutes: float) -> None:
    """One of few, so that some look alike, come again, or are told apart."""
    pick, number = chance.choice, chance.randint(1, 4)
    is_line = chance.random() < 0.2
    sender = pick(("KUMA_BKO", "ONG_ABRI"))
    if chance.random() < 0.15:
        distinguished(happened, number, by=sender, minutes=minutes)
        return
    recorded(
        happened,
        number,
        minutes=minutes,
        organisation=sender,
        organiser=pick((None, "KUMA_BKO")),
        session_kind="hotline" if is_line else pick(("talk", "radio", "training")),
        held_on=pick((on, date(2026, 11, 20), date(2026, 11, 20))),
        region=pick(("12", "12", "01")),
        **({"participants": {}, "calls": pick((0, 4, 90))} if is_line else _audience(pick)),
    )


def _audience(pick: Any) -> dict[str, Any]:
    return {
        "participants": pick(({"women": 30, "girls": 12}, {"men": 7, "boys": 2}, {})),
        "trained": pick(((), ({"corps": "police", "women": 2, "men": 5},) * 2)),
        "estimated_reach": pick((None, 0, 40_000)),
    }

"""What is done so that nobody is trafficked: talks, broadcasts and trainings, as they are reported."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from random import Random
from typing import Any

from contracts.sessions import SessionRecorded
from contracts.vocabulary import territories
from deploy.simulation import rates
from deploy.simulation.life import Life, opaque


def hold_session(chance: Random, day: date, organisers: Sequence[str]) -> Life:
    """One session of that day, which now and then a second organisation reports too."""
    organiser = chance.choice(organisers)
    kind = rates.SESSION_KINDS.draw(chance)
    held: dict[str, Any] = {
        "session_kind": kind,
        "held_on": day,
        "region": chance.choice(territories()).ct,
        "language": rates.LANGUAGES.draw(chance),
        **_audience(chance, kind),
    }
    life = Life(chance, organiser, datetime.combine(day, datetime.min.time(), UTC))
    _report(life, held, sender=organiser)
    if chance.random() < rates.SESSIONS_TOLD_TWICE:
        _report(life, {**held, "organiser": organiser}, sender=chance.choice(organisers))
    return life


def _report(life: Life, held: dict[str, Any], *, sender: str) -> None:
    said = held | {"session_id": opaque(life.chance), "organisation": sender}
    event = SessionRecorded.model_validate(said)
    at = life.after(life.at, hours=24 * 5)
    life.say(event, at=at, subject=f"{sender}/{event.session_id}")


def _audience(chance: Random, kind: str) -> dict[str, Any]:
    """Who was counted, who was trained, how many it may have reached, or how many called."""
    if kind in ("radio", "social_media"):
        return {"estimated_reach": chance.randint(5, 400) * 1_000}
    if kind == "hotline":
        return {"calls": chance.randint(0, 60)}
    if kind == "training":
        trained = {"corps": rates.CORPS.draw(chance), "women": 1 + _some(chance, mean=5)}
        return {"trained": [trained | {"men": _some(chance, mean=15)}]}
    means = (4, 4, 30, 30) if kind == "school" else (25, 20, 8, 8)
    groups = zip(("women", "men", "girls", "boys"), means, strict=True)
    counted = {group: _some(chance, mean=mean) for group, mean in groups}
    return {"participants": {**counted, "women": counted["women"] + 1}}


def _some(chance: Random, *, mean: float) -> int:
    return round(chance.expovariate(1 / mean))

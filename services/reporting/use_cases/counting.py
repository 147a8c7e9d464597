"""Turns facts into figures over one window, all of one snapshot."""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain import Window
from services.reporting.domain.disclosure import rounded_down
from services.reporting.store import figures

#: Seconds.
HOUR: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures over one window, all read in the same moment; units in `store.figures`.

    step: every number is rounded down to a multiple of it; 1: none is.
    """

    window: Window
    step: int
    followed: list[figures.Followed]
    victims_detected: int
    victims_referred: int
    referrals_by_state: dict[str, int]
    services_unplaced: int
    time_to_answer: figures.Answers


async def count_figures(engine: AsyncEngine, window: Window, *, step: int) -> Figures:
    """All figures over one window, from one snapshot: they agree with each other, up to the step."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        counted = Figures(
            window=window,
            step=1,
            followed=await figures.followed(connection),
            victims_detected=await figures.victims_detected(connection, window),
            victims_referred=await figures.victims_referred(connection, window),
            referrals_by_state=await figures.referrals_by_state(connection, window),
            services_unplaced=await figures.services_unplaced(connection, window),
            time_to_answer=await figures.time_to_answer(connection, window),
        )
    return counted if step == 1 else _rounded(counted, step)


def _rounded(counted: Figures, step: int) -> Figures:
    """A median is that of one referral: of few it is not told, and of many by the hour."""
    answered = rounded_down(counted.time_to_answer.answered, step)
    median = counted.time_to_answer.median_seconds
    return replace(
        counted,
        step=step,
        victims_detected=rounded_down(counted.victims_detected, step),
        victims_referred=rounded_down(counted.victims_referred, step),
        referrals_by_state={
            state: rounded_down(number, step)
            for state, number in counted.referrals_by_state.items()
        },
        services_unplaced=rounded_down(counted.services_unplaced, step),
        time_to_answer=figures.Answers(
            median_seconds=median // HOUR * HOUR if answered and median is not None else None,
            answered=answered,
        ),
    )

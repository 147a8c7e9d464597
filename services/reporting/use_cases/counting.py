"""Turns facts into figures over one window, all of one snapshot."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.domain import Window
from services.reporting.store import figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures over one window, all read in the same moment; units in `store.figures`."""

    window: Window
    followed: list[figures.Followed]
    victims_detected: int
    victims_referred: int
    referrals_by_state: dict[str, int]
    services_unplaced: int
    time_to_answer: figures.Answers


async def count_figures(engine: AsyncEngine, window: Window) -> Figures:
    """All figures over one window, from one snapshot: they agree with each other."""
    async with engine.connect() as plain:
        connection = await plain.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        return Figures(
            window=window,
            followed=await figures.followed(connection),
            victims_detected=await figures.victims_detected(connection, window),
            victims_referred=await figures.victims_referred(connection, window),
            referrals_by_state=await figures.referrals_by_state(connection, window),
            services_unplaced=await figures.services_unplaced(connection, window),
            time_to_answer=await figures.time_to_answer(connection, window),
        )

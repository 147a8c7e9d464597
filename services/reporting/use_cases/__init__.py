"""What reporting does: turn events into facts, and facts into figures."""

from services.reporting.use_cases.counting import Figures, count_figures
from services.reporting.use_cases.forgetting import forget_facts
from services.reporting.use_cases.inventing import SomebodyIsCounted, take_invented
from services.reporting.use_cases.taking import Happened, take_events

__all__ = [
    "Figures", "Happened", "SomebodyIsCounted", "count_figures", "forget_facts", "take_events",
    "take_invented",
]  # fmt: skip

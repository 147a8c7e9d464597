"""What a figure counts over, and which of its parts may be shown."""

from services.reporting.domain.window import (
    PARAMETERS,
    STATES,
    BadWindow,
    Window,
    is_calendar_year,
    read_window,
    require_year,
)

__all__ = [
    "PARAMETERS",
    "STATES",
    "BadWindow",
    "Window",
    "is_calendar_year",
    "read_window",
    "require_year",
]

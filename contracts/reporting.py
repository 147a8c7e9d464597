"""What reporting says: which sessions were held, and which edition of the figures is out."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contracts import sessions
from contracts.event import Message
from contracts.times import Day, Moment

SOURCE = "/siraba/reporting"


class ReportPublished(Message):
    """An edition of the report is out: its days, the moment up to which it counts, and no number.

    revises: the moment of the edition of the same days that it corrects; moved: how many figures
    read otherwise than there. tables: the SHA-256 of all that it shows.
    """

    name: ClassVar[str] = "report.published"

    audience: Literal["public", "internal"]
    first_day: Day
    end_day: Day
    as_of: Moment
    tables: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    revises: Moment | None = None
    moved: Annotated[int, Field(ge=0)] = 0


EVENTS: tuple[type[Message], ...] = (*sessions.EVENTS, ReportPublished)

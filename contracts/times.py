"""Days and moments as the wire writes them: text of one form, as the schemas say, and no number."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BeforeValidator
from pydantic_core import PydanticCustomError

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ].+", re.ASCII)


def _day(given: Any) -> date:
    if isinstance(given, date):
        return given
    if isinstance(given, str) and _DAY.fullmatch(given):
        try:
            return date.fromisoformat(given)
        except ValueError:
            pass
    raise PydanticCustomError("day", "YYYY-MM-DD")


def _written_out(given: Any) -> Any:
    if isinstance(given, datetime) or (isinstance(given, str) and _MOMENT.fullmatch(given)):
        return given
    raise PydanticCustomError("moment_with_offset", "YYYY-MM-DDThh:mm:ssZ")


#: Pydantic's own would take `0` for the first of January 1970.
Day = Annotated[date, BeforeValidator(_day)]
#: Pydantic's own would guess from its size whether a number counts seconds or thousandths.
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]

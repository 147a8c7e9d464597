"""A reason as the answers show it."""

from typing import Any, Self

from chassis.web import Shown
from services.referral.use_cases.explaining import Said


class Reason(Shown):
    """A reason as a code with the data behind it, and as a sentence."""

    code: str
    data: dict[str, Any]
    text: str

    @classmethod
    def of(cls, said: Said) -> Self:
        """As it was said."""
        return cls(code=said.code, data=dict(said.data), text=said.text)

"""What is sent: one sentence, the same for everybody and whatever it is about."""

from functools import cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from chassis.web.pages import load_translations

_WORDS = Path(__file__).with_name("locale")


class Letter(NamedTuple):
    """To one address of one medium (`email`, `sms`). A second one with the same id is a repeat."""

    id: UUID
    medium: str
    address: str
    language: str

    @property
    def text(self) -> str:
        """The whole of it."""
        return words(self.language)


@cache
def words(language: str) -> str:
    """The sentence in `fr` or `en`. It takes nothing that it could tell."""
    return load_translations(language, [_WORDS]).gettext("Siraba: a request is waiting for you")

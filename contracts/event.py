"""What every event and request has in common: a type, a version and a frozen body."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """The body of one message; its type is `ml.siraba.<entity>.<event>.v<major>`.

    Readers tolerate additions (`extra="ignore"`), since old and new versions live side by side.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    name: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def ce_type(cls) -> str:
        """The CloudEvents type, as `ce-type` carries it."""
        return f"ml.siraba.{cls.name}.v{cls.version}"

    def encode(self) -> bytes:
        """The body as it travels: compact UTF-8 JSON."""
        return self.model_dump_json().encode()

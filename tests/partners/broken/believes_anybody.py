"""Reads every message, whoever has signed it, and also when nobody has."""

from typing import Any

from partners.examples.answering import main
from partners.kit import reading


def believe(*_: Any, **__: Any) -> bytes:
    return b""


if __name__ == "__main__":
    reading.verify_message = believe  # type: ignore[attr-defined]  # this is what is broken
    main()

"""Passwords are hashed as in the product, with less work: a test of pages has not its time to spend."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from services.referral.gateways import credentials

#: As in the product; and the least that Argon2id takes.
FULL: Final = {name: getattr(credentials, name) for name in ("MEMORY_KIB", "PASSES", "LANES")}
LEAST: Final = {"MEMORY_KIB": 8, "PASSES": 1, "LANES": 1}


@contextmanager
def hashing(*, full: bool) -> Iterator[None]:
    """How digests are made meanwhile; one that was made before is checked as it was made."""
    with pytest.MonkeyPatch.context() as changed:
        for name, value in (FULL if full else LEAST).items():
            changed.setattr(credentials, name, value)
        yield

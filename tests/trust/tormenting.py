"""Gives a decoder garbage: it must answer with a value or its own refusal, soon, repeating nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from time import thread_time
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.builders import CANARY

SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Decoder:
    """`decode` takes what `garbage` draws; it may raise `refuses` and nothing else."""

    garbage: st.SearchStrategy[Any]
    decode: Callable[[Any], object]
    refuses: tuple[type[Exception], ...] = ()


def torment(decoder: Decoder, *, examples: int, salt: int, seconds: float = SECONDS) -> None:
    """Fails with the smallest garbage that shows a fault; `seconds` of processor time each."""

    @seed(salt)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(decoder.garbage)
    def once(garbage: Any) -> None:
        began = thread_time()
        told = _told(decoder, garbage)
        assert thread_time() - began < seconds, "took too long"
        assert CANARY not in told, "repeated what it was given"

    once()


def _told(decoder: Decoder, garbage: Any) -> str:
    """What a refusal says; nothing where there is none."""
    try:
        decoder.decode(garbage)
    except decoder.refuses as refusal:
        return str(refusal)
    return ""

"""What torments our decoders finds a decoder that fails, one that repeats, and one that is slow."""

import json
from time import thread_time

import pytest

from tests.trust.garbling import garbled, garbled_json
from tests.trust.tormenting import Decoder, torment

pytestmark = [
    pytest.mark.share("fire"),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]


def _repeats(content: bytes) -> None:
    raise ValueError(content.decode("utf-8", "replace"))


def _is_slow(content: bytes) -> None:
    until = thread_time() + 0.02
    while thread_time() < until:
        pass


BAD = {
    "an error of another kind": (
        Decoder(garbled_json({"a": 1}), lambda text: json.loads(text)["a"], (ValueError,)),
        (KeyError, TypeError, RecursionError, ExceptionGroup),
    ),
    "a refusal that repeats": (
        Decoder(garbled(b"a name"), _repeats, (ValueError,)),
        (AssertionError,),
    ),
    "a decoder that takes its time": (
        Decoder(garbled(b"a"), _is_slow),
        (AssertionError,),
    ),
}


@pytest.mark.parametrize("why", BAD)
def test_the_fuzz_of_decoders_finds(why: str) -> None:
    decoder, faults = BAD[why]

    with pytest.raises(faults):
        torment(decoder, examples=100, salt=1, seconds=0.01)

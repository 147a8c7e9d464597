"""Makes the solver HiGHS without a word of its licence among what a command answers."""

import os
from functools import cache

from highspy import Highs

__all__ = ["quiet_highs"]


def quiet_highs() -> Highs:
    """A solver on one core that writes nothing: a problem of nobody yet."""
    _greeted()
    model = _made()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    return model


@cache
def _greeted() -> None:
    """Have HiGHS say its licence where nobody reads it: among a command's answers it is noise.

    Only the first of a process says it, as it is made, which is before any option can forbid it.
    """
    told = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        _made()
    finally:
        os.dup2(told, 1)
        os.close(nowhere)
        os.close(told)


def _made() -> Highs:
    return Highs()  # type: ignore[no-untyped-call]  # its stub leaves the constructor bare

"""A wrong clock in one process: libfaketime shifts its wall clock and leaves the steady one alone."""

from collections.abc import Mapping
from pathlib import Path

from tests.trust.faults import need, ran


def shifted(days: float) -> Mapping[str, str]:
    """The environment of a process whose wall clock is that many days off."""
    need("libfaketime")
    library = next(
        line for line in ran("dpkg-query", "--listfiles", "libfaketime").splitlines()
        if Path(line).name == "libfaketime.so.1"
    )  # fmt: skip
    return {
        "LD_PRELOAD": library,
        "FAKETIME": f"{days:+g}d",
        # Time-outs and event loops run on the steady clock: a machine with a wrong date has both.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

"""The life of one referral, as a table: which request leads from which state to which."""

from collections.abc import Mapping

# request -> (states it may come in, state it leads to); design §7.
STEPS: Mapping[str, tuple[frozenset[str], str]] = {
    "receive": (frozenset({"offered"}), "received"),
    "accept": (frozenset({"offered", "received"}), "accepted"),
    "decline": (frozenset({"offered", "received"}), "declined"),
    "start": (frozenset({"accepted"}), "started"),
    "deliver": (frozenset({"started"}), "delivered"),
    "fail": (frozenset({"accepted", "started"}), "not_delivered"),
}
OPEN = frozenset({"offered", "received", "accepted", "started"})


class WrongState(Exception):
    """The request is not possible now; `allowed` are those that are."""

    def __init__(self, allowed: tuple[str, ...]):
        super().__init__("wrong_state")
        self.allowed = allowed


def step(state: str, request: str) -> str:
    """The state after this request. Raises `WrongState`."""
    before, after = STEPS[request]
    if state not in before:
        raise WrongState(tuple(name for name, (states, _) in STEPS.items() if state in states))
    return after

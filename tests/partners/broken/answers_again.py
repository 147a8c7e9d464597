"""Handles a message as often as it comes: it has no inbox."""

from dataclasses import replace
from typing import Any

from partners.examples.answering import main
from partners.kit.feed import Received
from partners.kit.ledger import Ledger

_receive = Ledger.receive


def forget(self: Ledger, *args: Any, **more: Any) -> Received:
    return replace(_receive(self, *args, **more), handled=False)


if __name__ == "__main__":
    Ledger.receive = forget  # type: ignore[method-assign]  # this is what is broken
    main()

"""What a campaign measured besides its figures, for whoever reads its log."""

import logging

_LOG = logging.getLogger("siraba.tests")


def say(what: object) -> None:
    """One line."""
    _LOG.warning("%s", what)

"""Numbers for operators: how many messages of each partner were turned down, and why."""

from collections.abc import Iterable

from chassis.inbox.received import Received
from chassis.inbox.rejections import Rejection
from chassis.telemetry.metrics import Metrics


def count_rejected(metrics: Metrics, rejections: Iterable[Rejection]) -> None:
    """Those that could not be read; call it when their dead letters are committed."""
    for one in rejections:
        _count(metrics, one.organisation, outcome="rejected", reason=one.reason)


def count_refused(metrics: Metrics, messages: Iterable[Received]) -> None:
    """Those to which a handler said no; call it when its answer is committed."""
    for one in messages:
        if one.refused is not None and one.organisation is not None:
            _count(metrics, one.organisation, outcome="refused", reason=one.refused)


def _count(metrics: Metrics, organisation: str, *, outcome: str, reason: str) -> None:
    labels = {"organisation": organisation, "outcome": outcome, "reason": reason}
    metrics.turned_down.add(1, labels)

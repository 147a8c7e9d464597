"""The measures' names and labels, as the one table that dashboards and alert rules are held to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

#: What the endpoint may say: each measure's labels and meaning. Labels are names and codes of ours.
MEASURES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "siraba_source_up": (("source",), "1 when what is measured there could be asked."),
    "siraba_ready": (("service",), "1 when the service says that it is ready."),
    "siraba_check_ok": (("service", "check"), "1 when this part of a readiness probe holds."),
    "siraba_durable_pending": (("stream", "durable"), "Messages not yet handed to a durable."),
    "siraba_durable_ack_pending": (("stream", "durable"), "Messages handed out, not yet acked."),
    "siraba_durable_redelivered": (("stream", "durable"), "Unacked messages handed out again."),
    "siraba_durable_oldest_age_seconds": (
        ("stream", "durable"),
        "Age of the oldest message that a durable has not acked; of INBOX at most this.",
    ),
    "siraba_durable_acked_age_seconds": (
        ("stream", "durable"),
        "Since a durable last acked a message; nothing before its first.",
    ),
    "siraba_stream_messages": (("stream",), "Messages a stream holds."),
    "siraba_stream_bytes": (("stream",), "Bytes a stream holds."),
    "siraba_nats_connections": ((), "Connections of the NATS server."),
    "siraba_nats_slow_consumers": ((), "Connections cut off for reading too slowly, since start."),
    "siraba_nats_store_bytes": ((), "Bytes of all streams on disk."),
    "siraba_nats_store_limit_bytes": ((), "Bytes the streams may take."),
    "siraba_outbox_waiting": (("service",), "Outbox rows not yet sent."),
    "siraba_outbox_oldest_age_seconds": (("service",), "Age of the oldest row not yet sent."),
    "siraba_outbox_undeleted": (("service",), "Withdrawn rows still in a stream."),
    "siraba_parked": (("service", "consumer"), "Messages that wait for their predecessor."),
    "siraba_parked_oldest_age_seconds": (("service", "consumer"), "Age of the oldest of these."),
    "siraba_dead_letters": (("service", "consumer", "reason"), "Dead letters nobody settled."),
    "siraba_standing_messages": (
        ("service", "consumer", "state"),
        "Messages of a border by what became of them: the law of conservation.",
    ),
    "siraba_standing_age_seconds": (("service", "consumer"), "Since that border was looked at."),
    "siraba_events_last_hour": (("service", "event"), "Events sent in the last hour, by name."),
    "siraba_partner_turned_down_last_hour": (
        ("organisation", "answer"),
        "Answers to a partner that its message was rejected or its request refused.",
    ),
    "siraba_partner_feed_seconds": (
        ("organisation", "quantile"),
        "From event to the partner's feed, of the last 15 minutes.",
    ),
    "siraba_partner_taken_seconds": (
        ("organisation", "quantile"),
        "From event to the partner's ack, of the last hour; known 30 s late at most.",
    ),
    "siraba_withdrawals_unacknowledged": (("organisation",), "Withdrawals a partner owes an ack."),
    "siraba_withdrawal_oldest_age_seconds": (("organisation",), "Age of the oldest of these."),
    "siraba_notices_last_day": (("state",), "Notices of the last day by what became of them."),
    "siraba_postgres_bytes": ((), "Size of the database."),
    "siraba_postgres_connections": ((), "Connections to the database."),
    "siraba_backup_receiving": ((), "1 while commits reach the second disk, where they must."),
    "siraba_backup_age_seconds": ((), "Since the newest finished backup; ever, when there is none."),
    "siraba_disk_free_ratio": ((), "Free share of the disk under the state folder."),
}  # fmt: skip


class Sample(NamedTuple):
    """One number; the labels' values stand in the order of `MEASURES`."""

    name: str
    labels: tuple[str, ...]
    value: float


class _Snapshot(Collector):
    """The samples as families, in the table's order; one that is in no table is our mistake."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._of: defaultdict[str, list[Sample]] = defaultdict(list)
        for one in samples:
            self._of[one.name].append(one)
        if unknown := self._of.keys() - MEASURES.keys():
            raise KeyError(f"no measure is called {', '.join(sorted(unknown))}")

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Called by the library."""
        for name, (labels, meaning) in MEASURES.items():
            family = GaugeMetricFamily(name, meaning, labels=labels)
            for one in self._of.get(name, ()):
                family.add_metric(one.labels, one.value)
            yield family


def written(samples: Iterable[Sample]) -> bytes:
    """The samples in Prometheus' text format. Raises KeyError for a name that is in no table."""
    return generate_latest(_Snapshot(samples))

"""Puts what was measured into rows of a page: services, durables, borders, partners, notices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from contracts.topology import OUT, SERVICES
from deploy.measures.samples import Sample

Labels = tuple[str, ...]
#: Older than this, something waits that should not: the relay and consumers take seconds.
LATE: Final = timedelta(minutes=1)
_DURABLE: Final = ("pending", "ack_pending", "redelivered")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRow:
    """is_ready: None where the service did not answer. lacking: the parts that do not hold."""

    name: str
    is_ready: bool | None
    lacking: tuple[str, ...]
    waiting: int | None
    oldest: timedelta | None
    to_take_out: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableRow:
    """How far a durable is; ages are None where nothing waits, or nothing was ever acked."""

    stream: str
    name: str
    pending: int
    ack_pending: int
    redelivered: int
    oldest: timedelta | None
    acked: timedelta | None

    @property
    def is_late(self) -> bool:
        """Whether something has waited too long."""
        return self.oldest is not None and self.oldest > LATE


@dataclass(frozen=True, slots=True, kw_only=True)
class BorderRow:
    """accepted = delivered + pending + parked + dead, while nothing is missing or unfounded."""

    service: str
    consumer: str
    counts: Mapping[str, int]
    looked: timedelta | None

    @property
    def holds(self) -> bool:
        """Whether the law of conservation does."""
        told = self.counts
        parts = sum(told.get(one, 0) for one in ("delivered", "pending", "parked", "dead"))
        is_whole = told.get("accepted", 0) == parts
        return is_whole and not told.get("missing") and not told.get("unfounded")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerRow:
    """One organisation's feed, and what was turned down or is owed; feed is None at a desk."""

    code: str
    feed: DurableRow | None
    rejected: int
    refused: int
    owed: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing waits for it, was turned down, or is owed by it."""
        waits = self.feed is not None and bool(self.feed.pending or self.feed.ack_pending)
        return not (waits or self.rejected or self.refused or self.owed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that the page shows."""

    away: tuple[str, ...]
    services: tuple[ServiceRow, ...]
    durables: tuple[DurableRow, ...]
    borders: tuple[BorderRow, ...]
    partners: tuple[PartnerRow, ...]
    notices: Mapping[str, int]
    disk_free: float | None

    @property
    def is_well(self) -> bool:
        """Whether nothing on it asks for a person."""
        return (
            not self.away
            and all(one.is_ready for one in self.services)
            and all(one.holds for one in self.borders)
            and not any(one.is_late for one in self.durables)
        )


class _Numbers:
    """Samples by name and labels."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._of: dict[str, dict[Labels, float]] = {}
        for one in samples:
            self._of.setdefault(one.name, {})[one.labels] = one.value

    def all(self, name: str) -> Mapping[Labels, float]:
        return self._of.get(f"siraba_{name}", {})

    def get(self, name: str, *labels: str) -> float | None:
        return self.all(name).get(labels)

    def count(self, name: str, *labels: str) -> int:
        return int(self.get(name, *labels) or 0)

    def known(self, name: str, *labels: str) -> int | None:
        found = self.get(name, *labels)
        return None if found is None else int(found)

    def age(self, name: str, *labels: str) -> timedelta | None:
        found = self.get(name, *labels)
        return None if found is None else timedelta(seconds=found)


def picture_of(samples: Iterable[Sample]) -> Picture:
    """The rows, in an order that stays."""
    told = _Numbers(samples)
    durables = [_durable(told, *labels) for labels in sorted(told.all("durable_pending"))]
    return Picture(
        away=tuple(name for (name,), is_up in sorted(told.all("source_up").items()) if not is_up),
        services=tuple(_service(told, name) for name in SERVICES),
        durables=tuple(one for one in durables if one.stream != OUT.name),
        borders=tuple(_borders(told)),
        partners=tuple(_partners(told, [one for one in durables if one.stream == OUT.name])),
        notices={state: int(n) for (state,), n in sorted(told.all("notices_last_day").items())},
        disk_free=told.get("disk_free_ratio"),
    )


def _service(told: _Numbers, name: str) -> ServiceRow:
    is_ready = told.get("ready", name)
    parts = told.all("check_ok").items()
    waiting = told.known("outbox_waiting", name)
    return ServiceRow(
        name=name,
        is_ready=None if is_ready is None else bool(is_ready),
        lacking=tuple(part for (of, part), holds in sorted(parts) if of == name and not holds),
        waiting=waiting,
        oldest=told.age("outbox_oldest_age_seconds", name) if waiting else None,
        to_take_out=told.known("outbox_undeleted", name),
    )


def _durable(told: _Numbers, stream: str, name: str) -> DurableRow:
    pending, ack_pending, redelivered = (
        told.count(f"durable_{what}", stream, name) for what in _DURABLE
    )
    is_behind = bool(pending or ack_pending)
    return DurableRow(
        stream=stream,
        name=name,
        pending=pending,
        ack_pending=ack_pending,
        redelivered=redelivered,
        oldest=told.age("durable_oldest_age_seconds", stream, name) if is_behind else None,
        acked=told.age("durable_acked_age_seconds", stream, name),
    )


def _borders(told: _Numbers) -> Iterable[BorderRow]:
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for (service, consumer, state), value in told.all("standing_messages").items():
        counts.setdefault((service, consumer), {})[state] = int(value)
    for (service, consumer), by_state in sorted(counts.items()):
        looked = told.age("standing_age_seconds", service, consumer)
        yield BorderRow(service=service, consumer=consumer, counts=by_state, looked=looked)


def _partners(told: _Numbers, feeds: Iterable[DurableRow]) -> Iterable[PartnerRow]:
    feed_of = {one.name: one for one in feeds}
    turned_down = {code for code, _ in told.all("partner_turned_down_last_hour")}
    owing = {code for (code,) in told.all("withdrawals_unacknowledged")}
    for code in sorted(feed_of.keys() | turned_down | owing):
        yield PartnerRow(
            code=code,
            feed=feed_of.get(code),
            rejected=told.count("partner_turned_down_last_hour", code, "message.rejected"),
            refused=told.count("partner_turned_down_last_hour", code, "request.refused"),
            owed=told.count("withdrawals_unacknowledged", code),
        )

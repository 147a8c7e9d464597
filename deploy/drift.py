"""Says field by field how a live stream or consumer differs from the wanted one."""

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from contracts.topology import Durable, Stream, source_durable

Config = dict[str, Any]

#: Fields a server never changes on a living asset: it would have to be made anew by hand.
_IMMUTABLE_STREAM: Final = frozenset({"name", "storage", "retention", "max_consumers"})
_IMMUTABLE_CONSUMER: Final = frozenset({"durable_name", "ack_policy", "deliver_policy"})
#: Can be switched on, never off.
_ONE_WAY: Final = frozenset({"deny_delete", "deny_purge"})
#: Each hands a header of the publisher a power over the stream, or weakens the sync.
_FORBIDDEN: Final = (
    "allow_rollup_hdrs",
    "allow_msg_ttl",
    "allow_msg_schedules",
    "allow_msg_counter",
    "no_ack",
    "mirror",
    "republish",
    "persist_mode",
    "compression",
)


#: How many characters of a value a line may show.
READABLE: Final = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as declared. `fixable` False: an update cannot repair it."""

    asset: str
    field: str
    wanted: object
    live: object
    fixable: bool = True

    def __str__(self) -> str:
        """One line for a report."""
        wanted, live = _short(self.wanted), _short(self.live)
        note = "" if self.fixable else " (cannot be changed on a living asset)"
        return f"{self.asset}: {self.field} is {live}, wanted {wanted}{note}"


def _short(value: object) -> str:
    """A stream may have a thousand sources: how many, where naming them would fill a screen."""
    shown = repr(value)
    return f"{len(value)} entries" if isinstance(value, Sized) and len(shown) > READABLE else shown


def stream_config(stream: Stream) -> Config:
    """The configuration the server is asked for; times in nanoseconds, as its API has them."""
    return {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "sources": [_source(name) for name in stream.sources],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "num_replicas": 1,
        "max_age": _nanoseconds(stream.max_age or timedelta(0)),
        "max_msgs": stream.max_msgs,
        "max_bytes": stream.max_bytes,
        "max_msg_size": stream.max_msg_size,
        "max_consumers": stream.max_consumers,
        "duplicate_window": _nanoseconds(stream.duplicate_window),
        "deny_delete": stream.deny_delete,
        "deny_purge": stream.deny_purge,
        "allow_atomic": stream.allow_atomic,
        "allow_direct": stream.allow_direct,
    }


def _source(stream: str) -> Config:
    durable = source_durable(stream)
    consumer = {"name": durable.name, "deliver_subject": durable.deliver_subject}
    return {"name": stream, "consumer": consumer}


def consumer_config(durable: Durable) -> Config:
    """The configuration of a pull consumer with explicit acks, or of a source of another stream."""
    if durable.deliver_subject:
        return _source_config(durable)
    # The server keeps one filter in one field, and several in another.
    filters = durable.filter_subjects
    return {
        "durable_name": durable.name,
        "name": durable.name,
        "filter_subject": filters[0] if len(filters) == 1 else "",
        "filter_subjects": list(filters) if len(filters) > 1 else [],
        "ack_policy": "explicit",
        "deliver_policy": "all",
        "ack_wait": _nanoseconds(durable.ack_wait),
        "max_deliver": durable.max_deliver,
        "max_ack_pending": durable.max_ack_pending,
        "num_replicas": 0,
    }


def _source_config(durable: Durable) -> Config:
    """Acknowledged by the server's own flow control (NATS ADR-60), so in order and never lost."""
    return {
        "durable_name": durable.name,
        "name": durable.name,
        "deliver_subject": durable.deliver_subject,
        "ack_policy": "flow_control",
        "flow_control": True,
        "idle_heartbeat": _nanoseconds(timedelta(seconds=1)),
        "deliver_policy": "all",
        "max_deliver": durable.max_deliver,
        "max_ack_pending": durable.max_ack_pending,
        "num_replicas": 0,
    }


def consumer_subject(durable: Durable) -> str:
    """Where that configuration is sent; the same call makes and updates.

    One filter stands in the subject, where a server's permissions can see it; several cannot.
    """
    one = durable.filter_subjects if len(durable.filter_subjects) == 1 else ()
    return ".".join(("CONSUMER.CREATE", durable.stream, durable.name, *one))


def stream_differences(wanted: Stream, live: Mapping[str, Any] | None) -> list[Difference]:
    """Empty when the live stream is as declared."""
    config = stream_config(wanted)
    if live is None:
        return [Difference(f"stream {wanted.name}", "stream", "present", "absent")]
    asset = f"stream {wanted.name}"
    found = _compared(asset, config, live, immutable=_IMMUTABLE_STREAM)
    extra = (
        Difference(asset, field, None, live[field])
        for field in _FORBIDDEN
        if live.get(field) not in (None, False, "", "none", "default")
    )
    return [*found, *extra]


def consumer_differences(wanted: Durable, live: Mapping[str, Any] | None) -> list[Difference]:
    """Empty when the live consumer is as declared."""
    asset = f"consumer {wanted.stream}/{wanted.name}"
    if live is None:
        return [Difference(asset, "consumer", "present", "absent")]
    found = _compared(asset, consumer_config(wanted), live, immutable=_IMMUTABLE_CONSUMER)
    if live.get("deliver_subject") and not wanted.deliver_subject:
        # A push consumer writes where it was told to, with the server's rights.
        found.append(Difference(asset, "deliver_subject", None, "set", fixable=False))
    return found


def _compared(
    asset: str, wanted: Config, live: Mapping[str, Any], *, immutable: Iterable[str]
) -> list[Difference]:
    frozen = set(immutable)
    return [
        Difference(asset, field, value, live.get(field), fixable=_fixable(field, value, frozen))
        for field, value in wanted.items()
        if _normal(field, live.get(field)) != _normal(field, value)
    ]


def _fixable(field: str, wanted: object, immutable: set[str]) -> bool:
    return field not in immutable and not (field in _ONE_WAY and wanted is False)


def _normal(field: str, value: object) -> object:
    """The server leaves out what is empty, and answers sources with more than was asked."""
    if field == "sources" and isinstance(value, list):
        value = [(one["name"], (one.get("consumer") or {}).get("name")) for one in value]
    if isinstance(value, list):
        return tuple(sorted(value)) or None
    return value or None


def _nanoseconds(span: timedelta) -> int:
    return round(span.total_seconds()) * 1_000_000_000

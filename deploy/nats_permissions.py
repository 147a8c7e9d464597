"""What each of our NATS users may do: allow-lists only, since deny rules have been by-passed."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.topology import (
    FEED_WRITERS,
    OUT,
    SERVICES,
    Reading,
    inbox_prefix,
    ingress_stream,
    poke_subject,
    readings_of,
    service_stream,
)
from deploy.keys import DOOR, OPERATIONS, PROVISIONER

#: Lets each user ask the server for its own rights: the doctor compares them with these lists.
OWN_RIGHTS = "$SYS.REQ.USER.INFO"
_API = "$JS.API"


@dataclass(frozen=True, slots=True)
class Rights:
    """Subjects a user may publish to and subscribe to; nothing else is allowed."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def service_rights(service: str, codes: Iterable[str]) -> Rights:
    """A service writes its own facts, pulls its own durables and hears its own answers."""
    streams = [service_stream(service).name]
    publish = [f"siraba.{service}.>", "poke.>", OWN_RIGHTS]
    if service in FEED_WRITERS:
        streams.append(OUT.name)
        erasable = (OUT.name, "INBOX", *(ingress_stream(code).name for code in sorted(set(codes))))
        publish += ["out.>", *(f"{_API}.STREAM.MSG.DELETE.{name}" for name in erasable)]
    if service == "intake":
        # After a restore it looks up whom it has erased since.
        publish.append(f"{_API}.STREAM.MSG.GET.{service_stream(service).name}")
    publish += [f"{_API}.STREAM.INFO.{name}" for name in streams]
    # What every consumer of a message has acknowledged need not be kept for a lost broker.
    publish += [f"{_API}.CONSUMER.INFO.{name}.*" for name in streams]
    for reading in readings_of(service):
        publish += _reading_rights(reading)
    return Rights(tuple(publish), (f"{inbox_prefix(service)}.>", poke_subject(service)))


def _reading_rights(reading: Reading) -> list[str]:
    durable = reading.durable
    place = f"{durable.stream}.{durable.name}"
    return [
        f"{_API}.CONSUMER.MSG.NEXT.{place}",
        f"{_API}.CONSUMER.INFO.{place}",
        f"$JS.ACK.{place}.>",
        # A dead letter is retried from the original, which is read by its sequence.
        f"{_API}.STREAM.MSG.GET.{durable.stream}",
        # How far the stream reaches, and all of its messages, for the law of conservation.
        f"{_API}.STREAM.INFO.{durable.stream}",
        f"{_API}.DIRECT.GET.{durable.stream}",
    ]


def door_rights() -> Rights:
    """Reads the feeds, moves their positions and stores requests, for whoever comes by HTTP.

    Apart from referral's own rights, so that the service which judges requests cannot make one.
    """
    publish = (
        "in.*.>",
        f"{_API}.DIRECT.GET.{OUT.name}",
        f"{_API}.STREAM.INFO.{OUT.name}",
        f"{_API}.CONSUMER.INFO.{OUT.name}.*",
        f"{_API}.CONSUMER.RESET.{OUT.name}.*",
        OWN_RIGHTS,
    )
    return Rights(publish, (f"{inbox_prefix(DOOR)}.>",))


def provisioner_rights() -> Rights:
    """Declares streams and consumers; reads, deletes or purges no message and no stream."""
    publish = (
        f"{_API}.INFO",
        f"{_API}.STREAM.CREATE.*",
        f"{_API}.STREAM.UPDATE.*",
        f"{_API}.STREAM.INFO.*",
        f"{_API}.STREAM.LIST",
        f"{_API}.STREAM.NAMES",
        f"{_API}.CONSUMER.CREATE.>",
        f"{_API}.CONSUMER.DURABLE.CREATE.*.*",
        f"{_API}.CONSUMER.DELETE.*.*",
        f"{_API}.CONSUMER.INFO.*.*",
        f"{_API}.CONSUMER.LIST.*",
        f"{_API}.CONSUMER.NAMES.*",
        OWN_RIGHTS,
    )
    return Rights(publish, (f"{inbox_prefix(PROVISIONER)}.>",))


def operations_rights() -> Rights:
    """Looks at streams and consumers, for `siraba doctor` and `siraba trace`; changes nothing."""
    publish = (
        f"{_API}.INFO",
        f"{_API}.STREAM.INFO.*",
        f"{_API}.STREAM.LIST",
        f"{_API}.STREAM.NAMES",
        f"{_API}.CONSUMER.INFO.*.*",
        f"{_API}.CONSUMER.LIST.*",
        f"{_API}.CONSUMER.NAMES.*",
        OWN_RIGHTS,
    )
    return Rights(publish, (f"{inbox_prefix(OPERATIONS)}.>",))


def all_rights(codes: Iterable[str]) -> dict[str, Rights]:
    """The rights of every user of the PLATFORM account."""
    wanted = tuple(codes)
    rights = {service: service_rights(service, wanted) for service in SERVICES}
    return {
        **rights,
        DOOR: door_rights(),
        PROVISIONER: provisioner_rights(),
        OPERATIONS: operations_rights(),
    }

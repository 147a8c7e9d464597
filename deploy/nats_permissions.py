"""What each NATS user may do: allow-lists only, since deny rules have been by-passed."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.topology import (
    API_PREFIX,
    FEED_WRITERS,
    OUT,
    SERVICES,
    Reading,
    inbox_prefix,
    ingress_stream,
    organisation_code,
    poke_subject,
    readings_of,
    service_stream,
)
from deploy.keys import DOOR, OPERATIONS, PROVISIONER

#: Lets each user ask the server for its own rights: the doctor compares them with these lists.
OWN_RIGHTS = "$SYS.REQ.USER.INFO"
_HUB_API = "$JS.API"
#: What never leaves the account it was said in.
_LOCAL = ("poke.", OWN_RIGHTS)


@dataclass(frozen=True, slots=True)
class Rights:
    """Subjects a user may publish to and subscribe to; nothing else is allowed."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    @property
    def imports(self) -> tuple[tuple[str, str], ...]:
        """(subject where the streams are, subject here) of all that its account reaches there."""
        return tuple(
            (_at_the_hub(subject), subject)
            for subject in self.publish
            if not subject.startswith(_LOCAL)
        )


def _at_the_hub(subject: str) -> str:
    call = subject.removeprefix(API_PREFIX)
    return subject if call == subject else _HUB_API + call


def service_rights(service: str, codes: Iterable[str]) -> Rights:
    """A service writes its own facts, pulls its own durables and hears its own answers."""
    wanted = sorted(set(codes))
    own = service_stream(service).name
    publish = [f"siraba.{service}.>", "poke.>", OWN_RIGHTS]
    if service in FEED_WRITERS:
        publish += _feed_rights(wanted)
    if service == "intake":
        # After a restore it looks up whom it has erased since.
        publish.append(f"{API_PREFIX}.STREAM.MSG.GET.{own}")
        # What came in sealed about an erased person is found there, and then deleted.
        publish += [f"{API_PREFIX}.STREAM.MSG.GET.{ingress_stream(code).name}" for code in wanted]
    publish += [f"{API_PREFIX}.STREAM.INFO.{own}", f"{API_PREFIX}.CONSUMER.INFO.{own}.*"]
    for reading in readings_of(service):
        publish += _reading_rights(reading)
    # Who reads its own stream may look at it for two reasons, and an account imports nothing twice.
    return Rights(
        tuple(dict.fromkeys(publish)), (f"{inbox_prefix(service)}.>", poke_subject(service))
    )


def _feed_rights(codes: Iterable[str]) -> list[str]:
    """To write feeds, to see how far each is read, and to delete what was withdrawn or erased."""
    erasable = [OUT.name, "INBOX", *(ingress_stream(code).name for code in codes)]
    return [
        "out.>",
        *(f"{API_PREFIX}.STREAM.MSG.DELETE.{name}" for name in erasable),
        f"{API_PREFIX}.STREAM.INFO.{OUT.name}",
        # What every consumer of a message has acknowledged need not be kept for a lost broker.
        f"{API_PREFIX}.CONSUMER.INFO.{OUT.name}.*",
    ]


def _reading_rights(reading: Reading) -> list[str]:
    durable = reading.durable
    place = f"{durable.stream}.{durable.name}"
    return [
        f"{API_PREFIX}.CONSUMER.MSG.NEXT.{place}",
        f"{API_PREFIX}.CONSUMER.INFO.{place}",
        f"$JS.ACK.{place}.>",
        # A dead letter is retried from the original, which is read by its sequence.
        f"{API_PREFIX}.STREAM.MSG.GET.{durable.stream}",
        # How far the stream reaches, and all of its messages, for the law of conservation.
        f"{API_PREFIX}.STREAM.INFO.{durable.stream}",
        f"{API_PREFIX}.DIRECT.GET.{durable.stream}",
    ]


def door_rights(codes: Iterable[str]) -> Rights:
    """Reads the feeds, moves their positions and stores requests, for whoever comes by HTTP.

    Apart from referral's own rights, so that the service which judges requests cannot make one.
    """
    publish = (
        *(f"in.{organisation_code(code)}.>" for code in sorted(set(codes))),
        f"{API_PREFIX}.DIRECT.GET.{OUT.name}",
        f"{API_PREFIX}.STREAM.INFO.{OUT.name}",
        f"{API_PREFIX}.CONSUMER.INFO.{OUT.name}.*",
        f"{API_PREFIX}.CONSUMER.RESET.{OUT.name}.*",
        OWN_RIGHTS,
    )
    return Rights(publish, (f"{inbox_prefix(DOOR)}.>",))


def partner_rights(code: str) -> Rights:
    """An organisation sends, and pulls, acknowledges and looks at its own feed.

    Its account reaches no more anyway; with a list, an attempt is also refused and logged.
    """
    place = f"{OUT.name}.{organisation_code(code)}"
    publish = (
        "in.>",
        f"{API_PREFIX}.CONSUMER.MSG.NEXT.{place}",
        f"$JS.ACK.{place}.>",
        f"{API_PREFIX}.CONSUMER.INFO.{place}",
    )
    return Rights(publish, ("_INBOX.>", f"{inbox_prefix(code)}.>"))


def partner_imports(code: str) -> tuple[tuple[str, str], ...]:
    """(subject where the streams are, subject here): the server puts the code into what it sends."""
    return tuple(
        (f"in.{code}.>" if here == "in.>" else there, here)
        for there, here in partner_rights(code).imports
    )


def provisioner_rights(removed: Iterable[str] = ()) -> Rights:
    """Declares streams and consumers; reads or deletes no message, and purges nothing.

    removed: organisations that are gone for good, whose ingress streams alone it may delete.
    """
    publish = (
        f"{_HUB_API}.INFO",
        f"{_HUB_API}.STREAM.CREATE.*",
        f"{_HUB_API}.STREAM.UPDATE.*",
        f"{_HUB_API}.STREAM.INFO.*",
        f"{_HUB_API}.STREAM.LIST",
        f"{_HUB_API}.STREAM.NAMES",
        f"{_HUB_API}.CONSUMER.CREATE.>",
        f"{_HUB_API}.CONSUMER.DURABLE.CREATE.*.*",
        f"{_HUB_API}.CONSUMER.DELETE.*.*",
        f"{_HUB_API}.CONSUMER.INFO.*.*",
        f"{_HUB_API}.CONSUMER.LIST.*",
        f"{_HUB_API}.CONSUMER.NAMES.*",
        OWN_RIGHTS,
        *(f"{_HUB_API}.STREAM.DELETE.{ingress_stream(code).name}" for code in sorted(set(removed))),
    )
    return Rights(publish, (f"{inbox_prefix(PROVISIONER)}.>",))


def operations_rights() -> Rights:
    """Looks at streams and consumers, for `siraba doctor` and `siraba trace`; changes nothing."""
    publish = (
        f"{API_PREFIX}.INFO",
        f"{API_PREFIX}.STREAM.INFO.*",
        f"{API_PREFIX}.STREAM.LIST",
        f"{API_PREFIX}.STREAM.NAMES",
        f"{API_PREFIX}.CONSUMER.INFO.*.*",
        f"{API_PREFIX}.CONSUMER.LIST.*",
        f"{API_PREFIX}.CONSUMER.NAMES.*",
        OWN_RIGHTS,
    )
    return Rights(publish, (f"{inbox_prefix(OPERATIONS)}.>",))


def own_accounts(codes: Iterable[str]) -> dict[str, Rights]:
    """The rights of each user of ours that has an account of its own."""
    wanted = tuple(codes)
    rights = {service: service_rights(service, wanted) for service in SERVICES}
    return {**rights, DOOR: door_rights(wanted), OPERATIONS: operations_rights()}


def all_rights(codes: Iterable[str], removed: Iterable[str] = ()) -> dict[str, Rights]:
    """The rights of every user of ours but the system's."""
    return {**own_accounts(codes), PROVISIONER: provisioner_rights(removed)}

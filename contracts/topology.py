"""The places messages travel through: subjects, streams and durables, as data every part shares."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final

SERVICES: Final = ("intake", "referral", "reporting")
PARTITIONS: Final = 16
#: The account that holds the streams; every organisation and every service has one of its own.
PLATFORM_ACCOUNT: Final = "PLATFORM"
#: Under this prefix the other accounts reach the few JetStream calls that each may make.
API_PREFIX: Final = "JSHUB.API"
PARTNER_API_PREFIX: Final = API_PREFIX
MAX_PAYLOAD_BYTES: Final = 1_048_576
#: What one request may take with its attributes.
INGRESS_BYTES: Final = 131_072
#: Messages that the processes of a service may have in hand of one stream.
READER_WINDOW: Final = 2000
#: Requests of one organisation that may be on their way into INBOX at once.
SOURCE_WINDOW: Final = 64

_CODE = re.compile(r"[A-Z0-9_]{2,24}")
# Who publishes cannot set it: the server refuses it from anybody but its own sourcing.
_ORIGIN: Final = "nats-stream-source"
_TYPE = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
#: Names of accounts the platform itself uses: an organisation may not be called so.
RESERVED_CODES: Final = frozenset({PLATFORM_ACCOUNT, "SYS"})


@dataclass(frozen=True, slots=True)
class Stream:
    """One JetStream stream; everything not named here is the same for all (file, limits, new).

    `max_age` None means kept for ever; -1 means no bound of its own. `allow_direct`: whoever may
    read it can ask for many messages at once.
    """

    name: str
    subjects: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    max_age: timedelta | None = None
    max_msgs: int = -1
    max_bytes: int = -1
    max_msg_size: int = -1
    max_consumers: int = -1
    duplicate_window: timedelta = timedelta(minutes=30)
    deny_delete: bool = False
    deny_purge: bool = False
    allow_atomic: bool = False
    allow_direct: bool = False


@dataclass(frozen=True, slots=True)
class Durable:
    """One pull consumer with explicit acks; our inbox table counts tries, so it never gives up.

    `filter_subjects`: what it hears, of which none overlaps another; empty means all of its stream.
    `deliver_subject`: where the server pushes it, for another stream to draw on; nobody pulls then.
    """

    name: str
    stream: str
    filter_subjects: tuple[str, ...] = ()
    ack_wait: timedelta = timedelta(seconds=30)
    max_deliver: int = -1
    max_ack_pending: int = 1000
    deliver_subject: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A service's right to consume one stream; `filter_subjects` empty means all of it."""

    service: str
    stream: str
    filter_subjects: tuple[str, ...] = ()

    @property
    def durable(self) -> Durable:
        """The durable this reading uses, named `<service>-<stream>`."""
        return Durable(
            f"{self.service}-{self.stream}",
            self.stream,
            self.filter_subjects,
            max_ack_pending=READER_WINDOW,
        )


#: Who consumes what. INBOX goes to the owner of a request kind; referral also buries what is none.
READINGS: Final = (
    Reading("intake", "REFERRAL"),
    # Of suspects and threats it reads what is sealed, which nobody else can; referral answers them.
    Reading(
        "intake",
        "INBOX",
        (
            "in.*.consent.acknowledge.v1",
            "in.*.case.report.v1",
            "in.*.suspect.report.v1",
            "in.*.threat.report.v1",
        ),
    ),
    Reading("referral", "INTAKE"),
    Reading("referral", "INBOX"),
    Reading("reporting", "INTAKE"),
    Reading("reporting", "REFERRAL"),
    # Its own words are facts like all others: a rebuild reads them again.
    Reading("reporting", "REPORTING"),
    Reading("reporting", "INBOX", ("in.*.session.report.v1",)),
)

#: Services that write to the organisations' feeds, and may delete there what was withdrawn.
FEED_WRITERS: Final = ("intake", "referral")

OUT: Final = Stream(
    "OUT",
    subjects=("out.>",),
    max_age=timedelta(days=90),
    max_consumers=5000,
    allow_atomic=True,
    allow_direct=True,
)


def service_stream(service: str) -> Stream:
    """A service's own facts, kept for ever: nobody can delete or purge there."""
    return Stream(
        _service(service).upper(),
        subjects=(f"siraba.{service}.>",),
        deny_delete=True,
        deny_purge=True,
        allow_atomic=True,
        allow_direct=True,
    )


def ingress_stream(code: str) -> Stream:
    """What one organisation sends: its own quota and dedupe, which reach nobody else's."""
    return Stream(
        f"IN_{organisation_code(code)}",
        subjects=(f"in.{code}.>",),
        max_age=timedelta(hours=24),
        max_msgs=20_000,
        max_bytes=64 * 1024 * 1024,
        max_msg_size=INGRESS_BYTES,
    )


def inbox_stream(codes: Iterable[str]) -> Stream:
    """All organisations' requests in one place.

    No window: a stream with one dedupes across its sources, so that one organisation's
    message id would silence another's. Room is bounded by what the ingress streams let through.
    """
    return Stream(
        "INBOX",
        sources=tuple(ingress_stream(code).name for code in sorted(set(codes))),
        max_age=timedelta(days=30),
        duplicate_window=timedelta(0),
        allow_direct=True,
    )


def all_streams(codes: Iterable[str]) -> tuple[Stream, ...]:
    """Every stream for these organisations, sources before the stream that draws on them."""
    wanted = sorted(set(codes))
    own = tuple(service_stream(service) for service in SERVICES)
    ingress = tuple(ingress_stream(code) for code in wanted)
    # A stream without subject and source would be refused, so no INBOX before the first partner.
    return (*own, OUT, *ingress, *((inbox_stream(wanted),) if wanted else ()))


def feed_durable(code: str) -> Durable:
    """The one consumer through which an organisation pulls its own feed from OUT."""
    return Durable(organisation_code(code), OUT.name, (f"out.{code}.>",))


def source_durable(stream: str) -> Durable:
    """What INBOX draws on one ingress stream through: a few at a time, so that all take turns.

    Left to itself the server takes megabytes of one before it comes to the next, and whoever
    floods its ingress is in front of everybody (ADR 0019).
    """
    return Durable(
        "inbox", stream, max_ack_pending=SOURCE_WINDOW, deliver_subject=f"source.{stream}"
    )


def source_durables(codes: Iterable[str]) -> tuple[Durable, ...]:
    """One for each ingress stream."""
    return tuple(source_durable(ingress_stream(code).name) for code in sorted(set(codes)))


def all_durables(codes: Iterable[str]) -> tuple[Durable, ...]:
    """Every durable for these organisations: our services' and one feed each."""
    wanted = sorted(set(codes))
    ours = tuple(r.durable for r in READINGS if wanted or r.stream != "INBOX")
    return (*ours, *(feed_durable(code) for code in wanted))


def readings_of(service: str) -> tuple[Reading, ...]:
    """What this service consumes."""
    return tuple(r for r in READINGS if r.service == _service(service))


def organisation_code(code: str) -> str:
    """The code itself, or ValueError: it becomes an account, stream and subject name."""
    if not _CODE.fullmatch(code) or code in RESERVED_CODES:
        raise ValueError("organisation code: must match [A-Z0-9_]{2,24} and not be reserved")
    return code


@lru_cache(maxsize=4096)
def partition(subject_id: str) -> int:
    """0..15, from the first two bytes of SHA-256(ce-subject): one case, always one partition."""
    digest = hashlib.sha256(subject_id.encode()).digest()
    return int.from_bytes(digest[:2], "big") % PARTITIONS


def internal_subject(service: str, message_type: str, version: int, *, subject_id: str) -> str:
    """`siraba.<service>.<entity>.<event>.v<n>.<p>`; `message_type` is `<entity>.<event>`."""
    typed = _typed(message_type, version)
    return f"siraba.{_service(service)}.{typed}.{partition(subject_id)}"


def out_subject(code: str, message_type: str, version: int) -> str:
    """`out.<CODE>.<entity>.<event>.v<n>`: one organisation's feed."""
    return f"out.{organisation_code(code)}.{_typed(message_type, version)}"


def partner_subject(message_type: str, version: int) -> str:
    """`in.<entity>.<verb>.v<n>`: what a partner publishes; the server adds its account's name."""
    return f"in.{_typed(message_type, version)}"


def stored_partner_subject(code: str, message_type: str, version: int) -> str:
    """`in.<CODE>.<entity>.<verb>.v<n>`: how the server stored that request."""
    return f"in.{organisation_code(code)}.{_typed(message_type, version)}"


def sender_of(stored_subject: str) -> str:
    """The organisation the server stamped on what it stored; ValueError where it stamped none.

    The rest may be anything: whoever sent it is told that it is wrong.
    """
    tokens = stored_subject.split(".")
    if len(tokens) < 3 or tokens[0] != "in":
        raise ValueError("subject: not in.<CODE>.…")
    return organisation_code(tokens[1])


def origin_of(headers: Mapping[str, str]) -> str | None:
    """The organisation through whose ingress stream a message came, as the server stamped it.

    It stands whatever the message says, and whatever subject it came to lie under. The text is
    `<stream>[:<how it is drawn on>] <sequence> …`.
    """
    named = {name.lower(): value for name, value in headers.items()}.get(_ORIGIN, "")
    stream, _, code = named.partition(" ")[0].partition(":")[0].partition("_")
    return code if stream == "IN" and _CODE.fullmatch(code) else None


def poke_subject(service: str) -> str:
    """Core subject that wakes a service's relay; carries nothing."""
    return f"poke.{_service(service)}"


def inbox_prefix(name: str) -> str:
    """Where answers to this user go; nobody else may subscribe there."""
    return f"_INBOX_{name}"


def _service(service: str) -> str:
    if service not in SERVICES:
        raise ValueError("service: unknown")
    return service


@lru_cache(maxsize=256)
def _typed(message_type: str, version: int) -> str:
    if not _TYPE.fullmatch(message_type):
        raise ValueError("message type: must be <entity>.<event>")
    if version < 1:
        raise ValueError("version: must be at least 1")
    return f"{message_type}.v{version}"

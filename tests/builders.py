"""Valid things for tests to start from: a case, an organisation, a message as it lies in a stream."""

import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

from chassis.inbox import Raw, Received
from contracts.directory import DirectoryEntry, Unit
from contracts.envelope import Envelope, encode_headers
from contracts.event import Message
from contracts.identifiers import Mint
from contracts.intake import SOURCE, CaseRegistered
from contracts.policy import CHILD_BANDS
from contracts.reading import partner_source
from contracts.referral import OrganisationRegistered, ServiceOffered
from contracts.requests import AcceptReferral
from contracts.topology import (
    ingress_stream,
    internal_subject,
    partner_subject,
    stored_partner_subject,
)
from tests.signing import public_key, signed, vouched

CANARY = "Aminata-Traoré-66012345"
TODAY = date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_numbers = itertools.count(1)


def a_mint(seed: int = 1) -> Mint:
    """Ids that count upwards from a fixed moment, the same in every run."""
    counter, now_ms = itertools.count(seed << 32), int(NOON.timestamp() * 1000)
    return Mint(
        now_ms=lambda: now_ms,
        entropy=lambda n: next(counter).to_bytes(16, "big")[-n:].rjust(n, b"\0"),
    )


def coded_facts(**changes: Any) -> dict[str, Any]:
    """A girl of 12 to 14 in Kita, who said yes to a shelter and a hospital, in JSON terms."""
    facts: dict[str, Any] = {
        "detected_on": "2026-11-20",
        "region": "12",
        "sex": "female",
        "age_band": "12-14",
        "citizenship": ["MLI"],
        "exploitation": ["domestic_work"],
        "detection_channel": "patrol",
        "urgency": "urgent_72h",
        "needs": ["shelter"],
    }
    facts |= changes
    by = "guardian" if str(facts["age_band"]) in CHILD_BANDS else "person"
    kinds = ("shelter", "health", "social")
    said = [{"recipient_kind": kind, "state": "given", "by": by} for kind in kinds]
    return {"consent": said} | facts


def a_case(**changes: Any) -> CaseRegistered:
    """The event of that case."""
    registered = {"owner": "POLICE_A", "registered_on": "2026-11-24"}
    return CaseRegistered.model_validate(coded_facts(**registered | changes))


def an_organisation(code: str, kind: str, *services: str, **changes: Any) -> OrganisationRegistered:
    """An entry of the directory in Kita that gives these services to everybody."""
    entry: dict[str, Any] = {
        "code": code,
        "kind": kind,
        "name_fr": f"{kind} {code}",
        "name_en": f"{kind} {code}",
        "region": "12",
        "zones": ("12",),
        "services": tuple(ServiceOffered(service=service) for service in services),
        "channel": "nats",
        "keys": (public_key(code),),
    } | changes
    entry.setdefault("countersignatures", vouched(*entry["keys"]))
    return OrganisationRegistered(**entry)


def an_entry(event: OrganisationRegistered) -> DirectoryEntry:
    """The entry of the directory that is announced so; its seat is the first cercle of its region."""
    told = event.model_dump(
        include={"code", "kind", "name_fr", "name_en", "channel", "services", "state"}
    )
    whole = tuple(zone for zone in event.zones if not any(c[:2] == zone for c in event.cercles))
    seat = next((c for c in event.cercles if c[:2] == event.region), f"{event.region}01")
    return DirectoryEntry(**told, units=(Unit(cercle=seat),), zones=(*whole, *event.cercles))


def event_headers(
    message: Message, *, case_id: str, number: int, source: str = SOURCE, **changes: Any
) -> dict[str, str]:
    """The headers of one of our own events."""
    envelope: dict[str, Any] = {
        "id": uuid4(),
        "source": source,
        "type": message.ce_type(),
        "subject": case_id,
        "case_sequence": number,
    }
    headers = encode_headers(Envelope(**envelope | changes))
    service = source.rpartition("/")[2]
    subject = internal_subject(service, message.name, message.version, subject_id=case_id)
    return signed(headers, message.encode(), subject=subject)


def event_subject(message: Message, case_id: str, *, service: str = "intake") -> str:
    """Where that event lies."""
    return internal_subject(service, message.name, message.version, subject_id=case_id)


def a_raw(*, body: bytes, headers: Mapping[str, str], subject: str, stream: str = "INTAKE") -> Raw:
    """Bytes as they were delivered, each at a place of its own."""
    return Raw(
        subject=subject,
        headers=headers,
        body=body,
        stream=stream,
        sequence=next(_numbers),
        recorded_at=NOON,
    )


def received(
    number: int, *, case_id: str | None = None, message: Message | None = None
) -> Received:
    """A checked event with this number in its case."""
    case_id, message = case_id or str(UUID(int=1)), message or a_case()
    headers = event_headers(message, case_id=case_id, number=number)
    envelope = Envelope(
        id=UUID(headers["ce-id"]),
        source=SOURCE,
        type=message.ce_type(),
        subject=case_id,
        case_sequence=number,
    )
    raw = a_raw(body=message.encode(), headers=headers, subject=event_subject(message, case_id))
    return Received(raw=raw, envelope=envelope, message=message)


def request_headers(
    code: str, message: Message | None = None, *, stamped: bool = True, **changes: Any
) -> dict[str, str]:
    """The headers of a partner's request; stamped: as the server stored it."""
    message = message or AcceptReferral(referral_id=uuid4())
    envelope: dict[str, Any] = {
        "id": uuid4(),
        "source": partner_source(code),
        "type": message.ce_type(),
        "subject": str(getattr(message, "matter", None) or uuid4()),
    }
    origin = {"Nats-Stream-Source": f"{ingress_stream(code).name} 1 > >"} if stamped else {}
    headers = encode_headers(Envelope(**envelope | changes)) | origin
    subject = stored_subject(code, message)
    return signed(headers, message.encode(), subject=subject, kind="request", by=code)


def stored_subject(code: str, message: Message) -> str:
    """Where the server stored a partner's request."""
    return stored_partner_subject(code, message.name, message.version)


def sent_subject(message: Message) -> str:
    """Where a partner publishes it."""
    return partner_subject(message.name, message.version)

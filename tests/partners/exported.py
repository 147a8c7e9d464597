"""A case as it would be exported, made and signed by hand, and every way to tamper with it."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.evidence import CHAIN_START, PREVIOUS, chain_digest
from contracts.identifiers import uuid7
from contracts.keyring import Keyring, PublicKey, encode_base64url, generate_signing_key
from contracts.roots import Leaf, in_order, root_over
from contracts.signing import Signer, signed_payload
from contracts.topology import internal_subject
from deploy.evidence_document import (
    ServiceRecord,
    SignedRoot,
    StoredMessage,
    audit_chains,
    document,
    written_time,
)

CASE = UUID("6b3f6a2e-4d0a-4c52-9d84-6f6c5f0f6f11")
OTHER = UUID("aaaaaaaa-4d0a-4c52-9d84-6f6c5f0f6f11")
START = datetime(2026, 10, 30, 12, tzinfo=UTC)
DAY = date(2026, 11, 23)
ROOTED = datetime(2026, 11, 24, 0, 0, 30, tzinfo=UTC)
SERVICES = ("intake", "referral")
PRIVATE = {name: generate_signing_key(sha256(name.encode()).digest()) for name in SERVICES}
STRANGER = generate_signing_key(b"s" * 32)
Document = dict[str, Any]


def a_keyring() -> Keyring:
    """The services' keys, valid from the start."""
    return Keyring(
        PublicKey(
            owner=name,
            use="signing",
            key=encode_base64url(key.public_key().public_bytes_raw()),
            valid_from=START - timedelta(days=30),
        )
        for name, key in PRIVATE.items()
    )


@dataclass
class World:
    """Two services that write about cases, look at them, and are rooted."""

    messages: dict[tuple[str, UUID], list[StoredMessage]] = field(default_factory=dict)
    heads: dict[tuple[str, str], tuple[int, bytes]] = field(default_factory=dict)
    audit: dict[tuple[str, str], list[tuple[UUID | None, str]]] = field(default_factory=dict)
    clock: datetime = START
    written: int = 0

    def say(self, service: str, case: UUID = CASE, *, key: Any = None) -> StoredMessage:
        """One more event of a service about a case, signed and chained."""
        stream, told = service.upper(), self.messages.setdefault((service, case), [])
        self.clock += timedelta(minutes=1)
        self.written += 1
        body = json.dumps({"service": "shelter", "nth": self.written}).encode()
        subject = internal_subject(service, "case.told", 1, subject_id=str(case))
        headers = encode_headers(
            Envelope(
                id=uuid7(int(self.clock.timestamp() * 1000), self.written.to_bytes(10, "big")),
                source=f"/siraba/{service}",
                type="ml.siraba.case.told.v1",
                subject=str(case),
                case_sequence=len(told) + 1,
                correlation_id=str(case),
            )
        )
        _, head = self.heads.get((stream, str(case)), (0, b""))
        headers[PREVIOUS] = head.hex() or CHAIN_START
        payload = signed_payload(headers, body, subject=subject)
        signer = Signer(key or PRIVATE[service])
        # Every other one shares its signature, as most do where there is much to say.
        headers[SIGNATURE] = signer.sign_events([payload, b"another"][: 1 + self.written % 2])[0]
        stored = StoredMessage(
            stream=stream,
            sequence=self.written,
            recorded_at=self.clock + timedelta(seconds=1),
            subject=subject,
            headers=headers,
            body=body,
        )
        told.append(stored)
        self.heads[stream, str(case)] = len(told), bytes.fromhex(chain_digest(payload))
        return stored

    def look(self, service: str, case: UUID | None = CASE) -> None:
        """One more row of a service's audit, in the chain of CASE whatever it is about."""
        (chain,) = audit_chains(CASE, since=self.clock, until=self.clock)
        rows = self.audit.setdefault((service, chain), [])
        self.clock += timedelta(seconds=1)
        line = "\n".join(
            ("siraba-audit-1", chain, str(len(rows) + 1), written_time(self.clock), "POLICE_A",
             "officer", "p-1", "case", str(case or ""), "facts", "coordination", "shown", "1")
        )  # fmt: skip
        rows.append((case, line))
        last, head = self.heads.get((f"AUDIT {service}", chain), (0, bytes(32)))
        said = sha256(line.encode()).digest()
        digest = sha256(head + tag_of(case) + said).digest()
        self.heads[f"AUDIT {service}", chain] = last + 1, digest

    def leaves(self, service: str) -> list[Leaf]:
        """Where this service's chains stand."""
        own = {service.upper(): service.upper(), f"AUDIT {service}": "AUDIT"}
        return in_order(
            Leaf(own[stream], key, last, head)
            for (stream, key), (last, head) in self.heads.items()
            if stream in own
        )

    def root(self, service: str, day: date = DAY, at: datetime = ROOTED) -> SignedRoot:
        """The signed root over them."""
        root = root_over(self.leaves(service), service=service, day=day, made_at=at)
        return SignedRoot(root=root, signature=Signer(PRIVATE[service]).sign(
            root.payload, kind="root"))  # fmt: skip

    def exported(self, day: date = DAY, at: datetime = ROOTED) -> Document:
        """The document, rooted now."""
        chains = audit_chains(CASE, since=START, until=max(at, self.clock))
        records = {
            service: ServiceRecord(
                newest=self.root(service, day, at),
                leaves=self.leaves(service),
                audit={chain: self._rows(service, chain) for chain in chains},
            )
            for service in SERVICES
        }
        told = [one for service in SERVICES for one in self.messages.get((service, CASE), [])]
        return document(CASE, told, records, made_at=at)

    def _rows(self, service: str, chain: str) -> list[str | tuple[str, str]]:
        return [
            line if case == CASE else (tag_of(case).hex(), sha256(line.encode()).hexdigest())
            for case, line in self.audit.get((service, chain), [])
        ]


def tag_of(case: UUID | None) -> bytes:
    """Which case a row of the audit is about."""
    return bytes(32) if case is None else sha256(f"case:{case}".encode()).digest()


def a_world(*, told: int = 6, looked: int = 8, others: int = 30) -> World:
    """A case in two services over two months, among others."""
    world = World()
    for nth in range(others):
        world.say(SERVICES[nth % 2], UUID(int=nth + 1, version=4))
    for nth in range(looked):
        if nth < told:
            world.say("intake")
            world.say("referral")
        for service in SERVICES:
            world.look(service, CASE if nth % 2 else (OTHER if nth % 4 else None))
        if nth == looked // 2:
            world.clock = max(world.clock, datetime(2026, 11, 10, tzinfo=UTC))
    return world


def witnessed(exported: Document) -> bytes:
    """What a witness holds: the roots of this export."""
    return json.dumps({"roots": exported["roots"]}).encode()


def encoded(exported: Document) -> bytes:
    """The file."""
    return json.dumps(exported).encode()


Tamper = Callable[[Document, Random, World], str]


def _of(exported: Document, stream: str) -> list[int]:
    return [n for n, one in enumerate(exported["messages"]) if one["stream"] == stream]


def _picked(exported: Document, rng: Random, *, spare: int = 0) -> tuple[str, list[int], int]:
    """A stream, where its messages stand, and which of them (from 0); the last `spare` are not."""
    stream = rng.choice(["INTAKE", "REFERRAL"])
    places = _of(exported, stream)
    return stream, places, rng.randrange(len(places) - spare)


def edit_message(exported: Document, rng: Random, _: World) -> str:
    """Another body, header value or subject."""
    stream, places, nth = _picked(exported, rng)
    one = exported["messages"][places[nth]]
    what = rng.choice(["body", "subject", *one["headers"]])
    held = one if what in one else one["headers"]
    held[what] = "eyJhIjoxfQ==" if what == "body" else held[what][:-1] + "~"
    return f"{stream} {nth + 1}"


def delete_message(exported: Document, rng: Random, _: World) -> str:
    """One is gone; from the middle it shows in the chain, from the end in the root."""
    stream, places, nth = _picked(exported, rng)
    del exported["messages"][places[nth]]
    return f"{stream} {nth + 1}"


def swap_messages(exported: Document, rng: Random, _: World) -> str:
    """Two neighbours have changed places."""
    stream, places, nth = _picked(exported, rng, spare=1)
    here, there = places[nth : nth + 2]
    held = exported["messages"]
    held[here], held[there] = held[there], held[here]
    return f"{stream} {nth + 1}"


def insert_message(exported: Document, rng: Random, world: World) -> str:
    """A repeat, a message of another case, or one signed by a stranger."""
    stream, places, nth = _picked(exported, rng)
    forged = deepcopy(exported["messages"][places[nth]])
    if rng.random() < 0.5:
        other = deepcopy(world).say(stream.lower(), OTHER)
        (forged,) = document(CASE, [other], {}, made_at=ROOTED)["messages"]
    exported["messages"].insert(places[nth] + 1, forged)
    return f"{stream} {nth + 2}"


def truncate_messages(exported: Document, rng: Random, _: World) -> str:
    """The end is cut off, the rest is whole in itself."""
    stream, places, nth = _picked(exported, rng)
    for place in reversed(places[nth:]):
        del exported["messages"][place]
    return f"{stream} {nth + 1}"


def rewrite_end(exported: Document, rng: Random, world: World) -> str:
    """The platform itself wrote another end, with its own key: only the root knows."""
    stream, places, nth = _picked(exported, rng)
    service, again = stream.lower(), World(written=900, clock=world.clock)
    again.messages[service, CASE] = world.messages[service, CASE][:nth]
    last = again.messages[service, CASE][-1:]
    if last:
        payload = signed_payload(
            {n: v for n, v in last[0].headers.items() if n != SIGNATURE},
            last[0].body,
            subject=last[0].subject,
        )
        again.heads[stream, str(CASE)] = nth, bytes.fromhex(chain_digest(payload))
    forged = [again.say(service) for _ in places[nth:]]
    written = document(CASE, forged, {}, made_at=ROOTED)["messages"]
    for place, one in zip(places[nth:], written, strict=True):
        exported["messages"][place] = one
    return f"{stream} {len(places)}"


def roll_back(exported: Document, rng: Random, _: World) -> str:
    """Everything is as it was on an earlier day, roots and all."""
    older = a_world(told=rng.randrange(1, 6)).exported(DAY - timedelta(days=1),
                                                       ROOTED - timedelta(days=1))  # fmt: skip
    exported.clear()
    exported.update(older)
    return f"root intake {DAY}"


def tamper_with_audit(exported: Document, rng: Random, _: World) -> str:
    """A row of the audit is edited, gone, doubled, moved, hidden, or the end of it cut."""
    service = rng.choice(SERVICES)
    chain = rng.choice([name for name, rows in exported["audit"][service].items() if rows])
    rows = exported["audit"][service][chain]
    nth = rng.randrange(len(rows) - 1)
    how = rng.choice(["edit", "delete", "double", "swap", "cut", "hide", "drop"])
    if how == "edit":
        rows[nth] = _edited(rows[nth])
    elif how == "delete":
        del rows[nth]
    elif how == "double":
        rows.insert(nth, rows[nth])
    elif how == "swap":
        rows[nth], rows[nth + 1] = rows[nth + 1], rows[nth]
    elif how == "cut":
        del rows[nth:]
    elif how == "hide":
        nth = next(n for n, row in enumerate(rows) if isinstance(row, str))
        rows[nth] = [tag_of(CASE).hex(), sha256(rows[nth].encode()).hexdigest()]
    else:
        del exported["audit"][service][chain]
    return f"audit {service} {chain}"


def _edited(row: Any) -> Any:
    if isinstance(row, str):
        return row.replace("POLICE_A", "POLICE_B")
    return [row[0], sha256(row[1].encode()).hexdigest()]


def tamper_with_proofs(exported: Document, rng: Random, _: World) -> str:
    """A proof is bent or gone, so that nothing says where the chain stood."""
    service = rng.choice(SERVICES)
    proofs = exported["proofs"][service]
    nth = rng.randrange(len(proofs))
    if rng.random() < 0.5:
        del proofs[nth]
    else:
        proofs[nth]["last"] -= 1
    return service


TAMPERINGS: tuple[Tamper, ...] = (
    edit_message,
    delete_message,
    swap_messages,
    insert_message,
    truncate_messages,
    rewrite_end,
    roll_back,
    tamper_with_audit,
    tamper_with_proofs,
)

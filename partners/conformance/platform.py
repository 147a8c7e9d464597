"""Plays the platform: signs and numbers what goes into the feed, reads what comes back, hears acks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.envelope import SIGNATURE, Envelope, Rejected, encode_headers
from contracts.event import Message
from contracts.keyring import (
    Keyring,
    PublicKey,
    encode_base64url,
    generate_signing_key,
    owner_of,
)
from contracts.reading import read_request
from contracts.requests import AboutReferral
from contracts.signing import SignatureRefused, Signer, signed_payload, verify_message
from contracts.topology import OUT, SERVICES, out_subject
from partners.conformance.door import Door
from partners.conformance.sandbox import Sandbox
from partners.kit.edge import Edge

REFERRAL: Final = "/siraba/referral"
INTAKE: Final = "/siraba/intake"
_SINCE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A message of the feed as it was stored, at its place in the stream."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of the program, read and verified as the platform does."""

    id: UUID
    request: Message

    @property
    def referral(self) -> UUID | None:
        """What it is about, where it is about a referral."""
        return self.request.referral_id if isinstance(self.request, AboutReferral) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a message departs from what the platform would send; nothing given: not at all."""

    source: str = REFERRAL
    number: int | None = None
    subject: str | None = None
    type: str | None = None
    body: bytes | None = None
    id: UUID | None = None
    case: str | None = None
    #: Another key than the source's own, or none at all.
    signer: Signer | None = None
    is_signed: bool = True
    #: What is stored in the place of what was signed.
    swapped: bytes | None = None


@dataclass(slots=True)
class Platform:
    """One sandbox's services behind one door; `partner` holds the organisation's public keys."""

    sandbox: Sandbox
    door: Door
    edge: Edge
    partner: Keyring
    keys: Keyring = field(default_factory=Keyring)
    signers: dict[str, Signer] = field(default_factory=dict)
    malformed: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _asked: list[Asked] = field(default_factory=list)
    _read: int = 0
    _open: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        for service in SERVICES:
            self.take_key(service)

    def take_key(self, service: str) -> PublicKey:
        """A new key for a service, which it signs with from now on."""
        private = generate_signing_key(self.edge.random(32))
        key = public_half(private, owner=service, since=self.edge.now() - _SINCE)
        self.keys = self.keys.with_news([key])
        self.signers[service] = Signer(private)
        return key

    def next_number(self, source: str = REFERRAL) -> int:
        """The number under which the next message of this source will go."""
        return self._numbers.get(source, 0) + 1

    async def tell(self, message: Message, form: Form | None = None) -> Told:
        """Put a message into the feed."""
        form = form or Form()
        number = form.number or self.next_number(form.source)
        self._numbers[form.source] = max(number, self._numbers.get(form.source, 0))
        envelope = Envelope(
            id=form.id or self.edge.new_id(),
            source=form.source,
            type=form.type or message.ce_type(),
            subject=form.case or self.edge.random(16).hex(),
            feed_sequence=number,
            correlation_id=str(getattr(message, "referral_id", "")) or None,
        )
        subject = form.subject or out_subject(self.sandbox.code, message.name, message.version)
        body = message.encode() if form.body is None else form.body
        headers = self._signed(encode_headers(envelope), subject, body, form=form)
        told = Told(sequence=0, subject=subject, headers=headers, body=form.swapped or body)
        return await self._store(told)

    async def tell_again(self, told: Told) -> Told:
        """The very same message at another place of the stream, as after the window for repeats."""
        return await self._store(told)

    async def take_back(self) -> None:
        """Delete from the feed what the program is not done with: the next check begins clean."""
        for told in self._open:
            if told.sequence not in self.door.ended:
                await self.sandbox.jetstream.delete_msg(OUT.name, told.sequence)
        self._open.clear()

    async def asked(self) -> list[Asked]:
        """Every request that the program has sent so far, oldest first; `malformed` has the rest."""
        jetstream = self.sandbox.jetstream
        last = (await jetstream.stream_info("INBOX")).state.last_seq
        for sequence in range(self._read + 1, last + 1):
            raw = await jetstream.get_msg("INBOX", sequence)
            self._take(raw.subject or "", raw.headers or {}, raw.data or b"")
            self._read = sequence
        return self._asked

    def _take(self, subject: str, headers: Mapping[str, str], body: bytes) -> None:
        try:
            verify_message(
                headers,
                body,
                subject=subject,
                kind="request",
                keys=self.partner,
                at=self.edge.now(),
            )
            envelope, request, _ = read_request(subject, headers, body)
        except SignatureRefused as refused:
            self.malformed.append(f"{refused.reason}: {SIGNATURE}")
        except Rejected as rejected:
            self.malformed.append(str(rejected))
        else:
            self._asked.append(Asked(id=envelope.id, request=request))

    def _signed(
        self, headers: dict[str, str], subject: str, body: bytes, *, form: Form
    ) -> dict[str, str]:
        if not form.is_signed:
            return headers
        signer = form.signer or self.signers[owner_of(form.source) or ""]
        payload = signed_payload(headers, body, subject=subject)
        return headers | {SIGNATURE: signer.sign(payload, kind="event")}

    async def _store(self, told: Told) -> Told:
        # The stream's own memory for repeats is not what is examined here.
        headers = {**told.headers, "Nats-Msg-Id": str(self.edge.new_id())}
        stored = await self.sandbox.jetstream.publish(told.subject, told.body, headers=headers)
        self._open.append(placed := replace(told, sequence=stored.seq))
        return placed


def public_half(private: Ed25519PrivateKey, *, owner: str, since: datetime) -> PublicKey:
    """As others know this key."""
    raw = private.public_key().public_bytes_raw()
    return PublicKey(owner=owner, use="signing", key=encode_base64url(raw), valid_from=since)

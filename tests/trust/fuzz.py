"""Partners' requests, spoilt by a seeded hand: what a door is sent by a broken or hostile program."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

from contracts.envelope import SIGNATURE
from contracts.requests import DeclineReferral
from contracts.signing import SignatureRefused, Signer, signed_payload
from tests.builders import CANARY, request_headers, sent_subject

#: Made to exhaust a parser's stack, memory or time, or to be read in two ways.
MONSTERS = (
    b"[" * 20_000,
    b'{"a":' * 5_000,
    b"9" * 5_000,
    b"1e999999",
    b"NaN",
    b'"\\ud800"',
    b'{"referral_id":1,"referral_id":2}',
    b"null",
    b"",
    "\u202e\u0000é".encode(),
    b"\xff\xfe\x00",
)
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_NAMES = ("ce-id", "ce-type", "ce-source", "ce-subject", "ce-specversion", "traceparent")
_TOKENS = ("referral", "case", "decline", "v1", "v0", "v99", "a", "x" * 200, "é".encode().hex())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoilt:
    """What `code` sends. subject: as the NATS door takes it, below `in.`."""

    code: str
    subject: str
    headers: Mapping[str, str]
    body: bytes

    def signed(self, signer: Signer) -> "Spoilt":
        """As its sender would sign it, so that what comes after the signature is tried as well."""
        stored = self.subject.replace("in.", f"in.{self.code}.", 1)
        try:
            payload = signed_payload(self.headers, self.body, subject=stored)
        except SignatureRefused:  # nothing that can be signed
            return self
        signature = signer.sign(payload, kind="request")
        return replace(self, headers={**self.headers, SIGNATURE: signature})


def spoilt(code: str, random: Random, *, signer: Signer) -> Spoilt:
    """One that cannot be accepted: about an unknown referral, and most often unreadable as well."""
    request = DeclineReferral(referral_id=_uuid(random), reason="capacity")
    headers = request_headers(code, request, stamped=False, id=_uuid(random))
    good = Spoilt(
        code=code,
        subject=sent_subject(request),
        headers={name: value for name, value in headers.items() if name != "Nats-Msg-Id"},
        body=request.encode(),
    )
    if random.random() < 0.25:  # changed after it was signed
        return random.choice(_WAYS)(good.signed(signer), random)
    return random.choice(_WAYS)(good, random).signed(signer)


def _flipped(one: Spoilt, random: Random) -> Spoilt:
    body = bytearray(one.body)
    for _ in range(random.randint(1, 8)):
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return replace(one, body=bytes(body))


def _cut(one: Spoilt, random: Random) -> Spoilt:
    first, last = sorted(random.sample(range(len(one.body) + 1), 2))
    return replace(one, body=one.body[first:last])


def _grown(one: Spoilt, random: Random) -> Spoilt:
    place = random.randrange(len(one.body) + 1)
    noise = random.randbytes(random.choice((1, 10, 1_000, 70_000)))
    return replace(one, body=one.body[:place] + noise + one.body[place:])


def _monster(one: Spoilt, random: Random) -> Spoilt:
    return replace(one, body=random.choice(MONSTERS))


def _other_value(one: Spoilt, random: Random) -> Spoilt:
    said = json.loads(one.body)
    said[random.choice([*said, "more"])] = random.choice(
        [None, 1, -0.5, [], {}, CANARY, "x" * 9000]
    )
    return replace(one, body=json.dumps(said).encode())


def _headless(one: Spoilt, random: Random) -> Spoilt:
    gone = random.choice([name for name in one.headers if name != SIGNATURE])
    return replace(one, headers={k: v for k, v in one.headers.items() if k != gone})


def _odd_header(one: Spoilt, random: Random) -> Spoilt:
    value = "".join(random.choices(_PRINTABLE, k=random.choice((1, 40, 3_000)))).strip()
    name = random.choice((*_NAMES, "ce-unknown", "CE-ID", "content-type"))
    return replace(one, headers={**one.headers, name: value})


def _odd_subject(one: Spoilt, random: Random) -> Spoilt:
    return replace(one, subject=".".join(("in", *random.choices(_TOKENS, k=random.randint(1, 6)))))


_WAYS: tuple[Callable[[Spoilt, Random], Spoilt], ...] = (
    _flipped,
    _cut,
    _grown,
    _monster,
    _other_value,
    _headless,
    _odd_header,
    _odd_subject,
)


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)

"""A signed message to bend, the keys around it, and an auditor of every single bit of it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.evidence import CHAIN_START, PREVIOUS
from contracts.keyring import (
    Keyring,
    PublicKey,
    Use,
    encode_base64url,
    generate_sealing_key,
    generate_signing_key,
)
from contracts.signing import Kind, Signer, signed_payload, verify_message

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
# RFC 8032 §7.1, tests 1 and 2.
INTAKE_KEY = generate_signing_key(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
SHELTER_KEY = generate_signing_key(
    bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
)
# RFC 7748 §6.1, Bob and Alice.
SEALING_KEY = generate_sealing_key(
    bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
)
OTHER_SEALING_KEY = generate_sealing_key(
    bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
)


class Letter(NamedTuple):
    """A message as it lies in a stream."""

    headers: dict[str, str]
    body: bytes
    subject: str


Accepts = Callable[[Letter], bool]


def public(key: Any, *, owner: str, use: Use = "signing", **life: datetime) -> PublicKey:
    raw = encode_base64url(key.public_key().public_bytes_raw())
    return PublicKey.model_validate(
        {"owner": owner, "use": use, "key": raw, "valid_from": NOON} | life
    )


INTAKE = public(INTAKE_KEY, owner="intake")
SHELTER = public(SHELTER_KEY, owner="SHELTER_A")
KEYS = Keyring([INTAKE, SHELTER])


def a_letter(body: bytes = b'{"a":1}', **attributes: Any) -> Letter:
    """Unsigned, from intake, with every attribute that there is."""
    said: dict[str, Any] = {
        "id": UUID("0193599c-0000-7000-8000-000000000001"),
        "source": "/siraba/intake",
        "type": "ml.siraba.case.registered.v1",
        "subject": "6b3f6a2e-4d0a-4c52-9d84-6f6c5f0f6f11",
        "case_sequence": 1,
        "causation_id": "cause",
        "correlation_id": "first",
        "started_trace": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    headers = encode_headers(Envelope(**said | attributes), hop="00-a-b-01")
    headers[PREVIOUS] = CHAIN_START
    return Letter(headers, body, "siraba.intake.case.registered.v1.7")


def signed(letter: Letter, key: Any = INTAKE_KEY, *, kind: Kind = "event") -> Letter:
    payload = signed_payload(letter.headers, letter.body, subject=letter.subject)
    return letter._replace(
        headers=letter.headers | {SIGNATURE: Signer(key).sign(payload, kind=kind)}
    )


def verified(letter: Letter, **changes: Any) -> bytes:
    about: dict[str, Any] = {"kind": "event", "keys": KEYS, "at": NOON} | changes
    return verify_message(letter.headers, letter.body, subject=letter.subject, **about)


def flips(letter: Letter) -> Iterator[tuple[str, Letter]]:
    """Every change of one bit in what is signed or signs, and where it is."""
    for name, value in letter.headers.items():
        if not name.startswith(("ce-", SIGNATURE)):
            continue
        rest = {other: said for other, said in letter.headers.items() if other != name}
        for bent in bent_texts(value):
            yield name, letter._replace(headers=rest | {name: bent})
        for bent in bent_texts(name):
            yield f"name of {name}", letter._replace(headers=rest | {bent: value})
    for bent in bent_texts(letter.subject):
        yield "subject", letter._replace(subject=bent)
    for content in bent_bytes(letter.body):
        yield "body", letter._replace(body=content)


def survivors(changed: Iterable[tuple[str, Letter]], accepts: Accepts) -> set[str]:
    """Where a change was let through."""
    return {place for place, letter in changed if accepts(letter)}


def bent_texts(text: str) -> Iterator[str]:
    for content in bent_bytes(text.encode()):
        yield content.decode("latin-1")


def bent_bytes(content: bytes) -> Iterator[bytes]:
    for at in range(len(content)):
        for bit in range(8):
            yield with_bit_flipped(content, at, bit)


def with_bit_flipped(content: bytes, at: int, bit: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]

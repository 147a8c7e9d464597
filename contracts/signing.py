"""Who said it: a DSSE signature (Ed25519) over all of a message, carried in one header.

One suite and no choice. A signature is `siraba-1.<key id>.<64 bytes in base64url>` over
`PAE(application/vnd.siraba-1.<kind>, payload)`; the payload is not sent but built again:

    ce-…:<value exactly as on the wire>     every such header, sorted by name
    content-type:<value>                    where there is one
    subject:<the subject the message lies under>
    sha-256:<hex digest of the body>

each line ended by one line feed. `traceparent` changes at every hop and is left out;
`ce-traceparent`, where it all began, is in.

Events may share one signature: it is then over the statement of a tree of their payloads, as kind
`event-batch`, and each event's text ends in `.<place>.<size>.<path>`, its branch of that tree.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.envelope import SIGNATURE
from contracts.evidence import Branch, grow
from contracts.keyring import (
    Keyring,
    PublicKey,
    decode_base64url,
    encode_base64url,
    key_id,
    owner_of,
)

SUITE: Final = "siraba-1"
#: What a signature is about: one made for an event can never be shown as one for a receipt.
Kind = Literal["event", "request", "receipt", "root", "key", "conformance", "pass", "report"]
_BATCH: Final = "event-batch"
Reason = Literal[
    "unsigned",
    "malformed",
    "unknown_key",
    "foreign_key",
    "bad_signature",
    "key_expired",
    "key_suspect",
]
REASONS: Final = frozenset[str](get_args(Reason))

_SIGNATURE = re.compile(re.escape(SUITE) + r"\.([0-9a-f]{16})\.([A-Za-z0-9_-]{86})(?:\.(.+))?")
# Readers take a name in any case, so any case counts as signed, and lower case alone is let in.
_IS_SIGNED = re.compile(r"ce-|content-type\Z", re.IGNORECASE)
_NAME = re.compile(r"ce-[a-z0-9]+|content-type")
# No space and no control character, so that a line is one attribute whatever it holds.
_VALUES = re.compile(r"[!-~\n]*")


class SignatureRefused(Exception):
    """Nobody we know stands behind this message; the reason is all that is said.

    unsigned        no signature at all
    malformed       no signature of this suite, or attributes that have no one reading
    unknown_key     no such signing key, or not yet at that time
    foreign_key     a known key, of another than the message names as its source
    bad_signature   not this key's signature over this message
    key_expired     the key's time was over
    key_suspect     the key was in doubt by then
    """

    def __init__(self, reason: Reason):
        super().__init__(reason)
        self.reason = reason


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """DSSE's PAE, version 1: what is signed, with both lengths so that nothing can shift."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def signed_payload(headers: Mapping[str, str], body: bytes, *, subject: str) -> bytes:
    """The bytes a signature speaks for, and the evidence chain digests.

    `subject` is where the message lies in its stream, for a request with the sender's code in it.
    Raises `SignatureRefused` (malformed) where two readers could read different attributes.
    """
    names = _signed_names(tuple(headers))
    values = [*(headers[name] for name in names), subject]
    # All at once: in a text without a space or a control character only we can begin a line.
    if not _VALUES.fullmatch(joined := "\n".join(values)) or joined.count("\n") != len(names):
        raise SignatureRefused("malformed")
    lines = [f"{name}:{value}\n" for name, value in zip((*names, "subject"), values, strict=True)]
    return f"{''.join(lines)}sha-256:{sha256(body).hexdigest()}\n".encode()


@lru_cache(maxsize=64)  # few, since a stranger's names may be long
def _signed_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of a message's headers are signed, in order; nearly all messages have the same ones.

    Raises `SignatureRefused` (malformed) for a name that could be read as another.
    """
    signed = sorted(name for name in names if _IS_SIGNED.match(name))
    if not all(_NAME.fullmatch(name) for name in signed):
        raise SignatureRefused("malformed")
    return tuple(signed)


class Signer:
    """Signs with one private key; made once, at the edge. No repr shows the key."""

    def __init__(self, key: Ed25519PrivateKey):
        self._key = key
        self.key_id = key_id(key.public_key().public_bytes_raw())

    def sign(self, payload: bytes, *, kind: Kind) -> str:
        """The signature as text; for a message, the value of `siraba-signature`."""
        return self._sign(payload, kind)

    def sign_events(self, payloads: Sequence[bytes]) -> list[str]:
        """A signature for each, all by one operation: a reader of many checks one as well."""
        if len(payloads) < 2:
            return [self._sign(payload, "event") for payload in payloads]
        statement, branches = grow(payloads)
        shared = self._sign(statement, _BATCH)
        return [f"{shared}.{branch.text}" for branch in branches]

    def _sign(self, payload: bytes, kind: str) -> str:
        signature = self._key.sign(pre_authentication(_payload_type(kind), payload))
        return f"{SUITE}.{self.key_id}.{encode_base64url(signature)}"


def verify(
    signature: str | None,
    payload: bytes,
    *,
    kind: Kind,
    keys: Keyring,
    owner: str | None,
    at: datetime,
) -> PublicKey:
    """The key of `owner` that signed this payload as a message of the moment `at`.

    `at` is the stream's timestamp, aware. Raises `SignatureRefused`.
    """
    signer, raw, branch = _parsed(signature)
    key = keys.get(signer, use="signing")
    if key is None:
        raise SignatureRefused("unknown_key")
    if key.owner != owner:
        raise SignatureRefused("foreign_key")
    if (fault := key.fault(at)) is not None:
        raise SignatureRefused(fault)
    if not _is_signed(payload, raw, branch, kind=kind, key=key):
        raise SignatureRefused("bad_signature")
    return key


def named_key(headers: Mapping[str, str]) -> str:
    """The id of the key that a message says it was signed with; empty where it says none."""
    return signer_named(headers.get(SIGNATURE, ""))


def signer_named(signature: str) -> str:
    """The id of the key that a signature says it is by; empty where it is none."""
    found = _SIGNATURE.fullmatch(signature)
    return found[1] if found else ""


def _is_signed(
    payload: bytes, signature: bytes, branch: Branch | None, *, kind: Kind, key: PublicKey
) -> bool:
    if branch is None:
        return _fits(key, signature, pre_authentication(_payload_type(kind), payload))
    statement = branch.statement(payload) if kind == "event" else None
    if statement is None:
        return False
    return _fits_again(key, signature, pre_authentication(_payload_type(_BATCH), statement))


def _fits(key: PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verifier.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


# The events of a batch come together, so a few hundred answers are enough.
_fits_again = lru_cache(maxsize=512)(_fits)


def verify_message(
    headers: Mapping[str, str],
    body: bytes,
    *,
    subject: str,
    kind: Kind,
    keys: Keyring,
    at: datetime,
) -> bytes:
    """Check that the source a message names has signed it; its payload, for the chain.

    That this source may send such a message on this subject is for the reader to check after.
    Raises `SignatureRefused`.
    """
    payload = signed_payload(headers, body, subject=subject)
    owner = owner_of(headers.get("ce-source", ""))
    verify(headers.get(SIGNATURE), payload, kind=kind, keys=keys, owner=owner, at=at)
    return payload


def _parsed(signature: str | None) -> tuple[str, bytes, Branch | None]:
    """Key id, raw signature and branch; the text is the only one that stands for them."""
    if not signature:
        raise SignatureRefused("unsigned")
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        raise SignatureRefused("malformed")
    try:
        branch = None if found[3] is None else Branch.read(found[3])
        return found[1], decode_base64url(found[2]), branch
    except ValueError:
        raise SignatureRefused("malformed") from None


def _payload_type(kind: str) -> str:
    return f"application/vnd.{SUITE}.{kind}"

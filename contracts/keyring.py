"""Whose public key is whose, and when: a message is judged at its own time, never at now."""

import base64
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Final, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from contracts.times import Moment
from contracts.topology import SERVICES, organisation_code

KEY_BYTES: Final = 32
#: Of curve 25519: a coordinate has one spelling below it.
FIELD_PRIME: Final = 2**255 - 19
_SOURCE = re.compile(r"/(siraba|partners)/([^/]+)")

Use = Literal["signing", "sealing"]
Fault = Literal["unknown_key", "key_expired", "key_suspect"]


class KeyringRefused(Exception):
    """Keys that contradict each other or what was known before; names key ids and rules only."""


def encode_base64url(raw: bytes) -> str:
    """Base64url without padding, as keys and signatures are written everywhere."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_base64url(text: str) -> bytes:
    """The bytes of the one text that stands for them; ValueError for any other spelling."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise ValueError("not base64url") from None
    if encode_base64url(raw) != text:
        raise ValueError("not the canonical base64url")
    return raw


def key_id(raw: bytes) -> str:
    """How messages name a key: 16 hex digits of SHA-256 over the raw public key."""
    return sha256(raw).hexdigest()[:16]


def owner_of(source: str) -> str | None:
    """Whose keys speak for this `ce-source`: a service, an organisation, or nobody (None)."""
    found = _SOURCE.fullmatch(source)
    if found is None or (found[1] == "siraba") != (found[2] in SERVICES):
        return None
    return found[2]


def generate_signing_key(entropy: bytes) -> Ed25519PrivateKey:
    """An Ed25519 key from 32 random bytes that the edge brings."""
    return Ed25519PrivateKey.from_private_bytes(entropy)


def generate_sealing_key(entropy: bytes) -> X25519PrivateKey:
    """An X25519 key from 32 random bytes that the edge brings."""
    return X25519PrivateKey.from_private_bytes(entropy)


def write_private_key(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    """PEM PKCS8, the form of `signing.key` and `sealing.key`; for a file of mode 0600."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read_signing_key(pem: bytes) -> Ed25519PrivateKey:
    """The key that `write_private_key` wrote; ValueError when it is no Ed25519 key."""
    key = _read_private_key(pem)
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise ValueError("not an Ed25519 private key")


def read_sealing_key(pem: bytes) -> X25519PrivateKey:
    """The key that `write_private_key` wrote; ValueError when it is no X25519 key."""
    key = _read_private_key(pem)
    if isinstance(key, X25519PrivateKey):
        return key
    raise ValueError("not an X25519 private key")


def _read_private_key(pem: bytes) -> object:
    try:
        return load_pem_private_key(pem, password=None)
    except (TypeError, UnsupportedAlgorithm):
        raise ValueError("a private key under a password, or of an unknown kind") from None


def _owner(owner: str) -> str:
    return owner if owner in SERVICES else organisation_code(owner)


def _raw_key(text: str) -> str:
    if len(decode_base64url(text)) != KEY_BYTES:
        raise ValueError("must hold 32 bytes")
    return text


class PublicKey(BaseModel):
    """One public key and its life; the form in files and in the directory's events.

    `key` is the raw key in base64url. Its id is worked out, so that none can be claimed. From
    `suspect_from` on somebody else may have signed with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    owner: Annotated[str, AfterValidator(_owner)]
    use: Use
    key: Annotated[str, AfterValidator(_raw_key)]
    valid_from: Moment
    valid_until: Moment | None = None
    suspect_from: Moment | None = None

    @model_validator(mode="after")
    def _is_one_owners(self) -> Self:
        """With a point of small order everybody agrees, and signatures fit anything."""
        point = self.raw if self.use == "sealing" else _montgomery(self.raw)
        generate_sealing_key(b"\x01" * KEY_BYTES).exchange(X25519PublicKey.from_public_bytes(point))
        return self

    @cached_property
    def raw(self) -> bytes:
        """The 32 bytes."""
        return decode_base64url(self.key)

    @cached_property
    def id(self) -> str:
        """As messages name it."""
        return key_id(self.raw)

    @cached_property
    def verifier(self) -> Ed25519PublicKey:
        """What checks signatures; only for keys with this use."""
        return Ed25519PublicKey.from_public_bytes(self.raw)

    @cached_property
    def sealer(self) -> X25519PublicKey:
        """What content is sealed to; only for keys with this use."""
        return X25519PublicKey.from_public_bytes(self.raw)

    def fault(self, at: datetime) -> Fault | None:
        """Why a message of this moment may not rest on this key; None when it may."""
        if at < self.valid_from:
            return "unknown_key"
        if self.suspect_from is not None and at >= self.suspect_from:
            return "key_suspect"
        if self.valid_until is not None and at >= self.valid_until:
            return "key_expired"
        return None

    def counts(self, at: datetime) -> bool:
        """Whether it is good at this moment, and until further notice."""
        return self.fault(at) is None and self.valid_until is None

    def ended_as(self, known: "PublicKey") -> "PublicKey":
        """The same with the earlier of both ends."""
        ends = {
            "valid_until": _earlier(self.valid_until, known.valid_until),
            "suspect_from": _earlier(self.suspect_from, known.suspect_from),
        }
        return self.model_copy(update=ends)

    def narrows(self, known: "PublicKey") -> bool:
        """Whether this says the same of the key or ends it earlier, as news about it may."""
        return (
            (self.owner, self.use, self.valid_from) == (known.owner, known.use, known.valid_from)
            and _no_later(self.valid_until, known.valid_until)
            and _no_later(self.suspect_from, known.suspect_from)
        )


class KeyFile(BaseModel):
    """Keys as a file holds them."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    keys: tuple[PublicKey, ...]


class Keyring:
    """All keys that were ever known, by id. Never changed: news makes a new one."""

    def __init__(self, keys: Iterable[PublicKey] = ()):
        """Raises `KeyringRefused` when two of them have one id and one does not narrow the other."""
        self._keys: dict[str, PublicKey] = {}
        for key in keys:
            known = self._keys.get(key.id, key)
            if key.key != known.key or not key.narrows(known):
                raise KeyringRefused(f"{key.id}: a known key keeps owner, use and start, or ends")
            self._keys[key.id] = key

    @classmethod
    def read(cls, text: str | bytes) -> "Keyring":
        """From a file's JSON, `{"keys": […]}`. Raises pydantic's ValidationError, `KeyringRefused`."""
        return cls(KeyFile.model_validate_json(text).keys)

    def write(self) -> str:
        """As `read` takes it."""
        return KeyFile(keys=self.keys).model_dump_json(indent=2)

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """All of them, in the order in which they became known."""
        return tuple(self._keys.values())

    def with_news(self, keys: Iterable[PublicKey]) -> "Keyring":
        """New keys, and known ones that end earlier. Raises `KeyringRefused` for what widens one."""
        return Keyring((*self._keys.values(), *keys))

    def with_word_of(self, signer: str, keys: Iterable[PublicKey]) -> "Keyring":
        """What a message brings that the signing key with this id has signed, late or twice as well.

        An end only ever moves to an earlier time. A key comes in on the word of a signer that is
        beyond doubt, after this news too: a thief would bring one of his own.
        Raises `KeyringRefused` for another owner, use or start of a known key.
        """
        told = [key.ended_as(self._keys.get(key.id, key)) for key in keys]
        ended = self.with_news(key for key in told if key.id in self._keys)
        by = ended.get(signer, use="signing")
        return ended if by is None or by.suspect_from is not None else ended.with_news(told)

    def get(self, id: str, *, use: Use) -> PublicKey | None:
        """The key of this id, for this use only."""
        key = self._keys.get(id)
        return key if key is not None and key.use == use else None

    def owned(self, owner: str, *, use: Use) -> tuple[PublicKey, ...]:
        """Every key of this owner, good or not."""
        return tuple(k for k in self._keys.values() if (k.owner, k.use) == (owner, use))

    def current(self, owner: str, *, use: Use, at: datetime) -> tuple[PublicKey, ...]:
        """The owner's good keys of that moment, the newest first: several while they rotate."""
        good = [key for key in self.owned(owner, use=use) if key.fault(at) is None]
        return tuple(sorted(good, key=lambda key: (key.valid_from, key.id), reverse=True))


def _montgomery(edwards: bytes) -> bytes:
    """The same point as X25519 writes it (RFC 7748 §4.1), for the library to try."""
    y = int.from_bytes(edwards, "little") & ((1 << 255) - 1)
    u = (1 + y) * pow(1 - y, -1, FIELD_PRIME) % FIELD_PRIME
    return u.to_bytes(KEY_BYTES, "little")


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((end for end in (one, other) if end is not None), default=None)


def _no_later(new: datetime | None, known: datetime | None) -> bool:
    return known is None or (new is not None and new <= known)

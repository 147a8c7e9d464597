"""Whose key signed, and whether it might at that time: Ed25519 in a DSSE envelope, one suite."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partners.verify.strict import Unreadable, items, members, parsed, signed_moment, text
from partners.verify.trees import root_above

SUITE = "siraba-1"
_SIGNATURE = re.compile(re.escape(SUITE) + r"\.([0-9a-f]{16})\.([A-Za-z0-9_-]{86})(?:\.(.+))?")
#: Where an event shares its signature: its place among how many, and the hashes beside its way up.
_BRANCH = re.compile(r"(0|[1-9]\d{0,3})\.([1-9]\d{0,3})\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, slots=True)
class Key:
    """One public key and its life."""

    owner: str
    verifier: Ed25519PublicKey
    valid_from: datetime
    valid_until: datetime | None
    suspect_from: datetime | None

    def fault(self, at: datetime) -> str | None:
        """Why nothing of that moment may rest on this key; None when it may."""
        if at < self.valid_from:
            return "the key was not valid yet"
        if self.suspect_from is not None and at >= self.suspect_from:
            return "the key was in doubt by then"
        if self.valid_until is not None and at >= self.valid_until:
            return "the key's time was over"
        return None


@dataclass(frozen=True, slots=True)
class Keys:
    """All signing keys, by id."""

    by_id: dict[str, Key]

    def fault(
        self, signature: str, payload: bytes, *, kind: str, owner: str, at: datetime
    ) -> str | None:
        """Why this is not `owner`'s signature of that moment; None when it is."""
        found = _SIGNATURE.fullmatch(signature)
        raw = _decoded(found[2]) if found else None
        if found is None or raw is None:
            return "unsigned" if not signature else "the signature is malformed"
        key = self.by_id.get(found[1])
        if key is None:
            return "signed with an unknown key"
        if key.owner != owner:
            return "signed with another's key"
        if (fault := key.fault(at)) is not None:
            return fault
        signed = _envelope(kind, payload) if found[3] is None else _shared(found[3], payload, kind)
        try:
            key.verifier.verify(raw, signed)
        except InvalidSignature:
            return "changed after it was signed"
        return None


def read_keys(content: bytes) -> Keys:
    """The keys in a file, `{"keys": [{owner, use, key, valid_from, …}]}`. Raises `Unreadable`."""
    found = items(parsed(content, "the keys").get("keys"), "keys")
    keys = [members(one, "a key") for one in found]
    return Keys(dict(_key(one) for one in keys if one.get("use") == "signing"))


def _key(one: dict[str, Any]) -> tuple[str, Key]:
    raw = _decoded(text(one.get("key"), "key"))
    if raw is None or len(raw) != 32:
        raise Unreadable("key: must be 32 bytes in base64url")
    return sha256(raw).hexdigest()[:16], Key(
        owner=text(one.get("owner"), "owner"),
        verifier=Ed25519PublicKey.from_public_bytes(raw),
        valid_from=_moment(one.get("valid_from")),
        valid_until=_moment(one["valid_until"]) if one.get("valid_until") else None,
        suspect_from=_moment(one["suspect_from"]) if one.get("suspect_from") else None,
    )


def _moment(value: Any) -> datetime:
    return datetime.fromisoformat(signed_moment(value, "a time of a key"))


def _shared(branch: str, payload: bytes, kind: str) -> bytes:
    """What was signed for all events of a tree; nothing that anybody signs for a wrong branch."""
    found = _BRANCH.fullmatch(branch)
    raw = _decoded(found[3]) if found else None
    if found is None or not raw or len(raw) % 32 or kind != "event":
        return b""
    path = [raw[at : at + 32] for at in range(0, len(raw), 32)]
    root = root_above(payload, path, place=int(found[1]), size=int(found[2]))
    statement = f"size:{found[2]}\nroot:{root.hex()}\n" if root else ""
    return _envelope("event-batch", statement.encode())


def _envelope(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding, version 1."""
    name = f"application/vnd.{SUITE}.{kind}".encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def _decoded(encoded: str) -> bytes | None:
    try:
        raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return None
    return raw if urlsafe_b64encode(raw).rstrip(b"=").decode() == encoded else None

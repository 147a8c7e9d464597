"""What only its recipient can read: JWE general JSON in one fixed suite, and bound to its place.

    protected   alg ECDH-ES+A256KW, enc A256GCM, cty json, siraba siraba-1 and the place:
                message (ce-id), to (owner of the keys), case (ce-subject), sections
    recipients  kid (key id) and epk (X25519) each; one per key, several while keys rotate
    plaintext   content, 0x80, then zeros to a multiple of 4 KiB: its length says little

Any other member is refused, so that there is nothing to negotiate. JWE does not say who sealed:
the signature over the whole message does.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc.errors import JoseError
from joserfc.jwe import GeneralJSONEncryption, JWERegistry, decrypt_json, encrypt_json
from joserfc.jwk import OKPKey
from joserfc.registry import HeaderParameter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.keyring import FIELD_PRIME, PublicKey, decode_base64url

BLOCK_BYTES: Final = 4096
MAX_BYTES: Final = 128 * BLOCK_BYTES
MAX_RECIPIENTS: Final = 4
_SUITE: Final = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "cty": "json", "siraba": "siraba-1"}
_PLACE: Final = {
    "siraba": "str",
    "message": "str",
    "to": "str",
    "case": "str",
    "sections": "list[str]",
}
Reason = Literal[
    "malformed", "wrong_suite", "wrong_place", "wrong_key", "undecryptable", "too_large"
]


class SealingRefused(Exception):
    """A sealed part that cannot be made or opened; the reason is all that is said.

    malformed       not the one way to write it
    wrong_suite     another algorithm, or a header we do not take
    wrong_place     sealed for another message, recipient, case or list of sections
    wrong_key       none of our keys is named
    undecryptable   changed, or not sealed to the key that it names
    too_large       more content, or more recipients, than we take
    """

    def __init__(self, reason: Reason):
        super().__init__(reason)
        self.reason = reason


class Place(NamedTuple):
    """Where a sealed part belongs; it opens nowhere else. `recipient` owns the keys sealed to."""

    message_id: str
    recipient: str
    case: str
    sections: tuple[str, ...]


def _base64url(length: int) -> Any:
    return Field(pattern=rf"^[A-Za-z0-9_-]{{{length}}}$")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EphemeralKey(_Part):
    """The sender's half of one key agreement."""

    kty: Literal["OKP"]
    crv: Literal["X25519"]
    x: Annotated[str, _base64url(43)]


class RecipientHeader(_Part):
    """Which key, and the agreement with it."""

    kid: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    epk: EphemeralKey


class Recipient(_Part):
    """The content key, wrapped for one key."""

    header: RecipientHeader
    encrypted_key: Annotated[str, _base64url(54)]


class Sealed(_Part):
    """The `sealed` part of a body (RFC 7516 §7.2.1), with the members of our suite only."""

    protected: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=1024)]
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    iv: Annotated[str, _base64url(16)]
    ciphertext: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=-(-MAX_BYTES * 4 // 3))
    ]
    tag: Annotated[str, _base64url(22)]

    @classmethod
    def read(cls, text: bytes) -> "Sealed":
        """From JSON of its own. Raises `SealingRefused`, also for a member that comes twice."""
        try:
            return cls.model_validate(json.loads(text.decode(), object_pairs_hook=_once))
        except (ValidationError, ValueError, RecursionError):
            raise SealingRefused("malformed") from None


class Seal(Protocol):
    """What `seal` is, for whoever takes it as an argument."""

    def __call__(self, content: bytes, place: Place, *, keys: Sequence[PublicKey]) -> Sealed: ...


def seal(content: bytes, place: Place, *, keys: Sequence[PublicKey]) -> Sealed:
    """Seal to these keys of one recipient. Raises `SealingRefused` (too_large, wrong_key).

    Content key, nonce and ephemeral keys come from the system inside the library and from no
    argument: the same nonce twice would open both.
    """
    padded = _pad(content)
    if not 0 < len(keys) <= MAX_RECIPIENTS or len(padded) > MAX_BYTES:
        raise SealingRefused("too_large")
    is_theirs = all((key.use, key.owner) == ("sealing", place.recipient) for key in keys)
    if not is_theirs or len({key.id for key in keys}) < len(keys):
        raise SealingRefused("wrong_key")
    jwe = GeneralJSONEncryption(_header(place), padded)
    for key in keys:
        jwe.add_recipient({"kid": key.id}, OKPKey.import_key(key.sealer))
    try:
        return Sealed.model_validate(encrypt_json(jwe, None, registry=_registry()))
    except ValidationError:  # the one thing that can be wrong: a place too long for the header
        raise SealingRefused("too_large") from None


def open_sealed(sealed: Sealed, place: Place, *, keys: Mapping[str, X25519PrivateKey]) -> bytes:
    """The content, with the one of our private keys (by key id) it is sealed to.

    `place` is what the message around it says of itself. Raises `SealingRefused`.
    """
    _check_header(sealed.protected, place)
    mine = [recipient for recipient in sealed.recipients if recipient.header.kid in keys]
    if len({recipient.header.kid for recipient in sealed.recipients}) < len(sealed.recipients):
        raise SealingRefused("malformed")
    if not mine:
        raise SealingRefused("wrong_key")
    _check_ephemeral(mine[0].header.epk)
    private = OKPKey.import_key(keys[mine[0].header.kid])
    jwe: Any = sealed.model_dump(exclude={"recipients"}) | {"recipients": [mine[0].model_dump()]}
    try:
        opened = decrypt_json(jwe, private, registry=_registry())
    except (JoseError, ValueError):
        raise SealingRefused("undecryptable") from None
    return _unpad(opened.plaintext or b"")


def _registry() -> JWERegistry:
    registry = JWERegistry(
        {name: HeaderParameter(name, kind, required=True) for name, kind in _PLACE.items()},
        algorithms=[_SUITE["alg"], _SUITE["enc"]],
        verify_all_recipients=False,
        max_recipients=MAX_RECIPIENTS,
    )
    registry.max_ciphertext_length = 2 * MAX_BYTES
    return registry


def _header(place: Place) -> dict[str, Any]:
    return _SUITE | {
        "message": place.message_id,
        "to": place.recipient,
        "case": place.case,
        "sections": list(place.sections),
    }


def _check_header(encoded: str, place: Place) -> None:
    try:
        raw = decode_base64url(encoded)
        header = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise SealingRefused("malformed") from None
    expected = _header(place)
    if not isinstance(header, dict) or header.keys() != expected.keys():
        raise SealingRefused("wrong_suite")
    if any(header[name] != value for name, value in _SUITE.items()):
        raise SealingRefused("wrong_suite")
    if header != expected:
        raise SealingRefused("wrong_place")
    # joserfc authenticates what it writes again, not what came: both must be the same bytes.
    if json.dumps(header, separators=(",", ":")).encode() != raw:
        raise SealingRefused("malformed")


def _check_ephemeral(key: EphemeralKey) -> None:
    """X25519 takes several spellings of one point; only one is let in."""
    try:
        raw = decode_base64url(key.x)
    except ValueError:
        raise SealingRefused("malformed") from None
    if int.from_bytes(raw, "little") >= FIELD_PRIME:
        raise SealingRefused("malformed")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member comes twice")
    return members


def _pad(content: bytes) -> bytes:
    """ISO 7816-4: there is one way to take it off, whatever the content ends with."""
    return content + b"\x80" + b"\0" * (-(len(content) + 1) % BLOCK_BYTES)


def _unpad(padded: bytes) -> bytes:
    content = padded.rstrip(b"\0")[:-1]
    if _pad(content) != padded:
        raise SealingRefused("malformed")
    return content

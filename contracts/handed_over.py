"""What an organisation hands over of its keys, `public.json`: its form, and that nothing in it is private."""

import base64
import binascii
import re
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from contracts.countersigning import is_proven
from contracts.keyring import PublicKey, Use
from contracts.signing import signer_named
from contracts.topology import organisation_code

USES: Final[tuple[Use, ...]] = ("signing", "sealing")
#: Where the officers' words are in it, by use.
WORDS: Final = "countersignatures"
SECOND_WORDS: Final = "second_countersignatures"
#: More than any such file has.
MOST_BYTES: Final = 16_384

_PUBLIC_USER_KEY = re.compile(r"U[A-Z2-7]{55}")
# A PEM of any kind, an nkey's seed, the private part of a JWK.
_PRIVATE = re.compile(rb'PRIVATE KEY|\bS[A-Z2-7]{57}\b|"d"\s*:')
_ANY = "2000-01-01T00:00:00Z"


class HandedOverRefused(Exception):
    """The file is not what it should be: it holds something `private`, or is `unreadable`."""

    def __init__(self, reason: Literal["private", "unreadable"]):
        super().__init__(reason)
        self.reason = reason


def checked_public_key(key: str) -> str:
    """The key itself when it is a user's public nkey with a right checksum; ValueError otherwise.

    It is written into the server's configuration, so nothing else may pass.
    """
    if not _PUBLIC_USER_KEY.fullmatch(key):
        raise ValueError("nkey: must be a public user key (U and 55 base32 symbols)")
    raw = base64.b32decode(key)
    if binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]:
        raise ValueError("nkey: wrong checksum")
    return key


def _whole(words: dict[Use, str]) -> dict[Use, str]:
    """One officer speaks for both keys at once."""
    if words.keys() != set(USES) or len({signer_named(word) for word in words.values()}) != 1:
        raise ValueError("must be one officer's word for each key")
    return words


Word = Annotated[str, Field(pattern=r"^siraba-1\.[0-9a-f]{16}\.[A-Za-z0-9_-]{86}$")]
OfficersWords = Annotated[dict[Use, Word], AfterValidator(_whole)]


class HandedOver(BaseModel):
    """A `public.json`: the public halves, the owner's signatures under them, and officers' words."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    code: Annotated[str, AfterValidator(organisation_code)]
    nkey: Annotated[str, AfterValidator(checked_public_key)]
    signing: str
    sealing: str
    proof: Word
    previous: Word | None = None
    countersignatures: OfficersWords | None = None
    second_countersignatures: OfficersWords | None = None

    @model_validator(mode="after")
    def _is_of_two_officers(self) -> Self:
        if len(self.keys) != len(USES) or len(set(self.officers)) != len(self.officers):
            raise ValueError("each word must be another officer's")
        return self

    @classmethod
    def read(cls, content: bytes) -> Self:
        """From a file. Raises `HandedOverRefused`."""
        if _PRIVATE.search(content):
            raise HandedOverRefused("private")
        try:
            return cls.model_validate_json(content)
        except ValidationError:
            raise HandedOverRefused("unreadable") from None

    def write(self) -> str:
        """As `read` takes it, and the partner's kit writes it."""
        return self.model_dump_json(exclude_none=True, indent=2) + "\n"

    @cached_property
    def keys(self) -> tuple[PublicKey, ...]:
        """The one to sign with and the one to seal to; from when they count is for others to say."""
        return tuple(
            PublicKey.model_validate(
                {"owner": self.code, "use": use, "key": getattr(self, use), "valid_from": _ANY}
            )
            for use in USES
        )

    @property
    def said(self) -> dict[str, Any]:
        """As `contracts.countersigning` reads it."""
        return self.model_dump(exclude_none=True)

    @property
    def is_proven(self) -> bool:
        """Whether it is signed with the signing key that it names."""
        return is_proven(self.said, self.proof, by=self.signing)

    @property
    def officers(self) -> tuple[str, ...]:
        """The ids of the keys that vouch, as the words name them; whose they are nobody checks here."""
        both = (self.countersignatures, self.second_countersignatures)
        return tuple(signer_named(words["signing"]) for words in both if words)

    def without_words(self) -> "HandedOver":
        """The same as the organisation made it."""
        return HandedOver.model_validate(
            {name: value for name, value in self.said.items() if name not in (WORDS, SECOND_WORDS)}
        )

"""Keeps what somebody has typed when the session ends meanwhile: sealed, in the page, for that person."""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contracts.callers import Caller
from contracts.keyring import decode_base64url, encode_base64url

#: A day's work, as long as a session can last.
KEPT_FOR: Final = timedelta(hours=10)
_NONCE: Final = 12


class NotKept(Exception):
    """It was not sealed here, not for this person, or too long ago."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Seals with a key of this service alone. secret: its sessions'; entropy: random bytes, so many.

    Nothing is stored: what is kept is in the browser's page, unreadable, and goes with it.
    """

    secret: bytes = field(repr=False)
    entropy: Callable[[int], bytes]

    def mark(self, who: Caller) -> str:
        """What a form carries, so that it is known whose it was when the session is over."""
        return self._sealed("whose", _person(who))

    def whose(self, who: Caller) -> str:
        """The same for this person each time, and saying nothing to anybody else."""
        text = json.dumps(_person(who), sort_keys=True).encode()
        return hmac.digest(self.secret, b"without a line:" + text, "sha256").hex()[:32]

    def require(self, mark: str, who: Caller) -> None:
        """Raises NotKept for a mark that is not this person's."""
        if self._opened("whose", mark) != _person(who):
            raise NotKept

    def keep(self, mark: str, typed: Mapping[str, Any], *, now: datetime) -> str:
        """Sealed for whoever the mark names. Raises NotKept without a mark of ours."""
        whose = self._opened("whose", mark)
        return self._sealed("kept", {"whose": whose, "at": now.timestamp(), "typed": dict(typed)})

    def give_back(self, kept: str, who: Caller, *, now: datetime) -> dict[str, Any]:
        """What this very person had typed. Raises NotKept."""
        held = self._opened("kept", kept)
        age = now - datetime.fromtimestamp(held["at"], tz=UTC)
        if held["whose"] != _person(who) or age >= KEPT_FOR:
            raise NotKept
        return dict(held["typed"])

    def _sealed(self, purpose: str, said: Mapping[str, Any]) -> str:
        nonce = self.entropy(_NONCE)
        text = json.dumps(said).encode()
        return encode_base64url(nonce + self._cipher().encrypt(nonce, text, purpose.encode()))

    def _opened(self, purpose: str, sealed: str) -> dict[str, Any]:
        try:
            raw = decode_base64url(sealed)
            text = self._cipher().decrypt(raw[:_NONCE], raw[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            raise NotKept from None
        return dict(json.loads(text))

    def _cipher(self) -> AESGCM:
        return AESGCM(hmac.digest(self.secret, b"kept form", "sha256"))


def _person(who: Caller) -> dict[str, str | None]:
    return {"organisation": who.organisation, "person": who.person}

"""Makes a message of what came: verified, typed, opened; or says why it cannot be read."""

from pathlib import Path
from typing import NamedTuple

from contracts.catalogue import FEED, read_message
from contracts.envelope import SIGNATURE, Envelope, Rejected
from contracts.event import Message
from contracts.feed import DossierDisclosed, KeysPublished
from contracts.keyring import KeyringRefused
from contracts.referral import SOURCE as DIRECTORY
from contracts.signing import SignatureRefused, named_key, verify_message
from contracts.topology import out_subject
from partners.kit.dossiers import Dossier, open_dossier
from partners.kit.keys import Keys, PlatformKeys
from partners.kit.raw import Raw

# Longer together than the platform waits before it sends again what was never acknowledged.
KEY_TRIES, KEY_SECONDS = 10, 5.0


class Unproven(Rejected):
    """Nobody we believe has said this, so what it says of itself counts for nothing either."""


class Read(NamedTuple):
    """A message of the own feed that one of the platform's services has signed."""

    envelope: Envelope
    message: Message
    dossier: Dossier | None


class Reader:
    """Reads with one organisation's keys, and believes the platform's as its folder knows them."""

    def __init__(self, keys: Keys, folder: Path):
        self._keys = keys
        self._platform = PlatformKeys(folder)

    def read(self, raw: Raw) -> Read:
        """What it says. New keys of the platform are on disk when this returns. Raises `Rejected`, `Unproven`."""
        self._check_signature(raw)
        envelope, message = read_message(raw.headers, raw.body, types=FEED)
        if raw.subject != out_subject(self._keys.code, message.name, message.version):
            raise Rejected("wrong_subject", field="subject")
        if not envelope.source.startswith("/siraba/"):
            raise Rejected("wrong_source", field="ce-source")
        dossier = self._opened(envelope, message)
        self._learn(raw, envelope, message)
        return Read(envelope, message, dossier)

    def may_be_new(self, raw: Raw) -> bool:
        """Whether one of our platform's services may have a key that we shall still hear of."""
        source = raw.headers.get("ce-source", "")
        return source.startswith("/siraba/") and raw.tries < KEY_TRIES

    def _check_signature(self, raw: Raw) -> None:
        """What no service of the platform has signed is not read."""
        try:
            verify_message(
                raw.headers,
                raw.body,
                subject=raw.subject,
                kind="event",
                keys=self._platform.ring(),
                at=raw.recorded_at,
            )
        except SignatureRefused as refused:
            raise Unproven(refused.reason, field=SIGNATURE) from None

    def _opened(self, envelope: Envelope, message: Message) -> Dossier | None:
        if not isinstance(message, DossierDisclosed):
            return None
        return open_dossier(message, envelope, keys=self._keys)

    def _learn(self, raw: Raw, envelope: Envelope, message: Message) -> None:
        """The platform's new keys, on the word of the one service that publishes them."""
        if not isinstance(message, KeysPublished):
            return
        if envelope.source != DIRECTORY:
            raise Rejected("wrong_source", field="ce-source")
        try:
            self._platform.learn(message.keys, signer=named_key(raw.headers))
        except KeyringRefused:
            raise Rejected("wrong_schema", field="keys") from None

"""The keys that browsers without a line seal to: one every six hours, whose private half dies soon."""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.errors import JoseError
from joserfc.jwe import decrypt_compact
from joserfc.jwk import ECKey

from chassis.secrets import SecretUnusable, destroy_secret, make_secret, read_private
from chassis.telemetry.logs import fault
from contracts.keyring import decode_base64url

FOLDER: Final = "leases"
#: How long at most a device without contact holds what can still be read by anybody.
LIFE: Final = timedelta(hours=72)
_HOURS: Final = 6
#: More than the order of the curve has, so that the rest of a division is as good as drawn.
_DRAWN_BYTES: Final = 48
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SUITE: Final = ["ECDH-ES", "A256GCM"]
_NAME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}")
_LOOK_SECONDS: Final = 60.0
log = logging.getLogger("siraba.vault")


class LeaseOver(Exception):
    """The key that this was sealed to is past its life: nobody can read it any more."""


class NotSealed(Exception):
    """Not what one of our pages sealed, or changed since."""


class Lease(NamedTuple):
    """What a browser seals to until `ends_at`. key: a public JWK on P-256, which every browser has."""

    name: str
    key: dict[str, str]
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class LeaseKeys:
    """`<folder>/<day>T<hour>.key`, PKCS #8 in PEM; a file and nowhere else, as no backup may hold it.

    entropy: n random bytes.
    """

    folder: Path
    entropy: Callable[[int], bytes] = field(repr=False)

    def lease(self, at: datetime) -> Lease:
        """The key of these six hours, made when it is first asked for. Raises `SecretUnusable`."""
        at = at.astimezone(UTC)
        name = f"{at.replace(hour=at.hour - at.hour % _HOURS):%Y-%m-%dT%H}"
        if not (self.folder / f"{name}.key").exists():
            make_secret(self.folder / f"{name}.key", self._drawn())
        public = self._key(name).as_dict(private=False)
        key = {part: str(public[part]) for part in ("kty", "crv", "x", "y")}
        return Lease(name, key, _end_of(name))

    def open_lease(self, sealed: str, *, at: datetime) -> bytes:
        """What was sealed, with the spaces that hide its length. Raises `LeaseOver`, `NotSealed`."""
        name = _name_in(sealed)
        if at >= _end_of(name) or not (self.folder / f"{name}.key").exists():
            raise LeaseOver
        try:
            return decrypt_compact(sealed, self._key(name), algorithms=_SUITE).plaintext or b""
        except (JoseError, ValueError):
            raise NotSealed from None

    def renew(self, at: datetime) -> int:
        """Destroy the keys past their life; how many these were."""
        over = [name for name in self._names() if at >= _end_of(name)]
        for name in over:
            destroy_secret(self.folder / f"{name}.key")
        return len(over)

    async def keep_renewed(self, clock: Callable[[], datetime]) -> None:
        """Look every minute, for as long as the service runs; a failure is tried again."""
        while True:
            try:
                if count := self.renew(clock()):
                    log.info("leases.destroyed", extra={"count": count})
            except (OSError, SecretUnusable) as error:
                log.error("leases.failed", extra=fault(error))
            await asyncio.sleep(_LOOK_SECONDS)

    def _drawn(self) -> bytes:
        number = int.from_bytes(self.entropy(_DRAWN_BYTES)) % (_ORDER - 1) + 1
        key = ec.derive_private_key(number, ec.SECP256R1())
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def _key(self, name: str) -> ECKey:
        return ECKey.import_key(read_private(self.folder, f"{name}.key"))

    def _names(self) -> Iterator[str]:
        yield from (file.stem for file in self.folder.glob("*.key") if _NAME.fullmatch(file.stem))


def _name_in(sealed: str) -> str:
    """Of the key that the header names, which no file outside the folder has. Raises `NotSealed`."""
    try:
        name = json.loads(decode_base64url(sealed.partition(".")[0]))["kid"]
        if _NAME.fullmatch(name):
            _end_of(name)
            return str(name)
    except (ValueError, KeyError, TypeError):
        pass
    raise NotSealed


def _end_of(name: str) -> datetime:
    """Raises ValueError for a day that is none."""
    return datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=UTC) + LIFE

"""The keys partners seal to: one a month, whose private half dies 100 days after its month."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from chassis.secrets import SecretUnusable, destroy_secret, make_secret, read_private
from chassis.telemetry.logs import fault
from contracts.keyring import (
    KEY_BYTES,
    PublicKey,
    encode_base64url,
    generate_sealing_key,
    key_id,
    read_sealing_key,
    write_private_key,
)
from contracts.sealing import Place, Sealed, open_sealed

FOLDER: Final = "months"
OWNER: Final = "intake"
LIFE_AFTER_MONTH: Final = timedelta(days=100)
_LOOK_SECONDS: Final = 3600.0
_PRIVATE: Final = re.compile(r"([0-9]{4}-[0-9]{2})\.key")


log = logging.getLogger("siraba.vault")


class Renewed(NamedTuple):
    """The months whose keys were made, and those whose private halves were destroyed."""

    made: tuple[str, ...]
    destroyed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonthlyKeys:
    """`<folder>/<year>-<month>.key` and `.json`, the private and the public half.

    The private half is a file and nowhere else, least of all in the database: a backup must not
    outlive it. The public half stays for ever. entropy: n random bytes.
    """

    folder: Path
    entropy: Callable[[int], bytes] = field(repr=False)

    def renew(self, at: datetime) -> Renewed:
        """Have the keys of this month and the next, and no private half past its time."""
        months = (_month(at), _next(_month(at)))
        made = tuple(_name(month) for month in months if self._make(month))
        over = tuple(name for name in self._private_months() if at >= _end_of_life(name))
        for name in over:
            destroy_secret(self.folder / f"{name}.key")
        return Renewed(made, over)

    async def keep_renewed(self, clock: Callable[[], datetime]) -> None:
        """Renew now and every hour, for as long as the service runs; a failure is tried again."""
        while True:
            try:
                renewed = self.renew(clock())
            except (OSError, SecretUnusable, ValueError) as error:
                log.error("months.failed", extra=fault(error))
            else:
                for event, months in (("made", renewed.made), ("destroyed", renewed.destroyed)):
                    if months:
                        log.info(f"months.{event}", extra={"count": len(months)})
            await asyncio.sleep(_LOOK_SECONDS)

    def public_keys(self) -> tuple[PublicKey, ...]:
        """Every month's, for partners and for later checks; the oldest first."""
        files = sorted(self.folder.glob("*.json"))
        return tuple(PublicKey.model_validate_json(file.read_bytes()) for file in files)

    def open_inbound(self, sealed: Sealed, place: Place, *, at: datetime) -> bytes:
        """What a partner sealed to us. Raises `SealingRefused`, also when its key is past its life.

        at: when the message was stored. A key also opens before and after its own month, for
        senders whose clock is wrong or who were without a line.
        """
        names = [name for name in self._private_months() if at < _end_of_life(name)]
        keys = [self._private(name) for name in names]
        return open_sealed(sealed, place, keys={key_id(_raw(key)): key for key in keys})

    def _make(self, month: datetime) -> bool:
        """The private half first: a public half without it would take what nobody can open."""
        name = _name(month)
        public_file = self.folder / f"{name}.json"
        if public_file.exists():
            return False
        new = write_private_key(generate_sealing_key(self.entropy(KEY_BYTES)))
        make_secret(self.folder / f"{name}.key", new)
        # Another process may have been first: the public half is that of the key which lies there.
        public = _public(self._private(name), month)
        return make_secret(public_file, public.model_dump_json().encode())

    def _private(self, name: str) -> X25519PrivateKey:
        return read_sealing_key(read_private(self.folder, f"{name}.key"))

    def _private_months(self) -> list[str]:
        found = (_PRIVATE.fullmatch(file.name) for file in self.folder.glob("*.key"))
        return sorted(one[1] for one in found if one)


def _public(key: X25519PrivateKey, month: datetime) -> PublicKey:
    return PublicKey(
        owner=OWNER,
        use="sealing",
        key=encode_base64url(_raw(key)),
        valid_from=month,
        valid_until=_next(month),
    )


def _raw(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def _month(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _next(month: datetime) -> datetime:
    return _month(month + timedelta(days=31))


def _name(month: datetime) -> str:
    return f"{month:%Y-%m}"


def _end_of_life(name: str) -> datetime:
    month = datetime.strptime(name, "%Y-%m").replace(tzinfo=UTC)
    return _next(month) + LIFE_AFTER_MONTH

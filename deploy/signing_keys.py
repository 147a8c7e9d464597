"""The keys our services sign with: made on first use, exchanged on demand, public halves in one file."""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.trust import PLATFORM_KEYS, signing_file
from contracts.keyring import (
    KEY_BYTES,
    Keyring,
    PublicKey,
    encode_base64url,
    generate_signing_key,
    write_private_key,
)
from contracts.topology import SERVICES
from deploy.key_rotation import monthly_keys
from deploy.state import State, write_secret

#: The clocks of the broker and of this machine may differ by so much.
MARGIN = timedelta(minutes=10)
#: How long what was signed with the old key, and not sent yet, still counts.
OVERLAP = timedelta(days=7)


def platform_keys(state: State) -> Keyring:
    """Every public key our services ever signed with; empty before the first use."""
    path = state.secrets / PLATFORM_KEYS
    return Keyring.read(path.read_bytes()) if path.exists() else Keyring()


@dataclass(frozen=True, slots=True, repr=False)
class NextKey:
    """A key that nobody signs with yet: its private half is in memory only, and in no repr."""

    public: PublicKey
    private: Ed25519PrivateKey


def ensure_signing_keys(state: State, *, now: datetime) -> Keyring:
    """A key for each service that has none yet."""
    keys = platform_keys(state)
    for service in SERVICES:
        if not keys.owned(service, use="signing"):
            keys = take_up(state, make_next(service, now=now), now=now)
    return keys


def make_next(service: str, *, now: datetime) -> NextKey:
    """A new key for one service, good from now on and known to nobody."""
    private = generate_signing_key(os.urandom(KEY_BYTES))
    raw = private.public_key().public_bytes_raw()
    public = PublicKey(
        owner=service, use="signing", key=encode_base64url(raw), valid_from=now - MARGIN
    )
    return NextKey(public, private)


def make_known(state: State, new: NextKey) -> None:
    """Let our own services, and whoever is handed the keys from now on, believe it."""
    _save(state, platform_keys(state).with_news([new.public]))


def take_up(
    state: State, new: NextKey, *, now: datetime, suspect_from: datetime | None = None
) -> Keyring:
    """The service signs with it within a second; its older keys end in a week.

    suspect_from: since when somebody else may have had the older ones, which then end at once.
    """
    end = {"suspect_from": suspect_from} if suspect_from else {"valid_until": now + OVERLAP}
    keys = platform_keys(state)
    ended = [
        key.model_copy(update=end)
        for key in keys.current(new.public.owner, use="signing", at=now)
        if key.id != new.public.id and (suspect_from or key.valid_until is None)
    ]
    pem = write_private_key(new.private).decode()
    # The public halves last, and in one step: a service that sees them finds the private one.
    write_secret(state.secrets / signing_file(new.public.id), pem)
    return _save(state, keys.with_news([*ended, new.public]))


def to_hand_over(state: State) -> Keyring:
    """What every partner gets: whose signatures to believe, and what to seal to."""
    return platform_keys(state).with_news(monthly_keys(state).public_keys())


def hand_over(state: State) -> None:
    """Give that to every organisation whose own folder lies in the state folder."""
    text = to_hand_over(state).write()
    for public in state.partners.glob("*/public.json"):
        write_secret(public.with_name(PLATFORM_KEYS), text)


def _save(state: State, keys: Keyring) -> Keyring:
    write_secret(state.secrets / PLATFORM_KEYS, keys.write())
    return keys

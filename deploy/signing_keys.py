"""The keys our services sign with: made on first use, exchanged on demand, public halves in one file."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta

from chassis.trust import PLATFORM_KEYS, signing_file
from contracts.keyring import (
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


def ensure_signing_keys(state: State, *, now: datetime) -> Keyring:
    """A key for each service that has none yet."""
    keys = platform_keys(state)
    missing = [name for name in SERVICES if not keys.owned(name, use="signing")]
    return _add(state, keys, missing, now=now) if missing else keys


def rotate_signing_key(state: State, service: str, *, now: datetime) -> Keyring:
    """A new key for one service, which it takes up within a second; the old one ends in a week."""
    keys = platform_keys(state)
    ended = [
        key.model_copy(update={"valid_until": now + OVERLAP})
        for key in keys.current(service, use="signing", at=now)
        if key.valid_until is None
    ]
    return _add(state, keys.with_news(ended), [service], now=now)


def to_hand_over(state: State) -> Keyring:
    """What every partner gets: whose signatures to believe, and what to seal to."""
    return platform_keys(state).with_news(monthly_keys(state).public_keys())


def hand_over(state: State) -> None:
    """Give that to every organisation whose own folder lies in the state folder."""
    text = to_hand_over(state).write()
    for public in state.partners.glob("*/public.json"):
        write_secret(public.with_name(PLATFORM_KEYS), text)


def _add(state: State, keys: Keyring, services: Iterable[str], *, now: datetime) -> Keyring:
    new = []
    for service in services:
        private = generate_signing_key(os.urandom(32))
        raw = private.public_key().public_bytes_raw()
        public = PublicKey(
            owner=service, use="signing", key=encode_base64url(raw), valid_from=now - MARGIN
        )
        write_secret(state.secrets / signing_file(public.id), write_private_key(private).decode())
        new.append(public)
    # The public half last, and in one step: a service that sees it finds the private one.
    added = keys.with_news(new)
    write_secret(state.secrets / PLATFORM_KEYS, added.write())
    return added

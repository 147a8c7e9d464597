"""Hands organisations and their public keys to the service that owns the directory."""

import json
import os
import pwd
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from time import time_ns
from typing import Any, Final

from chassis.database import open_engine
from contracts.countersigning import countersign
from contracts.identifiers import Mint
from contracts.keyring import PublicKey, Use, decode_base64url, key_id
from deploy.directory import load_directory
from deploy.officer import WORDS, own_officer
from deploy.signing_keys import MARGIN
from deploy.state import State
from services.referral.store.directory import Author, current
from services.referral.use_cases.changing import add_unknown
from services.referral.use_cases.publishing import take_up_keys

USES: tuple[Use, ...] = ("signing", "sealing")
#: Whoever works at the command line of the platform itself, of no organisation.
PLATFORM: Final = "SIRABA"


async def publish_directory(directory_file: Path, *, state: State, database_url: str) -> list[str]:
    """Take up the organisations that are new in the file, and everybody's keys; whom that changes.

    What the directory knows already is not the file's to change here: `siraba directory apply` is.
    Called by `siraba up` before the services start, and after a partner has been registered.
    """
    mint = own_mint()
    keys = public_keys(state, now=mint.moment())
    engine = open_engine(database_url, schema="referral", pool_size=2)
    try:
        async with engine.begin() as connection:
            await add_unknown(
                connection,
                load_directory(directory_file),
                author=at_the_command_line(),
                why=f"new in {directory_file.name}",
            )
            return await take_up_keys(connection, keys, officers_words(state, keys), mint=mint)
    finally:
        await engine.dispose()


async def witnesses_of(database_url: str) -> tuple[str, ...]:
    """The organisations of the directory that volunteered to keep our daily roots."""
    engine = open_engine(database_url, schema="referral", pool_size=1)
    try:
        async with engine.connect() as connection:
            entries = (await current(connection)).values()
            return tuple(one.entry.code for one in entries if one.entry.witness)
    finally:
        await engine.dispose()


def own_mint() -> Mint:
    """Ids and moments by this machine's clock."""
    return Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes)


def at_the_command_line() -> Author:
    """Whoever runs this, by the name of the account."""
    person = pwd.getpwuid(os.getuid()).pw_name
    return Author(organisation=PLATFORM, role="operator", person=person)


def public_keys(state: State, *, now: datetime) -> list[PublicKey]:
    """The keys in every `public.json` handed over; one that is new is good from now on."""
    return [
        PublicKey(owner=document["code"], use=use, key=document[use], valid_from=now - MARGIN)
        for document in _handed_over(state)
        for use in USES
    ]


def officers_words(state: State, keys: Sequence[PublicKey]) -> dict[str, str]:
    """By a key's id, the officer's word for it: as its file brings it, or given here and now.

    Here only while the officer's private key lies in the state folder.
    """
    brought = {
        key_id(decode_base64url(document[use])): word
        for document in _handed_over(state)
        for use, word in document.get(WORDS, {}).items()
    }
    if officer := own_officer(state):
        return {key.id: countersign(officer, key) for key in keys} | brought
    return brought


def _handed_over(state: State) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((*state.partners.glob("*.json"), *state.partners.glob("*/public.json")))
    ]

"""Hands organisations and their public keys to the service that owns the directory."""

import json
import os
import pwd
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from time import time_ns
from typing import Any, Final

from chassis.database import open_engine
from contracts.countersigning import PREVIOUS, PROOF
from contracts.handed_over import USES
from contracts.identifiers import Mint
from contracts.keyring import PublicKey
from contracts.referral import KeyProof
from deploy.directory import load_directory
from deploy.keys import registered_partners
from deploy.officer import own_officer, words_for
from deploy.signing_keys import MARGIN
from deploy.state import State
from services.referral.store.directory import Author, current
from services.referral.use_cases.changing import add_unknown
from services.referral.use_cases.publishing import Words, take_up_keys

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
            return await take_up_keys(connection, keys, words_of(state, keys), mint=mint)
    finally:
        await engine.dispose()


async def strangers(state: State, database_url: str) -> list[str]:
    """Whoever has keys here and is not in the directory: nobody is ever referred to it."""
    engine = open_engine(database_url, schema="referral", pool_size=1)
    try:
        async with engine.connect() as connection:
            known = await current(connection)
    finally:
        await engine.dispose()
    return [one.code for one in registered_partners(state) if one.code not in known]


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
    """Whoever runs this, by the name of the account; in a container it has a number alone."""
    number = os.getuid()
    try:
        person = pwd.getpwuid(number).pw_name
    except KeyError:
        person = f"uid-{number}"
    return Author(organisation=PLATFORM, role="operator", person=person)


def public_keys(state: State, *, now: datetime) -> list[PublicKey]:
    """The keys in every `public.json` handed over; one that is new is good from now on."""
    return [
        PublicKey(owner=document["code"], use=use, key=document[use], valid_from=now - MARGIN)
        for document in _handed_over(state)
        for use in USES
    ]


def words_of(state: State, keys: Sequence[PublicKey]) -> Words:
    """Why these keys are believed: as their files bring it, and as an officer here says now.

    Here only while the officer's private key lies in the state folder.
    """
    own = own_officer(state)
    files = _handed_over(state)
    holders = {document[use]: document for document in files for use in USES}
    told = {key.id: words_for(holders[key.key], key, own=own) for key in keys}
    return Words(
        first={id: words[0] for id, words in told.items() if words},
        second={id: words[1] for id, words in told.items() if words[1:]},
        proofs=tuple(_proof(document) for document in files if PROOF in document),
    )


def _proof(document: Mapping[str, Any]) -> KeyProof:
    word = document.get(PREVIOUS, document[PROOF])
    return KeyProof.model_validate({**document, "proof": word})


def _handed_over(state: State) -> list[dict[str, Any]]:
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((*state.partners.glob("*.json"), *state.partners.glob("*/public.json")))
    ]

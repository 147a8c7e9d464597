"""Hands the organisations' file and their public keys to the service that owns the directory."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from time import time_ns
from typing import Any

from chassis.database import open_engine
from contracts.countersigning import countersign
from contracts.identifiers import Mint
from contracts.keyring import PublicKey, Use, decode_base64url, key_id
from contracts.referral import OrganisationRegistered, ServiceOffered
from deploy.directory import DirectoryEntry, load_directory
from deploy.officer import WORDS, own_officer
from deploy.signing_keys import MARGIN
from deploy.state import State
from services.referral.use_cases.publishing import publish_directory as publish

USES: tuple[Use, ...] = ("signing", "sealing")


async def publish_directory(directory_file: Path, *, state: State, database_url: str) -> list[str]:
    """Save and announce what is new or changed, as referral's own role; the codes of those.

    Called by `siraba up` before the services start, and after a partner has been registered.
    """
    mint = Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes)
    keys = public_keys(state, now=mint.moment())
    words = officers_words(state, keys)
    entries = [_registered(entry, keys, words) for entry in load_directory(directory_file)]
    engine = open_engine(database_url, schema="referral", pool_size=2)
    try:
        async with engine.begin() as connection:
            return await publish(connection, entries, mint=mint)
    finally:
        await engine.dispose()


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


def _registered(
    entry: DirectoryEntry, keys: Sequence[PublicKey], words: Mapping[str, str]
) -> OrganisationRegistered:
    own = [key for key in keys if key.owner == entry.code]
    return OrganisationRegistered(
        code=entry.code,
        kind=entry.kind,
        name_fr=entry.name_fr,
        name_en=entry.name_en,
        region=entry.region,
        zones=entry.zones,
        services=tuple(ServiceOffered(**offer.model_dump()) for offer in entry.services),
        channel=entry.channel,
        keys=tuple(own),
        countersignatures={key.id: words[key.id] for key in own if key.id in words},
    )

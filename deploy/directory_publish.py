"""Hands the organisations' file and their public keys to the service that owns the directory."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from time import time_ns

from chassis.database import open_engine
from contracts.identifiers import Mint
from contracts.keyring import PublicKey, Use
from contracts.referral import OrganisationRegistered, ServiceOffered
from deploy.directory import DirectoryEntry, load_directory
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
    entries = [_registered(entry, keys) for entry in load_directory(directory_file)]
    engine = open_engine(database_url, schema="referral", pool_size=2)
    try:
        async with engine.begin() as connection:
            return await publish(connection, entries, mint=mint)
    finally:
        await engine.dispose()


def public_keys(state: State, *, now: datetime) -> list[PublicKey]:
    """The keys in every `public.json` handed over; one that is new is good from now on."""
    documents = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((*state.partners.glob("*.json"), *state.partners.glob("*/public.json")))
    ]
    return [
        PublicKey(owner=document["code"], use=use, key=document[use], valid_from=now - MARGIN)
        for document in documents
        for use in USES
    ]


def _registered(entry: DirectoryEntry, keys: Sequence[PublicKey]) -> OrganisationRegistered:
    return OrganisationRegistered(
        code=entry.code,
        kind=entry.kind,
        name_fr=entry.name_fr,
        name_en=entry.name_en,
        region=entry.region,
        zones=entry.zones,
        services=tuple(ServiceOffered(**offer.model_dump()) for offer in entry.services),
        channel=entry.channel,
        keys=tuple(key for key in keys if key.owner == entry.code),
    )

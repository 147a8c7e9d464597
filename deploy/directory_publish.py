"""Hands the organisations' file and their public keys to the service that owns the directory."""

import json
from pathlib import Path
from secrets import token_bytes
from time import time_ns

from chassis.database import open_engine
from contracts.identifiers import Mint
from contracts.referral import OrganisationRegistered, ServiceOffered
from deploy.directory import DirectoryEntry, load_directory
from deploy.state import State
from services.referral.use_cases.publishing import publish_directory as publish


async def publish_directory(directory_file: Path, *, state: State, database_url: str) -> list[str]:
    """Save and announce what is new or changed, as referral's own role; the codes of those.

    Called by `siraba up` before the services start, and after a partner has been registered.
    """
    keys = signing_keys(state)
    entries = [_registered(entry, keys.get(entry.code)) for entry in load_directory(directory_file)]
    engine = open_engine(database_url, schema="referral", pool_size=2)
    mint = Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes)
    try:
        async with engine.begin() as connection:
            return await publish(connection, entries, mint=mint)
    finally:
        await engine.dispose()


def signing_keys(state: State) -> dict[str, str]:
    """Code → public signing key, of every `public.json` handed over."""
    documents = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((*state.partners.glob("*.json"), *state.partners.glob("*/public.json")))
    ]
    return {document["code"]: document["signing"] for document in documents}


def _registered(entry: DirectoryEntry, signing_key: str | None) -> OrganisationRegistered:
    return OrganisationRegistered(
        code=entry.code,
        kind=entry.kind,
        name_fr=entry.name_fr,
        name_en=entry.name_en,
        region=entry.region,
        zones=entry.zones,
        services=tuple(ServiceOffered(**offer.model_dump()) for offer in entry.services),
        channel=entry.channel,
        signing_key=signing_key,
    )

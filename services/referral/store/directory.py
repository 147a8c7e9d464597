"""The directory's rows."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.referral.domain.ranking import Candidate, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One organisation as the directory holds it; `published` is the body last published."""

    code: str
    kind: str
    region: str
    zones: tuple[str, ...]
    services: Sequence[dict[str, Any]]
    channel: str
    name_fr: str
    name_en: str
    published: str


_SAVE = text("""
    insert into organisations (code, kind, region, zones, services, channel, name_fr, name_en,
                               published)
    values (:code, :kind, :region, :zones, cast(:services as jsonb), :channel, :name_fr,
            :name_en, :published)
    on conflict (code) do update set
        kind = excluded.kind, region = excluded.region, zones = excluded.zones,
        services = excluded.services, channel = excluded.channel, name_fr = excluded.name_fr,
        name_en = excluded.name_en, published = excluded.published, changed_at = clock_timestamp()
""")
_PUBLISHED = text("select code, published from organisations for update")
_CANDIDATES = text("select code, kind, region, zones, services from organisations")
#: The channels through which an organisation has a feed.
FEED_CHANNELS = ("nats", "http")
_REACHED = text("select code from organisations where channel = any(:channels)")


async def save(connection: AsyncConnection, entries: Sequence[Entry]) -> None:
    """Insert or replace."""
    rows = [
        {
            "code": one.code,
            "kind": one.kind,
            "region": one.region,
            "zones": list(one.zones),
            "services": json.dumps(list(one.services)),
            "channel": one.channel,
            "name_fr": one.name_fr,
            "name_en": one.name_en,
            "published": one.published,
        }
        for one in entries
    ]
    if rows:
        await connection.execute(_SAVE, rows)


async def published(connection: AsyncConnection) -> dict[str, str]:
    """What was last published of each organisation, locked."""
    return {row.code: row.published for row in await connection.execute(_PUBLISHED)}


async def candidates(connection: AsyncConnection) -> list[Candidate]:
    """Every organisation, as ranking sees it."""
    return [
        Candidate(
            code=row.code,
            kind=row.kind,
            region=row.region,
            zones=frozenset(row.zones),
            services={offer["service"]: _limits(offer) for offer in _loaded(row.services)},
        )
        for row in await connection.execute(_CANDIDATES)
    ]


async def reached_by(connection: AsyncConnection, channels: Sequence[str]) -> frozenset[str]:
    """The organisations that are reached through one of these channels."""
    found = await connection.execute(_REACHED, {"channels": list(channels)})
    return frozenset(row.code for row in found)


def _limits(offer: dict[str, Any]) -> Limits:
    return Limits(
        sexes=frozenset(offer.get("sexes") or ()),
        age_min=offer.get("age_min"),
        age_max=offer.get("age_max"),
    )


def _loaded(value: Any) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(value) if isinstance(value, str) else value
    return loaded

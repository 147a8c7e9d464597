"""The directory's rows: each organisation's entry as it is now, and every version there ever was."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import DirectoryEntry
from contracts.vocabulary import codes
from services.referral.domain.routing import Candidate, Limits, Shift, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """An entry with the number of its version; published: the body last announced, or empty."""

    entry: DirectoryEntry
    version: int
    published: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who changes the directory: an organisation's code, a role, and its own opaque id of the person."""

    organisation: str
    role: str
    person: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one entry, with who made it, when and why."""

    entry: DirectoryEntry
    version: int
    changed_at: datetime
    author: Author
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an organisation is reached, and whether it is let in. Who is removed is suspended as well."""

    code: str
    channel: str
    is_suspended: bool
    is_removed: bool


#: Held to the end of the transaction: changes come one after the other, also of new entries.
_ALONE = text("select pg_advisory_xact_lock(hashtext('referral.directory'))")
_CURRENT = text("""
    select entry, version, published from organisations
    where cast(:codes as text[]) is null or code = any(:codes) order by code
""")
_SAVE = text("""
    with given as (
        select row->>'code' as code, (row->>'version')::int as version, row->'entry' as entry
        from jsonb_array_elements(cast(:rows as jsonb)) as one(row)
    ), kept as (
        insert into organisation_versions (code, version, entry, organisation, role, person, why)
        select code, version, entry, :organisation, :role, :person, :why from given
    )
    insert into organisations (code, version, kind, channel, is_suspended, entry)
    select code, version, entry->>'kind', entry->>'channel', entry->>'state' = 'suspended', entry
    from given
    on conflict (code) do update set
        version = excluded.version, kind = excluded.kind, channel = excluded.channel,
        is_suspended = excluded.is_suspended, entry = excluded.entry,
        removed_at = case when excluded.is_suspended then organisations.removed_at end,
        changed_at = clock_timestamp()
""")
_PUBLISHED = text("""
    update organisations set published = given.published
    from unnest(cast(:codes as text[]), cast(:bodies as text[])) as given(code, published)
    where organisations.code = given.code
""")
_VERSIONS = text("""
    select entry, version, changed_at, organisation, role, person, why
    from organisation_versions where code = :code order by version
""")
_REVISION = text("""
    select coalesce(sum(version), 0) + (select count(*) from holidays), clock_timestamp()
    from organisations
""")
_CANDIDATES = text("select entry from organisations")
#: The channels through which an organisation has a feed.
FEED_CHANNELS = ("nats", "http")
_REACHED = text("""
    select code from organisations where channel = any(:channels) and removed_at is null
""")
_STANDINGS = text("""
    select code, channel, is_suspended, removed_at is not null as is_removed
    from organisations order by code
""")
_REMOVE = text("""
    update organisations set removed_at = coalesce(removed_at, clock_timestamp())
    where code = :code and is_suspended
""")
_IS_SUSPENDED = text("select is_suspended from organisations where code = :code")


async def lock(connection: AsyncConnection) -> None:
    """Let nobody else change the directory before this transaction ends."""
    await connection.execute(_ALONE)


async def current(
    connection: AsyncConnection, codes: Iterable[str] | None = None
) -> dict[str, Current]:
    """The entries as they are now, by code; without `codes` all of them."""
    found = await connection.execute(_CURRENT, {"codes": None if codes is None else list(codes)})
    entries = (
        Current(entry=_entry(row.entry), version=row.version, published=row.published)
        for row in found
    )
    return {one.entry.code: one for one in entries}


async def save(
    connection: AsyncConnection, changed: Sequence[Current], *, author: Author, why: str
) -> None:
    """Keep these as the newest versions of their entries."""
    rows = [
        {"code": one.entry.code, "version": one.version, "entry": one.entry.model_dump(mode="json")}
        for one in changed
    ]
    said = {
        "organisation": author.organisation,
        "role": author.role,
        "person": author.person,
        "why": why,
    }
    if rows:
        await connection.execute(_SAVE, {"rows": json.dumps(rows), **said})


async def note_published(connection: AsyncConnection, bodies: Mapping[str, str]) -> None:
    """Remember what was last announced of each."""
    if bodies:
        given = {"codes": list(bodies), "bodies": list(bodies.values())}
        await connection.execute(_PUBLISHED, given)


async def versions(connection: AsyncConnection, code: str) -> list[Version]:
    """Every version of one entry, the oldest first; none of an organisation that is not known."""
    return [
        Version(
            entry=_entry(row.entry),
            version=row.version,
            changed_at=row.changed_at,
            author=Author(organisation=row.organisation, role=row.role, person=row.person),
            why=row.why,
        )
        for row in await connection.execute(_VERSIONS, {"code": code})
    ]


async def revision(connection: AsyncConnection) -> tuple[int, datetime]:
    """A number that grows with every change, also of the days off, and the database's moment."""
    revision, at = (await connection.execute(_REVISION)).one()
    return int(revision), at


async def candidates(connection: AsyncConnection) -> list[Candidate]:
    """Every organisation, as routing sees it."""
    return [candidate_of(_loaded(row.entry)) for row in await connection.execute(_CANDIDATES)]


def candidate_of(entry: Mapping[str, Any]) -> Candidate:
    """An entry, dumped in Python's names, as routing sees it."""
    return Candidate(
        code=entry["code"],
        kind=entry["kind"],
        units=tuple(
            Unit(name=unit["code"] or unit["cercle"], cercle=unit["cercle"])
            for unit in entry["units"]
        ),
        zones=frozenset(entry["zones"]),
        services={offer["service"]: _limits(offer) for offer in entry["services"]},
        languages=frozenset(entry["languages"]),
        shifts=_shifts([post for unit in entry["units"] for post in unit["contacts"]]),
        is_suspended=entry["state"] == "suspended",
    )


async def reached_by(connection: AsyncConnection, channels: Sequence[str]) -> frozenset[str]:
    """The organisations that are reached through one of these channels."""
    found = await connection.execute(_REACHED, {"channels": list(channels)})
    return frozenset(row.code for row in found)


async def standings(connection: AsyncConnection) -> list[Standing]:
    """Every organisation there ever was."""
    return [
        Standing(
            code=row.code,
            channel=row.channel,
            is_suspended=row.is_suspended,
            is_removed=row.is_removed,
        )
        for row in await connection.execute(_STANDINGS)
    ]


async def is_suspended(connection: AsyncConnection, code: str) -> bool:
    """Whether this organisation takes no part at the moment."""
    return bool(await connection.scalar(_IS_SUSPENDED, {"code": code}))


async def remove(connection: AsyncConnection, code: str) -> None:
    """It has no feed any more; only of one that is suspended. An entry that is active brings it back."""
    await connection.execute(_REMOVE, {"code": code})


def _limits(offer: dict[str, Any]) -> Limits:
    return Limits(
        sexes=frozenset(offer["sexes"]),
        age_min=offer["age_min"],
        age_max=offer["age_max"],
        citizenship=frozenset(offer["citizenship"]),
        exploitation=frozenset(offer["exploitation"]),
        answers_within=offer["answers_within"],
    )


def _shifts(posts: list[dict[str, Any]]) -> tuple[Shift, ...] | None:
    """When any post of a unit is answered; None where one is at every hour, or none is known."""
    duties = [post["duty"] for post in posts if post["rung"] == "unit"]
    if not duties or not all(duties):
        return None
    return tuple(_shift(shift) for duty in duties for shift in duty)


def _shift(shift: dict[str, Any]) -> Shift:
    return Shift(
        begins=time.fromisoformat(shift["begins"]),
        ends=time.fromisoformat(shift["ends"]),
        days=frozenset(codes("weekday").index(day) for day in shift["days"]),
    )


def _entry(value: Any) -> DirectoryEntry:
    return DirectoryEntry.model_validate(_loaded(value))


def _loaded(value: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return loaded

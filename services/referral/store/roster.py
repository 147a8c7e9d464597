"""Who can be told on each rung of the ladder, by the directory's contacts: nobody else reads them."""

import json
from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.directory import Contact
from contracts.vocabulary.reference import holidays_between
from services.referral.domain.duty import Post, Shift, addresses
from services.referral.store import holidays


class Reach(NamedTuple):
    """How the posts of one organisation on one rung are told: ways are (medium, address), in order."""

    language: str
    ways: list[tuple[str, str]]


# The unit and the focal point are its own; the regional focal point is its own, else one that sits in
# its region; the committee is the national one.
_WHO = text("""
    select distinct on (wanted.organisation, wanted.rung)
        wanted.organisation, wanted.rung, told.code
    from unnest(cast(:organisations as text[]), cast(:rungs as text[]))
        as wanted(organisation, rung)
    left join organisations as own on own.code = wanted.organisation
    join organisations as told on case wanted.rung
        when 'committee' then told.kind = 'committee'
        when 'regional_focal_point' then told.code = own.code
            or left(told.entry #>> '{units,0,cercle}', 2) = left(own.entry #>> '{units,0,cercle}', 2)
        else told.code = own.code end
    where jsonb_path_exists(told.entry, '$.units[*].contacts[*] ? (@.rung == $rung)',
                            jsonb_build_object('rung', wanted.rung))
    order by wanted.organisation, wanted.rung, told.code <> wanted.organisation, told.code
""")
_POSTS = text("""
    select entry->'languages' as languages, unit->>'cercle' as cercle, contact,
           clock_timestamp() as now
    from organisations,
        jsonb_path_query(entry, '$.units[*]') with ordinality as units(unit, nth_unit),
        jsonb_path_query(unit, '$.contacts[*]') with ordinality as contacts(contact, nth)
    where code = :organisation and contact->>'rung' = :rung
    order by nth_unit, nth
""")


async def who(
    connection: AsyncConnection, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """(organisation that has to act, rung) → whose posts are told; nothing where there is nobody."""
    if not wanted:
        return {}
    organisations, rungs = map(list, zip(*wanted, strict=True))
    given = {"organisations": organisations, "rungs": rungs}
    found = await connection.execute(_WHO, given)
    return {(row.organisation, row.rung): row.code for row in found}


async def reach(
    connection: AsyncConnection, organisation: str, rung: str, *, near: str | None
) -> Reach:
    """The ways to the posts of this organisation on this rung, by who is on duty now and is near."""
    given = {"organisation": organisation, "rung": rung}
    rows = list(await connection.execute(_POSTS, given))
    if not rows:
        return Reach("fr", [])
    posts = [_post(row.cercle, Contact.model_validate(_loaded(row.contact))) for row in rows]
    now: datetime = rows[0].now.astimezone(UTC)
    declared = frozenset(one.day for one in await holidays.declared(connection))
    off = declared | holidays_between(now.date() - timedelta(days=1), now.date())
    ways = addresses(posts, at=now, near=near, holidays=off)
    return Reach(_language(_loaded(rows[0].languages)), ways)


def _post(cercle: str, contact: Contact) -> Post:
    return Post(
        cercle=cercle,
        phone=contact.phone,
        email=contact.email,
        shifts=tuple(
            Shift(time.fromisoformat(one.begins), time.fromisoformat(one.ends), one.days)
            for one in contact.duty
        ),
    )


def _language(spoken: Collection[str]) -> str:
    """English for those who work in it and not in French."""
    return "en" if "english" in spoken and "french" not in spoken else "fr"


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value

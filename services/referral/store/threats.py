"""Who is threatened, in each of her cases: what was warned of one is heeded in all of them, while they are one's."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_WARN = text("""
    update cases set warned = coalesce(warned, '[]') || to_jsonb(cast(:safety as text[]))
    where case_id = :case_id
""")
_PERSONS = text("""
    select distinct other.case_id from cases as one
    join cases as other on other.case_id = coalesce(one.merged_into, one.case_id)
                        or other.merged_into = coalesce(one.merged_into, one.case_id)
    where one.case_id = any(cast(:ids as uuid[])) order by other.case_id
""")
_EACH = text("""
    select distinct one.case_id as one, other.case_id as other from cases as one
    join cases as other on other.case_id = coalesce(one.merged_into, one.case_id)
                        or other.merged_into = coalesce(one.merged_into, one.case_id)
    where one.case_id = any(cast(:ids as uuid[]))
""")
_LINK = text("""
    update cases set merged_into = given.above
    from unnest(cast(:ids as uuid[]), cast(:above as uuid[])) as given(id, above)
    where cases.case_id = given.id
""")
_REMEMBER = text("""
    insert into warnings (warning_id, case_id, reporter, urgency, "on", safety)
    values (:id, :case_id, :reporter, :urgency, :on, :safety)
""")
_EARLIER = text("""
    select case_id, reporter, urgency, "on", safety from warnings
    where case_id = any(cast(:ids as uuid[])) order by at, warning_id
""")


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is kept of a threat: on which case, by whom, and what to heed; not what it was."""

    case_id: UUID
    reporter: str
    _: KW_ONLY
    urgency: str
    on: date
    safety: Sequence[str]


async def remember(connection: AsyncConnection, id: UUID, one: Earlier) -> None:
    """Whoever has another case of the person by a later merge is to hear of it too."""
    given = {name: getattr(one, name) for name in ("case_id", "reporter", "urgency", "on")}
    await connection.execute(_REMEMBER, given | {"id": id, "safety": list(one.safety)})


async def earlier(connection: AsyncConnection, cases: Collection[UUID]) -> list[Earlier]:
    """What was reported on these cases, in that order."""
    found = await connection.execute(_EARLIER, {"ids": list(cases)})
    return [
        Earlier(row.case_id, row.reporter, urgency=row.urgency, on=row.on, safety=row.safety)
        for row in found
    ]


async def each_person(
    connection: AsyncConnection, cases: Collection[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Of each of these cases every case of its person."""
    found: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for row in await connection.execute(_EACH, {"ids": list(cases)}):
        found[row.one].add(row.other)
    return {one: frozenset(others) for one, others in found.items()}


async def warn(connection: AsyncConnection, case_id: UUID, *, safety: Sequence[str]) -> None:
    """The person of this case is at high risk from now on, and these instructions hold besides."""
    await connection.execute(_WARN, {"case_id": case_id, "safety": list(safety)})


async def persons(connection: AsyncConnection, cases: Collection[UUID]) -> list[UUID]:
    """Every case of the persons of these, in the order of their ids."""
    if not cases:
        return []
    return list(await connection.scalars(_PERSONS, {"ids": list(cases)}))


async def link(connection: AsyncConnection, merged: Mapping[UUID, UUID | None]) -> None:
    """Under which case the person of each counts from now on; None: under its own again."""
    given = {"ids": list(merged), "above": list(merged.values())}
    await connection.execute(_LINK, given)

"""Pairs of cases that may be of one person, and what their owners say of them."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.domain.duplicates import Case, Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What one organisation says of a pair, by one of its people."""

    pair_id: UUID
    organisation: str
    role: str
    person: str | None
    same_person: bool


_SAID = """
    (select coalesce(jsonb_object_agg(organisation, same_person order by nth), '{}')
     from duplicate_decisions where duplicate_decisions.pair_id = duplicates.pair_id) as said
"""
# An erased case makes no pair.
_PAIR = text(f"""
    select pair_id, earlier, later, child, parent, state, {_SAID}
    from duplicates where pair_id = :pair_id and kind is not null
""")  # noqa: S608 - constants of ours
_CASES = text("""
    select case_id, owner, coalesce(first_owner, owner) as first_owner, registered_at
    from cases where case_id = any(cast(:cases as uuid[]))
""")
_SAY = text("""
    insert into duplicate_decisions (pair_id, organisation, role, person, same_person)
    values (:pair_id, :organisation, :role, :person, :same_person)
""")
_SETTLE = text("""
    update duplicates set state = :state, child = :child, parent = :parent
    where pair_id = :pair_id
""")
# Row-level security shows an organisation its pairs, and the numbers of its own cases only.
_LISTED = text(f"""
    select pair_id, earlier_owner, later_owner, kind, agreed, found_at, state, {_SAID},
           array_remove(array[one.number, other.number], null) as numbers
    from duplicates left join cases as one on one.case_id = earlier
    left join cases as other on other.case_id = later
    where state = :state and kind is not null order by found_at desc, pair_id limit 200
""")  # noqa: S608 - constants of ours


async def pair(connection: AsyncConnection, pair_id: UUID) -> Pair | None:
    """One pair as it stands, whoever asks; None when there is none."""
    row = (await connection.execute(_PAIR, {"pair_id": pair_id})).first()
    if row is None:
        return None
    wanted = [one for one in (row.earlier, row.later, row.child, row.parent) if one is not None]
    found = await connection.execute(_CASES, {"cases": wanted})
    cases = {case.case_id: Case(**case._mapping) for case in found}
    return Pair(
        pair_id=row.pair_id,
        earlier=cases[row.earlier],
        later=cases[row.later],
        state=row.state,
        said=_loaded(row.said),
        link=None if row.child is None else (cases[row.child], cases[row.parent]),
    )


async def say(connection: AsyncConnection, word: Word) -> None:
    """Put a word on record."""
    await connection.execute(_SAY, {name: getattr(word, name) for name in Word.__slots__})


async def settle(
    connection: AsyncConnection,
    pair_id: UUID,
    state: str,
    *,
    link: tuple[UUID, UUID] | None = None,
) -> None:
    """Write where the pair stands. link: (child, parent) of the merge that it made."""
    child, parent = link or (None, None)
    values = {"pair_id": pair_id, "state": state, "child": child, "parent": parent}
    await connection.execute(_SETTLE, values)


async def listed(connection: AsyncConnection, state: str) -> list[dict[str, Any]]:
    """The newest 200 pairs of the reading organisation in this state."""
    rows = [dict(row._mapping) for row in await connection.execute(_LISTED, {"state": state})]
    return [row | {"said": _loaded(row["said"])} for row in rows]


def _loaded(value: Any) -> dict[str, bool]:
    loaded: dict[str, bool] = json.loads(value) if isinstance(value, str) else value
    return loaded

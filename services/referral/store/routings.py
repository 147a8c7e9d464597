"""Why each case went where it went: one row for every choice, with all that was weighed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """One choice for one need. organisation: who was asked, None where nobody was.

    id: that of the referral, where one was made. weighed: see `use_cases.weighing`.
    """

    id: UUID
    case_id: UUID
    owner: str
    service: str
    urgency: str
    organisation: str | None
    weighed: dict[str, Any]
    decided_at: datetime | None = None


_SAVE = text("""
    insert into routings (id, case_id, owner, service, urgency, organisation, weighed)
    select (row->>'id')::uuid, (row->>'case_id')::uuid, row->>'owner', row->>'service',
           row->>'urgency', row->>'organisation', row->'weighed'
    from jsonb_array_elements(cast(:rows as jsonb)) as given(row)
""")
_COLUMNS = "id, case_id, owner, service, urgency, organisation, weighed, decided_at"
_ONE = text(f"select {_COLUMNS} from routings where id = :id")  # noqa: S608 - a constant of ours
_OF_CASE = text(f"""
    select {_COLUMNS} from routings where case_id = :case_id order by decided_at, id
""")  # noqa: S608 - a constant of ours


async def save(connection: AsyncConnection, made: Sequence[Routing]) -> None:
    """Keep these choices; the moment is the database's."""
    if made:
        rows = [
            {
                "id": str(one.id),
                "case_id": str(one.case_id),
                "owner": one.owner,
                "service": one.service,
                "urgency": one.urgency,
                "organisation": one.organisation,
                "weighed": one.weighed,
            }
            for one in made
        ]
        await connection.execute(_SAVE, {"rows": json.dumps(rows)})


async def one(connection: AsyncConnection, id: UUID) -> Routing | None:
    """This choice, as far as whoever reads may see it."""
    found = (await connection.execute(_ONE, {"id": id})).one_or_none()
    return None if found is None else _routing(found)


async def of_case(connection: AsyncConnection, case_id: UUID) -> list[Routing]:
    """Every choice that was made for a case, the oldest first."""
    found = await connection.execute(_OF_CASE, {"case_id": case_id})
    return [_routing(row) for row in found]


def _routing(row: Any) -> Routing:
    weighed = json.loads(row.weighed) if isinstance(row.weighed, str) else row.weighed
    return Routing(**{**row._mapping, "weighed": weighed})

"""Public keys that organisations handed in at a page, and what was done about each set of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.handed_over import HandedOver
from services.referral.store.directory import Author

WAITING: Final = "waiting"
APPROVED: Final = "approved"
REFUSED: Final = "refused"
REPLACED: Final = "replaced"
#: What is done without a change of the state: they came in, or one officer of two has vouched.
HANDED_IN: Final = "handed_in"
VOUCHED: Final = "vouched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What somebody did about them, when and why."""

    act: str
    at: datetime
    author: Author
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """One set of keys as it stands; the first of its acts is that it was handed in."""

    handed_id: UUID
    state: str
    document: HandedOver
    acts: tuple[Act, ...]

    @property
    def organisation(self) -> str:
        """Whose they are."""
        return self.document.code

    @property
    def is_open(self) -> bool:
        """Whether it can still come to count."""
        return self.state in (WAITING, APPROVED)


_ADD = text("""
    insert into handed_keys (handed_id, organisation, document)
    values (:handed_id, :organisation, cast(:document as jsonb))
""")
_PUT = text("""
    update handed_keys set state = :state, document = cast(:document as jsonb)
    where handed_id = :handed_id
""")
_NOTE = text("""
    insert into handed_keys_acts (handed_id, act, organisation, role, person, why)
    values (:handed_id, :act, :organisation, :role, :person, :why)
""")
_FOUND = """
    select handed_id, state, document, (
        select json_agg(json_build_object(
            'act', act, 'at', at, 'why', why,
            'organisation', acts.organisation, 'role', role, 'person', person) order by number)
        from handed_keys_acts acts where acts.handed_id = handed_keys.handed_id) as acts
    from handed_keys
"""
_NEWEST = text(f"{_FOUND} where organisation = :organisation order by handed_at desc limit 1")
_OPEN = text(f"{_FOUND} where state in ('waiting', 'approved') order by handed_at")


async def add(connection: AsyncConnection, handed_id: UUID, document: HandedOver) -> None:
    """Keys that nobody has looked at."""
    given = {"handed_id": handed_id, "organisation": document.code}
    await connection.execute(_ADD, given | {"document": document.write()})


async def put(
    connection: AsyncConnection, one: Handed, *, state: str, document: HandedOver | None = None
) -> None:
    """As they stand from now on; document: with more words under it."""
    written = (document or one.document).write()
    given = {"handed_id": one.handed_id, "state": state, "document": written}
    await connection.execute(_PUT, given)


async def note(
    connection: AsyncConnection, handed_id: UUID, act: str, *, author: Author, why: str = ""
) -> None:
    """Keep what was done; nobody can change it afterwards."""
    said = {"organisation": author.organisation, "role": author.role, "person": author.person}
    await connection.execute(_NOTE, {"handed_id": handed_id, "act": act, "why": why, **said})


async def newest(connection: AsyncConnection, organisation: str) -> Handed | None:
    """What this organisation handed in last, whatever became of it."""
    found = (await connection.execute(_NEWEST, {"organisation": organisation})).one_or_none()
    return None if found is None else _handed(found)


async def all_open(connection: AsyncConnection) -> list[Handed]:
    """Of every organisation what waits or was approved, the oldest first."""
    return [_handed(row) for row in await connection.execute(_OPEN)]


def _handed(row: Any) -> Handed:
    return Handed(
        handed_id=row.handed_id,
        state=row.state,
        document=HandedOver.model_validate(_loaded(row.document)),
        acts=tuple(_act(one) for one in _loaded(row.acts) or ()),
    )


def _act(one: Mapping[str, Any]) -> Act:
    return Act(
        act=one["act"],
        at=datetime.fromisoformat(one["at"]),
        author=Author(organisation=one["organisation"], role=one["role"], person=one["person"]),
        why=one["why"],
    )


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value

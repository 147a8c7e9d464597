"""Every look at somebody's record is itself on record, before the answer leaves.

One append-only table a service, chained by its own trigger (mechanisms.sql): sixteen chains a
month, chosen by the case. All looks that wait share one statement and one commit, as submissions
do, so a reader waits for one fsync and not for the readers before it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.database import as_json, by_itself, reading_as
from contracts.callers import Caller

AT_ONCE = 500
T = TypeVar("T")

# Sorted, so that two processes take the chains' locks in one order.
_ADD = text("""
    insert into audit (organisation, role, person, action, case_id, parts, purpose, outcome, shown)
    select organisation, role, person, action, case_id, parts, purpose, outcome, shown
    from jsonb_to_recordset(cast(:rows as jsonb)) as row (
        organisation text, role text, person text, action text, case_id uuid, parts text,
        purpose text, outcome text, shown int)
    order by get_byte(sha256(convert_to(coalesce(case_id::text, organisation), 'UTF8')), 0) % 16
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was looked at, in codes. parts: sections or groups; shown: how many records left.

    outcome: `shown`, `not_found` or `refused`. Never a case number, and nothing that was read.
    """

    action: str
    case_id: UUID | None = None
    parts: tuple[str, ...] = ()
    purpose: str = "coordination"
    outcome: str = "shown"
    shown: int = 1


async def add(connection: AsyncConnection, who: Caller, looks: Sequence[Look]) -> None:
    """Put looks on record within the caller's transaction."""
    await _insert(connection, [_row(who, look) for look in looks])


@dataclass(slots=True)
class Auditor:
    """Commits looks in groups. engine: the working role's, which may add and nothing else."""

    engine: AsyncEngine
    _waiting: list[tuple[dict[str, object], "asyncio.Future[None]"]] = field(default_factory=list)
    _work: "asyncio.Task[None] | None" = None

    async def record(self, who: Caller, look: Look) -> None:
        """Return once the look is committed; raises what the database raised."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((_row(who, look), future))
        if self._work is None:
            self._work = asyncio.create_task(self._commit_all())
        await future

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                await self._settle(group)
        finally:
            self._work = None

    async def _settle(self, group: list[tuple[dict[str, object], "asyncio.Future[None]"]]) -> None:
        error: Exception | None = None
        try:
            async with self.engine.connect() as connection, by_itself(connection):
                await _insert(connection, [row for row, _ in group])
        except Exception as failure:  # noqa: BLE001 - handed to those who wait
            error = failure
        for _, future in group:
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


@dataclass(frozen=True, slots=True)
class Reads:
    """How an edge reads for a caller: its organisation's rows only, and never unrecorded."""

    web: AsyncEngine
    auditor: Auditor

    async def audited_read(
        self,
        who: Caller,
        read: Callable[[AsyncConnection], Awaitable[T]],
        describe: Callable[[T], Look],
    ) -> T:
        """What `read` found, after what `describe` says of it is committed to the audit.

        Without the record there is no answer: whatever keeps it from being written is raised.
        """
        async with reading_as(self.web, who.organisation) as connection:
            found = await read(connection)
        await self.auditor.record(who, describe(found))
        return found


def _row(who: Caller, look: Look) -> dict[str, object]:
    said = asdict(look)
    return said | {
        "organisation": who.organisation,
        "role": who.role,
        "person": who.person,
        "case_id": None if look.case_id is None else str(look.case_id),
        "parts": " ".join(look.parts),
    }


async def _insert(connection: AsyncConnection, rows: Sequence[dict[str, object]]) -> None:
    if rows:
        await connection.execute(_ADD, {"rows": as_json(rows)})

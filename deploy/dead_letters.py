"""Looks at dead letters and decides about one, as `siraba dlq` and the operators' pages do, on record."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from chassis.database import open_engine
from chassis.inbox import dead_letters, standing
from chassis.inbox.dead_letters import DeadLetter
from contracts.callers import Caller
from contracts.topology import SERVICES
from deploy.embedded.processes import ServerError

#: Why somebody may decide so: codes, since a sentence could hold what nobody may read here.
REASONS: Final[Mapping[str, tuple[str, ...]]] = {
    "retry": ("cause_removed", "newer_release", "key_known"),
    "discard": ("no_effect_needed", "sent_anew", "was_test", "was_forged"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a dead letter of this service. verb and reason: of REASONS."""

    service: str
    number: int
    verb: str
    reason: str

    def __post_init__(self) -> None:
        if self.reason not in REASONS[self.verb]:
            raise ServerError(f"choose the reason: {', '.join(REASONS[self.verb])}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A dead letter, how many messages wait behind it, and its case where it is of one of ours."""

    letter: DeadLetter
    behind: int
    case_id: UUID | None


@asynccontextmanager
async def tables_of(database_url: str, service: str) -> AsyncIterator[AsyncConnection]:
    """One transaction on a service's tables. database_url: the operator's role. Raises ServerError."""
    if service not in SERVICES:
        raise ServerError(f"unknown service: choose one of {', '.join(SERVICES)}")
    engine = open_engine(database_url, schema=service, pool_size=1)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def look_at(database_url: str, service: str, number: int, *, by: Caller) -> Opened | None:
    """One dead letter, on record before it is shown; None where there is none."""
    async with tables_of(database_url, service) as connection:
        letter = await standing.find(connection, number)
        if letter is None:
            return None
        behind = await standing.waiting_behind(connection, letter)
        look = Look(
            action="dead_letter.opened",
            case_id=case_of(letter),
            parts=(str(number),),
            purpose="operation",
        )
        await audit.add(connection, by, [look])
    return Opened(letter, behind, case_of(letter))


async def decide(database_url: str, one: Decision, *, by: Caller) -> bool:
    """Have its consumer try it again or step over it, on record; False where none is open."""
    async with tables_of(database_url, one.service) as connection:
        letter = await standing.find(connection, one.number)
        is_retry = one.verb == "retry"
        if letter is None or not await dead_letters.decide(connection, one.number, retry=is_retry):
            return False
        look = Look(
            action=f"dead_letter.{one.verb}",
            case_id=case_of(letter),
            parts=(str(one.number),),
            purpose=one.reason,
            shown=0,
        )
        await audit.add(connection, by, [look])
    return True


def case_of(letter: DeadLetter) -> UUID | None:
    """The case that it holds up; what a partner sends names none by our own id."""
    if letter.subject is None or letter.stream.lower() not in SERVICES:
        return None
    try:
        return UUID(letter.subject)
    except ValueError:
        return None

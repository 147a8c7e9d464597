"""A solver that takes as long as it is told, and what comes of an incident in that time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Event
from uuid import UUID

from services.referral.domain.placement import Program, Solution
from services.referral.gateways.placement_solver import HighsSolver
from services.referral.store import groups
from tests.referral.offices import Office
from tests.referral.test_planning import INCIDENT, a_person, opened

#: More than anything here takes.
LONG = 20


@dataclass(slots=True)
class Slow:
    """Solves as the real one, once it may."""

    may: Event = field(default_factory=Event)
    begun: Event = field(default_factory=Event)
    solved: int = 0

    def solve(self, program: Program) -> Solution:
        """On a thread of the timekeeper's."""
        self.begun.set()
        assert self.may.wait(LONG)
        self.solved += 1
        return HighsSolver().solve(program)


@asynccontextmanager
async def while_solved(office: Office, solver: Slow) -> AsyncIterator[list[UUID]]:
    """The cases of an incident, of which the plan is being solved for as long as the block runs."""
    await opened(office, persons=3)
    cases = await office.offer(a_person(), a_person(), a_person())
    keeping = asyncio.create_task(office.timekeeper(solver).once())
    assert await asyncio.to_thread(solver.begun.wait, LONG)
    yield cases
    solver.may.set()
    assert await keeping == 1


async def leave(office: Office, case_id: UUID) -> None:
    """This case waits for no plan any more."""
    async with office.engine.begin() as connection:
        await groups.lock(connection, [INCIDENT])
        await groups.leave(connection, case_id)

"""Showing whoever reported a suspect who that is, and forgetting it for good: each look is on record."""

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.intake.store import suspects
from services.intake.store.suspects import Suspect
from services.intake.use_cases.disclosing import Discloser

SHOW, ERASE = "suspect", "suspect.erase"


async def show_suspect(
    connection: AsyncConnection, who: Caller, suspect: Suspect, *, by: Discloser
) -> list[dict[str, str]]:
    """What the caller's organisation said of its own suspect, the oldest first; empty: nothing is there.

    Commit before the answer leaves.
    """
    found = await suspects.versions(connection, suspect, vault=by.vault)
    outcome = "shown" if found else "not_found"
    look = Look(action=SHOW, parts=("identity",), outcome=outcome, shown=int(bool(found)))
    await audit.add(connection, who, [look])
    return found


async def erase_suspect(
    connection: AsyncConnection, who: Caller, suspect: Suspect, *, by: Discloser
) -> bool:
    """Destroy the key; what was reported as codes stays. False: there is nothing of it."""
    done = await suspects.erase(connection, suspect, at=by.mint.moment())
    outcome = "granted" if done else "not_found"
    await audit.add(connection, who, [Look(action=ERASE, outcome=outcome, shown=0)])
    return done

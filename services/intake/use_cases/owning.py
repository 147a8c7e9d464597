"""What an owner sees of a case: as the policy lets its kind, with each case of the person on record."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.audit import Look, Reads
from contracts.callers import Caller
from contracts.policy import owner_may_see

Find = Callable[[AsyncConnection], Awaitable[dict[str, Any] | None]]


async def see_own_case(reads: Reads, who: Caller, find: Find) -> dict[str, Any] | None:
    """What `find` finds, as `store.cases.own_case` gives it; None: there is no such case of theirs."""
    found = await reads.audited_read(who, find, _looked_at)
    if found is None:
        return None
    for case_id in found["merged_ids"]:
        await reads.auditor.record(who, Look(action="case", case_id=case_id, parts=("steps",)))
    _keep_to_policy(found)
    return found


def _keep_to_policy(found: dict[str, Any]) -> None:
    if not owner_may_see(found["owner_kind"], ("case", "proceeding_state")):
        found["proceedings"] = []
    if not owner_may_see(found["owner_kind"], ("case", "threat_source")):
        found["threats"] = [one | {"threat_source": None} for one in found["threats"]]


def _looked_at(found: Mapping[str, Any] | None) -> Look:
    if found is None:
        return Look(action="case", outcome="not_found", shown=0)
    return Look(action="case", case_id=found["case_id"], parts=("facts", "steps"))

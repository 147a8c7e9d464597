"""Reading one choice of routing for whoever may see it, which is on record."""

from uuid import UUID

from chassis.audit import Look, Reads
from contracts.callers import Caller
from services.referral.store import routings
from services.referral.store.routings import Routing


async def read_choice(reads: Reads, who: Caller, routing_id: UUID) -> Routing | None:
    """The choice, for the owner of its case and the committee; None for everybody else."""
    return await reads.audited_read(
        who,
        lambda connection: routings.one(connection, routing_id),
        lambda one: Look(
            action="routing",
            case_id=None if one is None else one.case_id,
            outcome="not_found" if one is None else "shown",
            shown=int(one is not None),
        ),
    )

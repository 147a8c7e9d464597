"""Takes the committee's word that an edition is to be published; whoever asks twice asks once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.audit import Look
from contracts.callers import Caller
from services.reporting.domain.edition import Edition
from services.reporting.store import membership, publications
from services.reporting.store.publications import Asked

#: Who of the committee decides.
DECIDES = ("analyst", "data_officer")


class NotTheCommittee(Exception):
    """Only the committee's own decide what comes out."""


async def request_publication(
    connection: AsyncConnection,
    edition: Edition,
    *,
    by: Caller,
    publication_id: UUID,
    now: datetime,
) -> Asked:
    """What stands of this edition: it waits, or is out. Raises `NotTheCommittee`.

    One that was refused may be asked for again: more may have been counted since.
    """
    if not await may_decide(connection, by):
        raise NotTheCommittee
    asked = Asked(
        id=publication_id, name=edition.name, asked_at=now, tries=0, refused=None, number=None
    )
    found = await publications.ask(connection, asked, by=by)
    parts = (edition.audience, str(edition.window.start.year))
    look = Look(action="edition.asked", parts=parts, purpose="publication", shown=0)
    await audit.add(connection, by, [look])
    return found


async def may_decide(connection: AsyncConnection, who: Caller) -> bool:
    """Whether what they ask for comes out."""
    return who.role in DECIDES and await membership.is_committee(connection, who.organisation)


async def see_publication(
    connection: AsyncConnection, publication_id: UUID, *, by: Caller
) -> Asked | None:
    """What became of a publication. Raises `NotTheCommittee`."""
    if not await may_decide(connection, by):
        raise NotTheCommittee
    return await publications.by_id(connection, publication_id)

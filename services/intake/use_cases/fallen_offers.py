"""Ending the offer of a case that nothing carries any more: consent to the next owner is gone."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts.feed_cases import TransferWithdrawn
from services.intake.domain.transfers import TransferRefused
from services.intake.store import consents, transfers
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.heirs import find_heir
from services.intake.use_cases.telling import Telling, tell_if_reached
from services.intake.use_cases.trimming import take_back


async def end_fallen_offers(
    connection: AsyncConnection, cases: Collection[UUID], *, trace: str | None, by: Discloser
) -> None:
    """After a decision about a person: what the asked organisation was told leaves its feed."""
    files = await consents.files(connection, cases)
    for offer in await transfers.open_of(connection, cases):
        try:
            heir = await find_heir(connection, offer.to_owner, owner=offer.from_owner)
        except TransferRefused:
            grounds: tuple[str, ...] = ()
        else:
            grounds = heir.grounds(files, by.mint.moment())
        if offer.ground in grounds:
            continue
        await transfers.end(connection, offer.transfer_id, "withdrawn")
        told = {offer.to_owner: [offer.transfer_id]}
        await outbox.add(connection, await take_back(connection, told, mint=by.mint, trace=trace))
        telling = Telling(organisation=offer.to_owner, case_id=offer.case_id, trace=trace)
        said = TransferWithdrawn(transfer_id=offer.transfer_id)
        await tell_if_reached(connection, said, telling, by=by)

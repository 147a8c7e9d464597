"""Publishing the directory: what is new or changed, and nothing else."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts.identifiers import Mint
from contracts.referral import OrganisationRegistered
from services.referral.store import directory
from services.referral.store.directory import Entry


async def publish_directory(
    connection: AsyncConnection, entries: Sequence[OrganisationRegistered], *, mint: Mint
) -> list[str]:
    """Save and announce the entries that differ from what was last published; their codes."""
    before = await directory.published(connection)
    changed = [one for one in entries if before.get(one.code) != one.model_dump_json()]
    await directory.save(connection, [_entry(one) for one in changed])
    await outbox.add(
        connection,
        [
            Outgoing(
                id=mint.message_id(),
                stream="REFERRAL",
                message=one,
                subject=one.code,
                correlation_id=one.code,
            )
            for one in changed
        ],
    )
    return [one.code for one in changed]


def _entry(one: OrganisationRegistered) -> Entry:
    return Entry(
        code=one.code,
        kind=one.kind,
        region=one.region,
        zones=one.zones,
        services=[offer.model_dump(mode="json") for offer in one.services],
        channel=one.channel,
        name_fr=one.name_fr,
        name_en=one.name_en,
        signing_key=one.signing_key,
        published=one.model_dump_json(),
    )

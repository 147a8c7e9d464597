"""Publishing the directory, what is new or changed in it, and to partners the platform's keys."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.directory_keys import load_keys, save_keys
from chassis.outbox import Outgoing
from contracts.feed import KeysPublished
from contracts.identifiers import Mint
from contracts.keyring import PublicKey
from contracts.referral import OrganisationRegistered
from contracts.topology import OUT
from services.referral.store import directory
from services.referral.store.directory import Entry


async def publish_directory(
    connection: AsyncConnection, entries: Sequence[OrganisationRegistered], *, mint: Mint
) -> list[str]:
    """Save and announce the entries that differ from what was last published; their codes.

    A key that is no longer among an entry's keys ends now; it is kept for what it has signed.
    """
    before = await directory.published(connection)
    known = defaultdict(list)
    for key in await load_keys(connection):
        known[key.owner].append(key)
    entries = [
        one.model_copy(update={"keys": _with_history(one.keys, known[one.code], now=mint.moment())})
        for one in entries
    ]
    await save_keys(connection, [key for one in entries for key in one.keys])
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


async def publish_keys(
    connection: AsyncConnection, keys: Sequence[PublicKey], *, mint: Mint
) -> list[UUID]:
    """Tell every organisation that has a feed the platform's public keys; the messages' ids."""
    reached = await directory.reached_by(connection, directory.FEED_CHANNELS)
    message = KeysPublished(keys=tuple(keys))
    told = [
        Outgoing(
            id=mint.message_id(), stream=OUT.name, message=message, subject=code, organisation=code
        )
        for code in sorted(reached)
    ]
    await outbox.add(connection, told)
    return [one.id for one in told]


def _with_history(
    given: Sequence[PublicKey], known: Sequence[PublicKey], *, now: datetime
) -> tuple[PublicKey, ...]:
    """What was known, ended now where it is not given any more; then what is new."""
    still, before = {key.key for key in given}, {key.key for key in known}
    kept = [
        key
        if key.key in still or key.valid_until is not None
        else key.model_copy(update={"valid_until": now})
        for key in known
    ]
    return (*kept, *(key for key in given if key.key not in before))


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
        published=one.model_dump_json(),
    )

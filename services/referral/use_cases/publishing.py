"""Publishing the directory, what is new or changed in it, and to partners the platform's keys."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.directory_keys import load_keys, save_keys
from chassis.outbox import Outgoing
from contracts.feed import KeysPublished
from contracts.identifiers import Mint
from contracts.keyring import PublicKey
from contracts.referral import KeyProof, OrganisationRegistered
from contracts.topology import OUT
from services.referral.store import directory, keys_told
from services.referral.store.directory import Current


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Why keys are believed. first, second: by a key's id, the word of one officer and of another.

    proofs: the organisations' own.
    """

    first: Mapping[str, str] = field(default_factory=dict)
    second: Mapping[str, str] = field(default_factory=dict)
    proofs: tuple[KeyProof, ...] = ()

    def with_news(self, news: Self) -> Self:
        """Both; of one key what is new."""
        return replace(
            self,
            first={**self.first, **news.first},
            second={**self.second, **news.second},
            proofs=tuple(dict.fromkeys((*self.proofs, *news.proofs))),
        )


async def take_up_keys(
    connection: AsyncConnection,
    keys: Sequence[PublicKey],
    words: Words,
    *,
    mint: Mint,
) -> list[str]:
    """Keep the public keys of the directory's organisations; the codes of whom that changes.

    keys: all that count from now on. One that is not among them ends now; it is kept for what it
    has signed.
    """
    await directory.lock(connection)
    codes = await directory.current(connection)
    given = [key for key in keys if key.owner in codes]
    known = await load_keys(connection)
    await save_keys(connection, _with_history(given, known, now=mint.moment()))
    return await announce(connection, codes, mint=mint, words=words)


async def announce(
    connection: AsyncConnection,
    codes: Iterable[str],
    *,
    mint: Mint,
    words: Words | None = None,
) -> list[str]:
    """Tell of these entries where they differ from what was last told; the codes of those.

    words: besides those that were told before.
    """
    keys = defaultdict(list)
    for key in await load_keys(connection):
        keys[key.owner].append(key)
    entries = await directory.current(connection, codes)
    told = {
        code: _event(one, keys[code], words=_told(one.published).with_news(words or Words()))
        for code, one in entries.items()
    }
    changed = [
        event for code, event in told.items() if entries[code].published != event.model_dump_json()
    ]
    await directory.note_published(connection, {e.code: e.model_dump_json() for e in changed})
    await outbox.add(connection, [_outgoing(event, mint) for event in changed])
    return [event.code for event in changed]


async def publish_keys(
    connection: AsyncConnection, keys: Sequence[PublicKey], *, mint: Mint
) -> list[UUID]:
    """Tell every organisation that has a feed the platform's public keys; the messages' ids."""
    await keys_told.note(connection, keys)
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


async def publish_new_months(
    connection: AsyncConnection, keys: Sequence[PublicKey], *, mint: Mint
) -> list[UUID]:
    """As `publish_keys`, once for each new key to seal to: nothing where all of these are told.

    A new key to sign with is announced by whoever is about to use it.
    """
    if not await keys_told.note(connection, [key for key in keys if key.use == "sealing"]):
        return []
    return await publish_keys(connection, keys, mint=mint)


def _with_history(
    given: Sequence[PublicKey], known: Sequence[PublicKey], *, now: datetime
) -> list[PublicKey]:
    """What was known, ended now where it is not given any more; then what is new."""
    still, before = {key.key for key in given}, {key.key for key in known}
    kept = [
        key
        if key.key in still or key.valid_until is not None
        else key.model_copy(update={"valid_until": now})
        for key in known
    ]
    return [*kept, *(key for key in given if key.key not in before)]


def _event(one: Current, keys: Sequence[PublicKey], *, words: Words) -> OrganisationRegistered:
    entry = one.entry
    own, ids = {key.key for key in keys}, [key.id for key in keys]
    return OrganisationRegistered(
        code=entry.code,
        kind=entry.kind,
        name_fr=entry.name_fr,
        name_en=entry.name_en,
        region=entry.region,
        zones=entry.served_regions,
        cercles=entry.served_cercles,
        services=tuple(offer.announced() for offer in entry.services),
        channel=entry.channel,
        state=entry.state,
        keys=tuple(keys),
        countersignatures={id: words.first[id] for id in ids if id in words.first},
        second_countersignatures={id: words.second[id] for id in ids if id in words.second},
        proofs=tuple(one for one in words.proofs if one.signing in own),
    )


def _told(published: str) -> Words:
    """What was told with an entry."""
    if not published:
        return Words()
    told = OrganisationRegistered.model_validate_json(published)
    return Words(
        first=told.countersignatures, second=told.second_countersignatures, proofs=told.proofs
    )


def _outgoing(event: OrganisationRegistered, mint: Mint) -> Outgoing:
    return Outgoing(
        id=mint.message_id(),
        stream="REFERRAL",
        message=event,
        subject=event.code,
        correlation_id=event.code,
    )

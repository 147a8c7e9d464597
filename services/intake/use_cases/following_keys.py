"""Which of the keys that the directory tells of are believed to be their organisation's own."""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.directory_keys import end_keys, load_keys, save_keys
from contracts.countersigning import is_proven, officers_behind
from contracts.keyring import Keyring, PublicKey
from contracts.referral import OrganisationRegistered

log = logging.getLogger("siraba.intake")


async def follow_keys(
    connection: AsyncConnection, entry: OrganisationRegistered, *, officers: Keyring, at: datetime
) -> None:
    """An end counts whoever tells of it; a key only with an officer's word.

    One that comes after others needs besides the word of a key that counted until then, or that of
    a second officer (design §3): no officer alone can put one of his own in an owner's place.
    """
    before = await load_keys(connection, owner=entry.code)
    known = {key.key for key in before}
    vouched = []
    for key in entry.keys:
        goes_on = not before or key.key in known or _is_owners(key, entry, before, at=at)
        words = [told.get(key.id) for told in _told(entry)]
        if officers_behind(key, words, officers=officers, at=at) >= (1 if goes_on else 2):
            vouched.append(key)
    await save_keys(connection, vouched)
    others = [key for key in entry.keys if key not in vouched]
    await end_keys(connection, others)
    if strangers := sum(key.valid_until is None for key in others):
        log.error("directory.keys_refused", extra={"organisation": entry.code, "count": strangers})


def _told(entry: OrganisationRegistered) -> tuple[dict[str, str], dict[str, str]]:
    return entry.countersignatures, entry.second_countersignatures


def _is_owners(
    key: PublicKey, entry: OrganisationRegistered, before: Sequence[PublicKey], *, at: datetime
) -> bool:
    """Whether a key that counts until now has signed that this one is its owner's."""
    good = [one for one in before if one.use == "signing" and one.fault(at) is None]
    return any(
        is_proven(proof.said_by(entry.code), proof.proof, by=one.key)
        for proof in entry.proofs
        if key.key in (proof.signing, proof.sealing)
        for one in good
    )

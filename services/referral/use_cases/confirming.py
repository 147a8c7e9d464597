"""Closing the loop: whoever asked for a service confirms that the person was given it (domain §6, R5)."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from contracts.referral import ReferralConfirmed
from services.referral.store import referrals
from services.referral.store.referrals import Referral
from services.referral.use_cases.announcing import Announcer, Cause, repeated

#: Only what its recipient says it has given can be confirmed, and again what is.
_CONFIRMABLE = frozenset({"delivered", "confirmed"})


class NothingToConfirm(Exception):
    """No case of this owner has such a referral."""


class NotDelivered(Exception):
    """Its recipient has not said that the service was given."""


async def see_given(connection: AsyncConnection, referral_id: UUID, *, owner: str) -> Referral:
    """A referral of a case of this owner, as it stands. Raises `NothingToConfirm`."""
    one = (await referrals.lock(connection, [referral_id])).get(referral_id)
    # Somebody else's case and one that does not exist look the same from outside.
    if one is None or one.owner != owner:
        raise NothingToConfirm
    return one


async def confirm_delivery(
    connection: AsyncConnection,
    referral_id: UUID,
    *,
    owner: str,
    role: str,
    announcer: Announcer,
    trace: str | None = None,
) -> Referral:
    """The referral is `confirmed`; confirming twice says it once. role: of the person who does.

    Raises `NothingToConfirm`, `NotDelivered`.
    """
    one = await see_given(connection, referral_id, owner=owner)
    if one.state not in _CONFIRMABLE:
        raise NotDelivered
    if one.state == "confirmed":
        return one
    confirmed = replace(one, state="confirmed")
    await referrals.move(connection, [confirmed])
    event = ReferralConfirmed(**repeated(one), confirmed_by_role=role)
    said = announcer.inside(event, one.case_id, cause=Cause(trace=trace))
    await outbox.add(connection, [said])
    return confirmed

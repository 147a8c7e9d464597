"""Closing the loop: whoever asked for a service confirms that the person was given it (domain §6, R5)."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from contracts.callers import Caller
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
    who: Caller,
    referral_id: UUID,
    *,
    announcer: Announcer,
    trace: str | None = None,
) -> None:
    """The referral is `confirmed`, by API or page; confirming twice says it once, and is on record twice.

    Raises `NothingToConfirm`, `NotDelivered`.
    """
    one = await see_given(connection, referral_id, owner=who.organisation)
    if one.state not in _CONFIRMABLE:
        raise NotDelivered
    if one.state != "confirmed":
        await referrals.move(connection, [replace(one, state="confirmed")])
        event = ReferralConfirmed(**repeated(one), confirmed_by_role=who.role)
        said = announcer.inside(event, one.case_id, cause=Cause(trace=trace))
        await outbox.add(connection, [said])
    look = Look(action="referral.confirm", case_id=one.case_id, purpose="coordination")
    await audit.add(connection, who, [look])

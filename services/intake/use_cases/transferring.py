"""Giving a case to another owner: offered by its owner, accepted by the new one, whole and at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit, outbox
from chassis.audit import Look
from chassis.outbox import Outgoing
from contracts import feed_cases as feed
from contracts.callers import Caller
from contracts.cases import CaseTransferred
from contracts.intake import DossierReleased
from contracts.policy import VERSION, may_know
from services.intake.domain import transfers as rules
from services.intake.domain.transfers import Offer
from services.intake.store import consents, disclosures, merges, transfers
from services.intake.store.consents import CaseFile
from services.intake.store.disclosures import Receipt
from services.intake.store.transfers import NewOffer
from services.intake.use_cases.cutting import CODED, written
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.heirs import PURPOSE, Heir, find_heir
from services.intake.use_cases.telling import Telling, tell_if_reached

OFFER, ACCEPT, REFUSE, WITHDRAW = (
    f"transfer.{verb}" for verb in ("offer", "accept", "refuse", "withdraw")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who acts; trace: the hop to hand on."""

    who: Caller
    trace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """An offer that stands until then."""

    transfer_id: UUID
    lapses_at: datetime


async def offer_transfer(
    connection: AsyncConnection, acting: Acting, number: str, *, to: str, by: Discloser
) -> Offered | None:
    """Ask another organisation to have the person's cases. None: the caller owns no such case.

    Raises the kinds of `TransferRefused`.
    """
    await merges.hold(connection)
    owner = acting.who.organisation
    case_id = await consents.own_case(connection, number, owner=owner)
    if case_id is None:
        await _not_found(connection, acting, OFFER)
        return None
    cases = await merges.person(connection, case_id)
    files = await consents.files(connection, cases)
    root = (await merges.root(connection, case_id)).case_id
    if files[root].owner != owner:  # given away between the two looks
        await _not_found(connection, acting, OFFER)
        return None
    heir = await find_heir(connection, to, owner=owner)
    offer = _offer(heir, files, root, by=by)
    lapses_at = await transfers.add(connection, offer)
    if lapses_at is None:
        raise rules.Pending
    said = feed.TransferOffered(
        transfer_id=offer.transfer_id,
        owner=owner,
        ground=offer.ground,
        lapses_at=lapses_at,
        **offer.shown,
    )
    telling = Telling(
        organisation=to, case_id=root, trace=acting.trace, id=offer.transfer_id, ground=offer.ground
    )
    await tell_if_reached(connection, said, telling, by=by)
    await _on_record(connection, acting, cases, action=OFFER, outcome="offered")
    return Offered(transfer_id=offer.transfer_id, lapses_at=lapses_at)


async def accept_transfer(
    connection: AsyncConnection, acting: Acting, transfer_id: UUID, *, by: Discloser
) -> str | None:
    """Become the owner of the whole person; the case's number. None: no such offer to the caller.

    Whoever changes owners is alone, as with merges: it writes rows of pairs that two persons share.
    So of two one comes first, and the other finds the owner changed. Raises the kinds of
    `TransferRefused`.
    """
    await merges.be_alone(connection)
    offer = await transfers.find(connection, transfer_id)
    if offer is None or offer.to_owner != acting.who.organisation:
        await _not_found(connection, acting, ACCEPT)
        return None
    root = (await merges.root(connection, offer.case_id)).case_id
    cases = await merges.below(connection, root)
    files = await consents.files(connection, cases)
    await _require_open(connection, offer, files[root])
    heir = await find_heir(connection, offer.to_owner, owner=offer.from_owner)
    grounds = heir.grounds(files, by.mint.moment())
    if not grounds:
        raise rules.NoGround
    await merges.transfer(connection, root, cases, owner=heir.code)
    await transfers.end(connection, transfer_id, "accepted")
    receipts = [_receipt(heir, offer, files[one], grounds=grounds, by=by) for one in cases]
    await disclosures.save(connection, receipts)
    await outbox.add(connection, _announced(offer, receipts, acting=acting, by=by))
    await _on_record(connection, acting, cases, action=ACCEPT, outcome="granted")
    return await _tell_both(connection, offer, acting=acting, by=by)


async def refuse_transfer(
    connection: AsyncConnection, acting: Acting, transfer_id: UUID, *, reason: str, by: Discloser
) -> bool:
    """The asked organisation does not take it; False: no such offer to the caller. Raises `Settled`."""
    offer = await _end(connection, acting, transfer_id, state="refused", reason=reason)
    if offer is None:
        return False
    said = feed.TransferRefused(transfer_id=transfer_id, organisation=offer.to_owner, reason=reason)
    await tell_if_reached(connection, said, _to(offer.from_owner, offer, acting), by=by)
    return True


async def withdraw_transfer(
    connection: AsyncConnection, acting: Acting, transfer_id: UUID, *, by: Discloser
) -> bool:
    """The owner asks no more; False: no such offer of the caller's. Raises `Settled`."""
    offer = await _end(connection, acting, transfer_id, state="withdrawn", reason=None)
    if offer is None:
        return False
    said = feed.TransferWithdrawn(transfer_id=transfer_id)
    await tell_if_reached(connection, said, _to(offer.to_owner, offer, acting), by=by)
    return True


async def _end(
    connection: AsyncConnection,
    acting: Acting,
    transfer_id: UUID,
    *,
    state: str,
    reason: str | None,
) -> Offer | None:
    action = REFUSE if state == "refused" else WITHDRAW
    offer = await transfers.find(connection, transfer_id, lock=True)
    party = offer and (offer.to_owner if state == "refused" else offer.from_owner)
    if offer is None or party != acting.who.organisation:
        await _not_found(connection, acting, action)
        return None
    if not offer.is_open:
        raise rules.Settled
    await transfers.end(connection, transfer_id, state, reason=reason)
    await _on_record(connection, acting, [offer.case_id], action=action, outcome=state)
    return offer


def _offer(heir: Heir, files: Mapping[UUID, CaseFile], root: UUID, *, by: Discloser) -> NewOffer:
    file = files[root]
    if file.is_closed:
        raise rules.Closed
    grounds = heir.grounds(files, by.mint.moment())
    if not grounds:
        raise rules.NoGround
    names = may_know(heir.reader(file), "offered", grounds).fields
    known = file.facts.model_dump(mode="json")
    shown = {
        name: known[name]
        for section, name in names
        if section == CODED and name in feed.TransferOffered.model_fields and name in known
    }
    return NewOffer(
        transfer_id=by.mint.message_id(),
        case_id=root,
        from_owner=file.owner,
        to_owner=heir.code,
        ground=grounds[0],
        shown=shown,
    )


async def _require_open(connection: AsyncConnection, offer: Offer, file: CaseFile) -> None:
    """Asked again once the case is held: who came before us may have ended the offer."""
    now = await transfers.find(connection, offer.transfer_id, lock=True)
    assert now is not None  # noqa: S101 - offers are never deleted
    rules.require_open(now, root=file.case_id, owner=file.owner, is_erased=file.is_erased)


def _receipt(
    heir: Heir, offer: Offer, file: CaseFile, *, grounds: tuple[str, ...], by: Discloser
) -> Receipt:
    """The whole file is open to its owner from now on, who looks it up, as a desk does."""
    cut = may_know(heir.reader(file), "accepted", grounds)
    return Receipt(
        receipt_id=by.mint.message_id(),
        case_id=file.case_id,
        referral_id=offer.transfer_id,
        organisation=heir.code,
        organisation_kind=heir.kind,
        service=PURPOSE,
        purpose=PURPOSE,
        stage="accepted",
        form="desk",
        ground=grounds[0],
        policy_version=VERSION,
        fields=written(frozenset(name for name in cut.fields if name[0] != CODED)),
        digest=None,
    )


def _announced(
    offer: Offer, receipts: Sequence[Receipt], *, acting: Acting, by: Discloser
) -> list[Outgoing]:
    transferred = CaseTransferred(
        owner=offer.to_owner, before=offer.from_owner, transferred_on=by.mint.moment().date()
    )
    told = []
    for one in receipts:
        released = DossierReleased(
            **{
                name: getattr(one, name)
                for name in DossierReleased.model_fields
                if name != "digest"
            }
        )
        moved = by.announced(transferred, one.case_id, cause=None, trace=acting.trace)
        shown = by.announced(released, one.case_id, cause=str(moved.id), trace=acting.trace)
        told += [moved, shown]
    return told


async def _tell_both(
    connection: AsyncConnection, offer: Offer, *, acting: Acting, by: Discloser
) -> str:
    number = await transfers.number_of(connection, offer.case_id)
    assert number is not None  # noqa: S101 - it is held, and was not erased
    for code, shown in ((offer.from_owner, None), (offer.to_owner, number)):
        said = feed.CaseTransferred(
            transfer_id=offer.transfer_id,
            owner=offer.to_owner,
            transferred_on=by.mint.moment().date(),
            case_number=shown,
        )
        await tell_if_reached(connection, said, _to(code, offer, acting), by=by)
    return number


def _to(organisation: str, offer: Offer, acting: Acting) -> Telling:
    return Telling(organisation=organisation, case_id=offer.case_id, trace=acting.trace)


async def _on_record(
    connection: AsyncConnection, acting: Acting, cases: Sequence[UUID], *, action: str, outcome: str
) -> None:
    """The chain of every case of the person says who did what."""
    looks = [Look(action=action, case_id=one, outcome=outcome, shown=0) for one in cases]
    await audit.add(connection, acting.who, looks)


async def _not_found(connection: AsyncConnection, acting: Acting, action: str) -> None:
    await audit.add(connection, acting.who, [Look(action=action, outcome="not_found", shown=0)])

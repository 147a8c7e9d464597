"""Taking the organisations' answers: each is possible or refused, and whoever it concerns hears."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.inbox.refusals import limited
from chassis.outbox import Outgoing
from contracts import feed
from services.referral.domain.lifecycle import WrongState, step
from services.referral.store import referrals
from services.referral.store.referrals import Referral
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import offer_next

UNKNOWN = "unknown_referral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request of one organisation; `verb` is `receive`, `accept`, `decline`, …"""

    organisation: str
    referral_id: UUID
    verb: str
    request_id: UUID
    cause: Cause
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Which case an answer turned out to be about, if the sender has it; why it was refused, if so."""

    answer: Answer
    case_id: UUID | None
    refused: str | None = None


async def take_answers(
    connection: AsyncConnection, answers: Sequence[Answer], *, announcer: Announcer
) -> list[Answered]:
    """Apply the answers in order; returns what became of each."""
    current = await referrals.lock(connection, {one.referral_id for one in answers})
    moved: dict[UUID, Referral] = {}
    messages: list[Outgoing] = []
    declined: list[tuple[Referral, Cause]] = []
    answered = []
    for one in answers:
        referral = current.get(one.referral_id)
        # Somebody else's referral and one that does not exist look the same from outside.
        if referral is None or referral.organisation != one.organisation:
            messages.append(_refused(one, announcer, reason=UNKNOWN, field="referral_id"))
            answered.append(Answered(answer=one, case_id=None, refused=UNKNOWN))
            continue
        try:
            after = replace(referral, state=step(referral.state, one.verb))
        except WrongState as wrong:
            messages.append(_impossible(one, announcer, wrong))
            answered.append(Answered(answer=one, case_id=referral.case_id, refused="wrong_state"))
            continue
        answered.append(Answered(answer=one, case_id=referral.case_id))
        current[one.referral_id] = moved[one.referral_id] = after
        messages += announcer.stepped(after, cause=one.cause, reason=one.reason)
        if after.state == "declined":
            declined.append((after, one.cause))
    await referrals.move(connection, list(moved.values()))
    await outbox.add(connection, await limited(connection, messages, refusal=feed.RequestRefused))
    if declined:
        await offer_next(connection, declined, announcer=announcer)
    return answered


def _impossible(one: Answer, announcer: Announcer, wrong: WrongState) -> Outgoing:
    allowed = tuple(f"referral.{verb}" for verb in wrong.allowed)
    return _refused(one, announcer, reason="wrong_state", field="ce-type", allowed=allowed)


def _refused(
    one: Answer, announcer: Announcer, *, reason: str, field: str, allowed: tuple[str, ...] = ()
) -> Outgoing:
    refusal = feed.RequestRefused(
        request_id=one.request_id,
        request_type=f"referral.{one.verb}",
        reason=reason,
        field=field,
        allowed=allowed,
    )
    return announcer.told(
        refusal,
        organisation=one.organisation,
        subject=str(one.referral_id),
        cause=one.cause,
    )

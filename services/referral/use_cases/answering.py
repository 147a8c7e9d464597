"""Taking the organisations' answers: each is possible or refused, and whoever it concerns hears."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.outbox import Outgoing
from contracts import feed
from services.referral.domain.lifecycle import WrongState, step
from services.referral.store import referrals
from services.referral.store.referrals import Referral
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import offer_next


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
    """Which case an answer turned out to be about."""

    answer: Answer
    case_id: UUID


async def take_answers(
    connection: AsyncConnection, answers: Sequence[Answer], *, announcer: Announcer
) -> list[Answered]:
    """Apply the answers in order; returns those that concern a case the sender has."""
    current = await referrals.lock(connection, {one.referral_id for one in answers})
    moved: dict[UUID, Referral] = {}
    messages: list[Outgoing] = []
    declined: list[tuple[Referral, Cause]] = []
    concerned = []
    for one in answers:
        referral = current.get(one.referral_id)
        # Somebody else's referral and one that does not exist look the same from outside.
        if referral is None or referral.organisation != one.organisation:
            messages.append(_refused(one, announcer, reason="unknown_referral"))
            continue
        concerned.append(Answered(answer=one, case_id=referral.case_id))
        try:
            after = replace(referral, state=step(referral.state, one.verb))
        except WrongState as wrong:
            allowed = tuple(f"referral.{verb}" for verb in wrong.allowed)
            messages.append(_refused(one, announcer, reason="wrong_state", allowed=allowed))
            continue
        current[one.referral_id] = moved[one.referral_id] = after
        messages += announcer.stepped(after, cause=one.cause, reason=one.reason)
        if after.state == "declined":
            declined.append((after, one.cause))
    await referrals.move(connection, list(moved.values()))
    await outbox.add(connection, messages)
    if declined:
        await offer_next(connection, declined, announcer=announcer)
    return concerned


def _refused(
    one: Answer, announcer: Announcer, *, reason: str, allowed: tuple[str, ...] = ()
) -> Outgoing:
    refusal = feed.RequestRefused(
        request_id=one.request_id,
        request_type=f"referral.{one.verb}",
        reason=reason,
        allowed=allowed,
    )
    return announcer.told(
        refusal,
        organisation=one.organisation,
        subject=str(one.referral_id),
        cause=one.cause,
    )

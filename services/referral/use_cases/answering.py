"""Taking the organisations' answers: each is possible or refused, and whoever it concerns hears."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import outbox
from chassis.inbox.refusals import limited
from chassis.outbox import Outgoing
from contracts import feed
from services.referral.domain.lifecycle import WrongState, step
from services.referral.store import answers as records
from services.referral.store import places, referrals
from services.referral.store.referrals import Referral
from services.referral.use_cases.announcing import Announcer, Cause
from services.referral.use_cases.offering import offer_next

UNKNOWN = "unknown_referral"
#: What an acceptance lacks, and the reason for which it becomes a decline.
FULL = "capacity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One request of one organisation; `verb` is `receive`, `accept`, `decline`, …

    is_by_hand: somebody said it at a page, and sees there why it is refused; no feed is told.
    """

    organisation: str
    referral_id: UUID
    verb: str
    request_id: UUID
    cause: Cause
    reason: str | None = None
    is_by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Which case an answer turned out to be about, if the sender has it; why it was refused, if so."""

    answer: Answer
    case_id: UUID | None
    refused: str | None = None


@dataclass(slots=True)
class _Round:
    """The answers of one transaction, in order, and what they change. room: by (code, service)."""

    announcer: Announcer
    current: dict[UUID, Referral]
    room: dict[tuple[str, str], int]
    moved: dict[UUID, Referral] = field(default_factory=dict)
    messages: list[Outgoing] = field(default_factory=list)
    declined: list[tuple[Referral, Cause]] = field(default_factory=list)
    settled: list[UUID] = field(default_factory=list)

    def take(self, one: Answer) -> Answered:
        """Apply one."""
        referral = self.current.get(one.referral_id)
        # Somebody else's referral and one that does not exist look the same from outside.
        if referral is None or referral.organisation != one.organisation:
            self._refuse(one, UNKNOWN, field="referral_id")
            return Answered(answer=one, case_id=None, refused=UNKNOWN)
        try:
            after = replace(referral, state=step(referral.state, one.verb))
        except WrongState as wrong:
            allowed = tuple(f"referral.{verb}" for verb in wrong.allowed)
            self._refuse(one, "wrong_state", field="ce-type", allowed=allowed)
            return Answered(answer=one, case_id=referral.case_id, refused="wrong_state")
        if after.state == "accepted" and not self._holds_a_place(after):
            self._refuse(one, "wrong_state", field=FULL)
            self._move(replace(referral, state="declined"), one, reason=FULL)
            return Answered(answer=one, case_id=referral.case_id, refused=FULL)
        self._move(after, one, reason=one.reason)
        return Answered(answer=one, case_id=referral.case_id)

    def _holds_a_place(self, accepted: Referral) -> bool:
        """Whether there is one, or nobody counts them; it is taken now."""
        pair = accepted.organisation, accepted.service
        if pair not in self.room:
            return True
        self.room[pair] -= 1
        return self.room[pair] >= 0

    def _move(self, after: Referral, one: Answer, *, reason: str | None) -> None:
        self.current[one.referral_id] = self.moved[one.referral_id] = after
        self.messages += self.announcer.stepped(after, cause=one.cause, reason=reason)
        if after.state in ("accepted", "declined"):
            self.settled.append(one.referral_id)
        if after.state == "declined":
            self.declined.append((after, one.cause))

    def _refuse(
        self, one: Answer, reason: str, *, field: str, allowed: tuple[str, ...] = ()
    ) -> None:
        if one.is_by_hand:
            return
        refusal = feed.RequestRefused(
            request_id=one.request_id,
            request_type=f"referral.{one.verb}",
            reason=reason,
            field=field,
            allowed=allowed,
        )
        self.messages.append(
            self.announcer.told(
                refusal,
                organisation=one.organisation,
                subject=str(one.referral_id),
                cause=one.cause,
            )
        )


async def take_answers(
    connection: AsyncConnection, answers: Sequence[Answer], *, announcer: Announcer
) -> list[Answered]:
    """Apply the answers in order; returns what became of each.

    Who accepts without a place left has declined for `capacity`, and the next in rank is asked.
    """
    current = await referrals.lock(connection, {one.referral_id for one in answers})
    accepting = (current.get(one.referral_id) for one in answers if one.verb == "accept")
    counted = await places.lock(
        connection, {(one.organisation, one.service) for one in accepting if one is not None}
    )
    room = {pair: one.room for pair, one in counted.items()}
    done = _Round(announcer, current, room)
    answered = [done.take(one) for one in answers]
    await referrals.move(connection, list(done.moved.values()))
    await records.note(connection, done.settled)
    told = await limited(connection, done.messages, refusal=feed.RequestRefused)
    await outbox.add(connection, told)
    if done.declined:
        await offer_next(connection, done.declined, announcer=announcer)
    return answered

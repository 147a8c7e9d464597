"""Ready-made ways to answer offers without a person, for demonstrations and first trials."""

from dataclasses import dataclass

from contracts.event import Message
from contracts.feed import Accepted, Offer, Started
from contracts.requests import (
    AcceptReferral,
    DeclineReferral,
    DeliverReferral,
    ReceiveReferral,
    ReferralRequest,
    StartReferral,
)
from contracts.vocabulary import allowed, codes

FORMS = "silent, receive, accept, decline:REASON or decline:REASON:N (N declines, then accept)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What to do with an offer: nothing, only say that it has been seen, decline, or accept.

    `reason` given: decline for it, at most `declines` times (None: always), then accept.
    `complete`: after an acceptance also report the service as started, then as delivered.
    """

    sees: bool = True
    accepts: bool = False
    reason: str | None = None
    declines: int | None = None
    complete: bool = False

    def answer(
        self, message: Message, *, own: str, declined: int = 0
    ) -> tuple[ReferralRequest, ...]:
        """The requests that answer this message; `declined`: how often we already declined."""
        if isinstance(message, Offer) and self.sees:
            return (
                ReceiveReferral(referral_id=message.referral_id),
                *self._decide(message, declined),
            )
        if self.complete and isinstance(message, Accepted) and message.organisation == own:
            return (StartReferral(referral_id=message.referral_id),)
        if self.complete and isinstance(message, Started) and message.organisation == own:
            return (DeliverReferral(referral_id=message.referral_id),)
        return ()

    def _decide(self, offer: Offer, declined: int) -> tuple[ReferralRequest, ...]:
        if self.reason is not None and (self.declines is None or declined < self.declines):
            return (DeclineReferral(referral_id=offer.referral_id, reason=self.reason),)
        if self.accepts:
            return (AcceptReferral(referral_id=offer.referral_id),)
        return ()


def parse_policy(text: str, *, complete: bool = False) -> Policy:
    """Read `silent`, `receive`, `accept`, `decline:REASON` or `decline:REASON:N`.

    Raises ValueError that says which forms and reasons exist.
    """
    word, *rest = text.split(":")
    if word == "decline" and 1 <= len(rest) <= 2:
        return _declining(rest, complete)
    if rest or word not in ("silent", "receive", "accept"):
        raise ValueError(f"policy must be {FORMS}")
    return Policy(sees=word != "silent", accepts=word == "accept", complete=complete)


def _declining(rest: list[str], complete: bool) -> Policy:
    if rest[0] not in codes("decline_reason"):
        raise ValueError(f"the reason must be one of: {allowed('decline_reason')}")
    if len(rest) == 1:
        return Policy(reason=rest[0], complete=complete)
    if not (rest[1].isascii() and rest[1].isdigit()):
        raise ValueError(f"policy must be {FORMS}")
    return Policy(accepts=True, reason=rest[0], declines=int(rest[1]), complete=complete)

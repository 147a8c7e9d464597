"""One more partner for each other check: `python -m tests.partners.broken.others --dir … NAME`.

Each takes one thing out of the kit, so that every check is known to find what it looks for.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from contracts.catalogue import read_message
from contracts.envelope import Envelope, Rejected, encode_headers
from contracts.event import Message
from contracts.feed import FeedTrimmed, Offer, RequestRefused
from contracts.keyring import PublicKey
from contracts.requests import AcceptReferral, DeclineReferral, ReferralRequest, Request
from partners.examples.answering import main
from partners.kit import Delivery, Partner, reading
from partners.kit.answers import Policy
from partners.kit.feed import Received
from partners.kit.keys import PlatformKeys
from partners.kit.ledger import Ledger
from partners.kit.raw import Raw
from partners.kit.writing import Writer

_receive, _take, _put_aside = Ledger.receive, Partner._take, Partner._put_aside
_answer, _fault = Policy.answer, PublicKey.fault


def _patch(owner: object, **changed: Any) -> None:
    for name, value in changed.items():
        setattr(owner, name, value)


def declines() -> None:
    """It never takes anybody on."""

    def decide(_: Policy, offer: Offer, __: int) -> tuple[ReferralRequest, ...]:
        return (DeclineReferral(referral_id=offer.referral_id, reason="capacity"),)

    _patch(Policy, _decide=decide)


def waits_for_gaps() -> None:
    """While a number is missing it hands out nothing."""

    async def take(self: Partner, raw: Raw) -> Delivery | None:
        delivery = await _take(self, raw)
        return None if self._ledger.feed.missing() else delivery

    _patch(Partner, _take=take)


def stumbles_over_trimmed() -> None:
    """It ends at the word that a number will not come."""

    def receive(self: Ledger, envelope: Envelope, message: Message, **more: Any) -> Received:
        if isinstance(message, FeedTrimmed):
            raise SystemExit(1)
        return _receive(self, envelope, message, **more)

    _patch(Ledger, receive=receive)


def chokes_on_poison() -> None:
    """What it cannot read it leaves where it is."""

    async def put_aside(self: Partner, raw: Raw, rejected: Rejected) -> None:
        if rejected.reason not in ("not_json", "not_utf8", "wrong_schema"):
            await _put_aside(self, raw, rejected)

    _patch(Partner, _put_aside=put_aside)


def knows_every_field() -> None:
    """A field that it does not know makes a message unreadable."""
    Offer.model_config["extra"] = "forbid"
    Offer.model_rebuild(force=True)


def guesses_codes() -> None:
    """It takes an urgency that it does not know for the usual one."""

    def read(headers: Any, body: bytes, *, types: Any) -> tuple[Envelope, Message]:
        try:
            return read_message(headers, body, types=types)
        except Rejected as rejected:
            if rejected.reason != "unknown_code":
                raise
            usual = json.loads(body) | {"urgency": "normal_14d"}
            return read_message(headers, json.dumps(usual).encode(), types=types)

    _patch(reading, read_message=read)


def insists() -> None:
    """What was refused it asks again."""
    accepted: list[Offer] = []

    def answer(self: Policy, message: Message, **more: Any) -> tuple[ReferralRequest, ...]:
        if isinstance(message, RequestRefused):
            return (AcceptReferral(referral_id=accepted[-1].referral_id),)
        if isinstance(message, Offer):
            accepted.append(message)
        return _answer(self, message, **more)

    _patch(Policy, answer=answer)


def forgets_what_it_could_not_acknowledge() -> None:
    """A message that is delivered again is new to it."""
    again: list[bool] = []

    async def take(self: Partner, raw: Raw) -> Delivery | None:
        again[:] = [raw.tries > 1]
        return await _take(self, raw)

    def receive(self: Ledger, *given: Any, **more: Any) -> Received:
        received = _receive(self, *given, **more)
        return replace(received, handled=False) if again[0] else received

    _patch(Partner, _take=take)
    _patch(Ledger, receive=receive)


def remembers_little() -> None:
    """Of what it has handled it knows the last few."""

    def receive(self: Ledger, *given: Any, **more: Any) -> Received:
        received = _receive(self, *given, **more)
        last = self.feed.counts()["received"]
        return replace(received, handled=received.handled and received.number > last - 5)

    _patch(Ledger, receive=receive)


def forgets_keys() -> None:
    """New keys of the platform are gone when it starts again."""

    def learn(self: PlatformKeys, keys: Any, *, signer: str) -> None:
        self._ring = self.ring().with_word_of(signer, keys)

    _patch(PlatformKeys, learn=learn)


def trusts_doubtful_keys() -> None:
    """It knows when a key ends, and not that it may have been stolen."""

    def fault(self: PublicKey, at: datetime) -> Any:
        return _fault(self.model_copy(update={"suspect_from": None}), at)

    _patch(PublicKey, fault=fault)


def signs_nothing() -> None:
    """Its requests are right in all but the signature."""

    def signed(_: Writer, request: Request, envelope: Envelope, **__: Any) -> dict[str, str]:
        return encode_headers(envelope)

    _patch(Writer, _signed=signed)


OTHERS: Mapping[str, Callable[[], None]] = {
    "offer": declines,
    "gap": waits_for_gaps,
    "trimmed": stumbles_over_trimmed,
    "poison": chokes_on_poison,
    "newer": knows_every_field,
    "unknown_code": guesses_codes,
    "refused": insists,
    "slow": forgets_what_it_could_not_acknowledge,
    "replay": remembers_little,
    "rotation": forgets_keys,
    "revoked": trusts_doubtful_keys,
}

if __name__ == "__main__":
    {**OTHERS, "signs_nothing": signs_nothing}[sys.argv.pop()]()
    main()

"""Sends requests from the command line, and keeps them on disk until Siraba has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

import typer

from contracts.requests import (
    AboutReferral,
    AcceptReferral,
    AcknowledgeConsent,
    DeclineReferral,
    DeliverReferral,
    FailReferral,
    ReceiveReferral,
    ReferralRequest,
    Request,
    StartReferral,
)
from contracts.vocabulary import allowed, codes
from partners.kit import keys
from partners.kit.client import Partner
from partners.kit.delivery import Receipt
from partners.kit.edge import SYSTEM
from partners.kit.errors import KitError
from partners.kit.ledger import Ledger
from partners.kit.outbox import ANSWERED
from partners.kit.watch import LOG
from partners.kit.writing import Writer

#: The exit code of a request that waits on disk.
STORED_ONLY: Final = 3
REASONED_ONLY: Final = "--reason belongs to decline and fail only"


class Action(StrEnum):
    """What a partner can say about a referral."""

    receive = "receive"
    accept = "accept"
    decline = "decline"
    start = "start"
    deliver = "deliver"
    fail = "fail"
    acknowledge = "acknowledge"


_PLAIN = {
    Action.receive: ReceiveReferral,
    Action.accept: AcceptReferral,
    Action.start: StartReferral,
    Action.deliver: DeliverReferral,
}
_REASONED: Mapping[Action, tuple[type[ReferralRequest], str]] = {
    Action.decline: (DeclineReferral, "decline_reason"),
    Action.fail: (FailReferral, "failure_reason"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Where to send, with which folder, and for how many seconds to wait for the platform."""

    folder: Path
    url: str
    code: str | None
    ca: Path | None
    patience: float

    def requests(
        self, action: Action, referral_id: UUID, reason: str | None
    ) -> Sequence[AboutReferral]:
        """What this action asks; to acknowledge needs the ledger, which knows what was withdrawn.

        Raises ValueError that names the rule, `KeysRefused`, `LedgerRefused`.
        """
        if action is not Action.acknowledge:
            return (request_for(action, referral_id, reason),)
        if reason is not None:
            raise ValueError(REASONED_ONLY)
        keys.load(self.folder, code=self.code)
        ledger = Ledger.open(self.folder)
        try:
            found = ledger.withdrawals.unconfirmed()
        finally:
            ledger.close()
        asked = [
            AcknowledgeConsent(**one._asdict()) for one in found if one.referral_id == referral_id
        ]
        if not asked:
            raise ValueError("no withdrawal of consent for this referral waits to be confirmed")
        return asked

    async def run(self, request: Request) -> Receipt:
        """Store the request, then try to send it: without a connection it goes out later."""
        id = self._store(request)
        try:
            async with Partner.open(
                self.folder, url=self.url, code=self.code, ca=self.ca, patience=self.patience
            ) as partner:
                return await partner.deliver(id)
        except KitError as error:
            LOG.warning("%s", error)
            return Receipt(id=id, acknowledged=False)

    def _store(self, request: Request) -> UUID:
        own = keys.load(self.folder, code=self.code)
        ledger = Ledger.open(self.folder)
        try:
            return Writer(ledger=ledger, edge=SYSTEM, keys=own).store(request)
        finally:
            ledger.close()


def say_what_became(name: str, receipt: Receipt) -> None:
    """Whether Siraba has it; ends with STORED_ONLY where it has not."""
    if not receipt.acknowledged:
        typer.echo(f"{name} is stored; it goes out with the next listen or send")
        raise typer.Exit(STORED_ONLY)
    feed = "its answer comes in your feed"
    if name not in ANSWERED.values():
        feed = "nothing comes of it in your feed unless it is refused"
    typer.echo(f"{name} has reached Siraba; {feed}")


def request_for(action: Action, referral_id: UUID, reason: str | None) -> ReferralRequest:
    """The request for this action; ValueError that names the rule when the reason does not fit."""
    if action in _PLAIN:
        if reason is not None:
            raise ValueError(REASONED_ONLY)
        return _PLAIN[action](referral_id=referral_id)
    request, reasons = _REASONED[action]
    if reason not in codes(reasons):
        raise ValueError(f"{action} needs --reason, one of: {allowed(reasons)}")
    return request.model_validate({"referral_id": referral_id, "reason": reason})

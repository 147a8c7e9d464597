"""How what happens is shown: one line for a person, or one JSON object per line for a program."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from contracts.envelope import Envelope
from contracts.event import Message
from contracts.feed import ConsentWithdrawn
from contracts.requests import Request
from partners.kit.delivery import Delivery, Receipt

Write = Callable[[str], None]

# What a person needs to see of a message, in this order; the rest is in the JSON form.
_SHOWN = (
    "case_number",
    "service",
    "urgency",
    "region",
    "organisation",
    "reason",
    "request_type",
    "field",
)


class Lines:
    """Writes what happened through `write`, which gets whole lines without their line end.

    JSON lines have `did` (`ready`, `received`, `sent`, `forgotten`, `stopped`), `at` (UTC, ISO 8601) and for
    messages `name`, `id`, `referral_id` (or null) and `body`; `received` adds `source`, `again`
    and `feed_sequence`, `sent` adds `acknowledged`, `ready` and `stopped` have `code`;
    a dossier adds `fields`, a count, and `forgotten` has `withdrawal_id`.
    """

    def __init__(self, *, write: Write, now: Callable[[], datetime], as_json: bool):
        self._write = write
        self._now = now
        self._as_json = as_json

    def ready(self, code: str) -> None:
        """Connected, and listening from now on."""
        self._show("ready", f"{code} is connected and listens", code=code)

    def stopped(self, code: str) -> None:
        """Nothing is lost: what comes from now on waits in the feed."""
        self._show("stopped", f"{code} has stopped; what comes now waits in the feed", code=code)

    def received(self, delivery: Delivery) -> None:
        """A message of the feed."""
        envelope, message = delivery.envelope, delivery.message
        self._show(
            "received",
            "  ".join(("<", f"{message.name:<19}", *_words(message, envelope), *_count(delivery))),
            **_facts(message, envelope.id),
            source=envelope.source,
            feed_sequence=envelope.feed_sequence,
            again=delivery.again,
            **_opened(delivery),
        )

    def forgotten(self, message: ConsentWithdrawn) -> None:
        """Consent was withdrawn: what was told on it is erased here, and the platform hears so."""
        self._show(
            "forgotten",
            f"x  {message.name:<19}  referral {message.referral_id}",
            name=message.name,
            referral_id=str(message.referral_id),
            withdrawal_id=str(message.withdrawal_id),
        )

    def sent(self, request: Request, receipt: Receipt) -> None:
        """A request of ours."""
        state = "" if receipt.acknowledged else "stored, not yet sent"
        words = (*_words(request, None), state)
        self._show(
            "sent",
            "  ".join((">", f"{request.name:<19}", *filter(None, words))),
            **_facts(request, receipt.id),
            acknowledged=receipt.acknowledged,
        )

    def _show(self, did: str, text: str, **facts: Any) -> None:
        now = self._now()
        if self._as_json:
            self._write(json.dumps({"did": did, "at": now.isoformat(), **facts}))
        else:
            self._write(f"{now.astimezone():%H:%M:%S}  {text}")


def _opened(delivery: Delivery) -> dict[str, Any]:
    """How much a dossier held, never what: lines end in terminals and logs."""
    if delivery.dossier is None:
        return {}
    return {"fields": sum(map(len, delivery.dossier.values()))}


def _count(delivery: Delivery) -> tuple[str, ...]:
    return () if delivery.dossier is None else (f"{_opened(delivery)['fields']} fields",)


def _facts(message: Message, id: object) -> dict[str, Any]:
    body = message.model_dump(mode="json", exclude={"sealed"})
    return {
        "name": message.name,
        "id": str(id),
        "referral_id": body.get("referral_id"),
        "body": body,
    }


def _words(message: Message, envelope: Envelope | None) -> tuple[str, ...]:
    body = message.model_dump(mode="json")
    referral = body.get("referral_id") or (envelope.correlation_id if envelope else None)
    words = [str(body[name]) for name in _SHOWN if body.get(name)]
    return (*words, *([f"referral {referral}"] if referral else []))

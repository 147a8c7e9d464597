"""The organisations' own programs, all in one process: take each offer on, acknowledge the rest.

    python -m tests.bench.program URL FOLDER RECEIPTS CODE…

The same for every chain. Safe without a ledger: an offer is acknowledged after its answer is on the
platform's disk, and the answer's id follows from the offer's, so that a repeat is dropped there.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid5

import nats
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts.envelope import HOP, SIGNATURE, Envelope, encode_headers
from contracts.feed import Offer
from contracts.keyring import Keyring
from contracts.reading import partner_source, read_feed
from contracts.requests import AcceptReferral
from contracts.signing import Signer, signed_payload, verify_message
from contracts.topology import (
    PARTNER_API_PREFIX,
    feed_durable,
    inbox_prefix,
    partner_subject,
    stored_partner_subject,
)
from partners.kit.keys import PLATFORM, Keys, load, load_platform

NAMESPACE = UUID("6f5c1d5e-2f0f-4c39-9b58-7b1f3c1c7a11")
BATCH = 100
SUBJECT = partner_subject(AcceptReferral.name, AcceptReferral.version)


@dataclass(slots=True)
class Program:
    """One organisation; `receipts` has a line for each offer: referral id, monotonic seconds."""

    code: str
    client: Client
    receipts: Path
    keys: Keys
    platform: Keyring | None
    _lines: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until the process is ended."""
        durable = feed_durable(self.code)
        jetstream = self.client.jetstream(prefix=PARTNER_API_PREFIX, timeout=5)
        feed = await jetstream.pull_subscribe_bind(durable.name, stream=durable.stream)
        while True:
            try:
                messages = await feed.fetch(BATCH, timeout=30)
            except TimeoutError:  # nats-py's own, and asyncio's where it forgot to translate
                continue
            await self._take(messages)

    async def _take(self, messages: Sequence[Msg]) -> None:
        now = monotonic()
        answers = []
        for message in messages:
            headers = message.headers or {}
            self._verify(message, headers)
            envelope, body = read_feed(message.subject, headers, message.data, code=self.code)
            if isinstance(body, Offer):
                self._lines.append(f"{body.referral_id} {now:.6f}\n")
                answers.append(self._accept(envelope, body, (message.headers or {}).get(HOP)))
        await asyncio.gather(*answers)
        for message in messages:
            await message.ack()
        with self.receipts.open("a") as file:
            file.writelines(self._lines)
        self._lines.clear()

    def _verify(self, message: Msg, headers: Mapping[str, str]) -> None:
        """Where the chain signs: the plain one does not."""
        if self.platform is not None:
            verify_message(
                headers,
                message.data,
                subject=message.subject,
                kind="event",
                keys=self.platform,
                at=message.metadata.timestamp,
            )

    def _signed(
        self, envelope: Envelope, request: AcceptReferral, hop: str | None
    ) -> dict[str, str]:
        headers = encode_headers(envelope, hop=hop)
        stored = stored_partner_subject(self.code, request.name, request.version)
        payload = signed_payload(headers, request.encode(), subject=stored)
        return headers | {SIGNATURE: Signer(self.keys.signing).sign(payload, kind="request")}

    async def _accept(self, offer: Envelope, body: Offer, hop: str | None) -> None:
        request = AcceptReferral(referral_id=body.referral_id)
        envelope = Envelope(
            id=uuid5(NAMESPACE, str(offer.id)),
            source=partner_source(self.code),
            type=request.ce_type(),
            subject=str(body.referral_id),
            correlation_id=str(body.referral_id),
            causation_id=str(offer.id),
            started_trace=offer.started_trace,
        )
        jetstream = self.client.jetstream(prefix=PARTNER_API_PREFIX, timeout=5)
        await jetstream.publish(
            SUBJECT, request.encode(), headers=self._signed(envelope, request, hop)
        )


async def main(url: str, folder: Path, receipts: Path, *, codes: Sequence[str]) -> None:
    """Connect each organisation with its own key and run all programs."""
    async with asyncio.TaskGroup() as group:
        for code in codes:
            keys = load(folder / code)
            is_signed = (folder / code / PLATFORM).exists()
            platform = load_platform(folder / code) if is_signed else None
            client = await nats.connect(
                url, nkeys_seed_str=keys.seed, inbox_prefix=inbox_prefix(code), name=code
            )
            group.create_task(Program(code, client, receipts, keys, platform).run())


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    _, url, folder, receipts, *codes = sys.argv
    uvloop.run(main(url, Path(folder), Path(receipts), codes=codes))

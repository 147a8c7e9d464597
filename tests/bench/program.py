"""The organisations' own programs, all in one process: take each offer on, read each dossier.

    python -m tests.bench.program URL FOLDER RECEIPTS PROTECTION CODE…

The same for every chain. Safe without a ledger: an offer is acknowledged after its answer is on the
platform's disk, and the answer's id follows from the offer's, so that a repeat is dropped there.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Literal
from uuid import UUID, uuid5

import nats.errors
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg

from chassis.deliveries import pull
from contracts.envelope import HOP, SIGNATURE, Envelope, encode_headers
from contracts.feed import DossierDisclosed, Offer
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
from partners.kit.dossiers import Dossier, open_dossier
from partners.kit.keys import Keys, load, load_platform
from tests.bench.clear import read_clear

NAMESPACE = UUID("6f5c1d5e-2f0f-4c39-9b58-7b1f3c1c7a11")
BATCH = 100
SUBJECT = partner_subject(AcceptReferral.name, AcceptReferral.version)
#: What a chain does for its messages: sign and seal, sign alone, neither.
Protection = Literal["sealed", "signed", "none"]


@dataclass(slots=True, kw_only=True)
class Program:
    """One organisation; `receipts` has a line for each offer: referral id, monotonic seconds.

    platform: whose signatures to ask for; None where nobody signs. Anything else than the
    protection that the chain is said to have ends the program.
    """

    client: Client
    receipts: Path
    keys: Keys
    platform: Keyring | None
    is_sealed: bool
    _lines: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Until the process is ended."""
        durable = feed_durable(self.keys.code)
        jetstream = self.client.jetstream(prefix=PARTNER_API_PREFIX, timeout=5)
        feed = await jetstream.pull_subscribe_bind(durable.name, stream=durable.stream)
        while True:
            try:
                # nats-py's own may sit on a message until its time is up, when a pull ends late.
                messages = await pull(feed, batch=BATCH, seconds=30)
            except nats.errors.TimeoutError:
                continue
            await self._take(messages)

    async def _take(self, messages: Sequence[Msg]) -> None:
        now = monotonic()
        answers = []
        for message in messages:
            headers = message.headers or {}
            self._verify(message, headers)
            envelope, body = read_feed(message.subject, headers, message.data, code=self.keys.code)
            if isinstance(body, Offer):
                self._lines.append(f"{body.referral_id} {now:.6f}\n")
                answers.append(self._accept(envelope, body, headers.get(HOP)))
            elif isinstance(body, DossierDisclosed):
                assert self._opened(envelope, body).keys() == set(body.sections)
        await asyncio.gather(*answers)
        for message in messages:
            await message.ack()
        with self.receipts.open("a") as file:
            file.writelines(self._lines)
        self._lines.clear()

    def _verify(self, message: Msg, headers: Mapping[str, str]) -> None:
        """Where the chain signs."""
        if self.platform is None:
            assert not headers.get(SIGNATURE)
            return
        verify_message(
            headers,
            message.data,
            subject=message.subject,
            kind="event",
            keys=self.platform,
            at=message.metadata.timestamp,
        )

    def _opened(self, envelope: Envelope, body: DossierDisclosed) -> Dossier:
        if self.is_sealed:
            return open_dossier(body, envelope, keys=self.keys)
        clear: Dossier = json.loads(read_clear(body.sealed))
        return clear

    def _headers(
        self, envelope: Envelope, request: AcceptReferral, hop: str | None
    ) -> dict[str, str]:
        headers = encode_headers(envelope, hop=hop)
        if self.platform is None:
            return headers
        stored = stored_partner_subject(self.keys.code, request.name, request.version)
        payload = signed_payload(headers, request.encode(), subject=stored)
        return headers | {SIGNATURE: Signer(self.keys.signing).sign(payload, kind="request")}

    async def _accept(self, offer: Envelope, body: Offer, hop: str | None) -> None:
        request = AcceptReferral(referral_id=body.referral_id)
        envelope = Envelope(
            id=uuid5(NAMESPACE, str(offer.id)),
            source=partner_source(self.keys.code),
            type=request.ce_type(),
            subject=str(body.referral_id),
            correlation_id=str(body.referral_id),
            causation_id=str(offer.id),
            started_trace=offer.started_trace,
        )
        jetstream = self.client.jetstream(prefix=PARTNER_API_PREFIX, timeout=5)
        await jetstream.publish(
            SUBJECT, request.encode(), headers=self._headers(envelope, request, hop)
        )


async def main(
    url: str, folder: Path, receipts: Path, *, protection: Protection, codes: Sequence[str]
) -> None:
    """Connect each organisation with its own key and run all programs."""
    async with asyncio.TaskGroup() as group:
        for code in codes:
            keys = load(folder / code)
            client = await nats.connect(
                url, nkeys_seed_str=keys.seed, inbox_prefix=inbox_prefix(code), name=code
            )
            program = Program(
                client=client,
                receipts=receipts,
                keys=keys,
                platform=None if protection == "none" else load_platform(folder / code),
                is_sealed=protection == "sealed",
            )
            group.create_task(program.run())


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    _, url, folder, receipts, protection, *codes = sys.argv
    given: Protection = protection  # type: ignore[assignment]  # from whoever measures
    uvloop.run(main(url, Path(folder), Path(receipts), protection=given, codes=codes))

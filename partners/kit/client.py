"""The partner's programming interface: open, read your feed, answer, close."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from contracts.envelope import HOP, Envelope, Rejected, decode_headers
from contracts.event import Message
from contracts.feed import ConsentWithdrawn
from contracts.form import CaseSubmission, SuspectIdentity, ThreatDetails
from contracts.reports import ReportCase
from contracts.requests import AcknowledgeConsent, ReplayFeed, Request
from partners.kit.courier import Courier
from partners.kit.delivery import Delivery, Receipt
from partners.kit.edge import SYSTEM, Edge
from partners.kit.errors import KitError
from partners.kit.feed import Broken, Received
from partners.kit.keys import Keys, load, load_platform
from partners.kit.ledger import Ledger
from partners.kit.link import Address, Link
from partners.kit.lock import only_one
from partners.kit.raw import Line, Raw
from partners.kit.reading import KEY_SECONDS, Reader, Unproven
from partners.kit.referrals import Referral
from partners.kit.reports import Report, sealed_part, sealed_report
from partners.kit.telemetry import processing
from partners.kit.waits import ended
from partners.kit.watch import LOG
from partners.kit.web_line import WebLine
from partners.kit.writing import Writer

PULL_SECONDS = 5.0
# A platform that has just started answers at once, and makes the feeds a little later.
FEED_SECONDS = 30.0

#: Erases in your own system what was told of a referral on consent; called again after a crash.
OnWithdrawn = Callable[[ConsentWithdrawn], Awaitable[None]]


class Partner:
    """One organisation's connection; make it with `Partner.open`."""

    def __init__(self, *, link: Line, ledger: Ledger, edge: Edge, keys: Keys, folder: Path):
        self.code = keys.code
        self._keys = keys
        self._reader = Reader(keys, folder)
        self._link = link
        self._ledger = ledger
        self._edge = edge
        self._folder = folder
        self._writer = Writer(ledger=ledger, edge=edge, keys=keys)
        self._courier = Courier(ledger=ledger, link=link, edge=edge, sign=self._writer.signed_anew)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        *,
        url: str,
        code: str | None = None,
        ca: Path | None = None,
        patience: float | None = 10.0,
        edge: Edge = SYSTEM,
    ) -> "AsyncIterator[Partner]":
        """Connect with the keys in `folder`; requests that still wait are sent in the background.

        Args:
            folder: what `siraba-partner init` made; the ledger lies beside the keys.
            url: `nats://host:port`, or `tls://host:port` off this machine; `https://host` where
                there is no NATS.
            code: the organisation, to be sure that the folder is the right one.
            ca: PEM file of the authority that signed the platform's certificate, if not public.
            patience: seconds to wait for the platform; None waits for ever, and then 30 s
                for the feed: a code without one needs a person.
            edge: where time and random bytes come from; for tests.

        Raises:
            KeysRefused, LedgerRefused: the folder cannot be used.
            NotAdmitted: the platform does not know this key or code.
            Unreachable: nothing answered in time.
        """
        keys = load(folder, code=code)
        link = await _line_to(url).open(keys, Address(url=url, ca=ca), patience=patience)
        try:
            await link.check_feed(patience=FEED_SECONDS if patience is None else patience)
            ledger = Ledger.open(folder)
            try:
                partner = cls(link=link, ledger=ledger, edge=edge, keys=keys, folder=folder)
                async with partner._courier_running():
                    yield partner
            finally:
                ledger.close()
        finally:
            await link.close()

    async def deliveries(
        self, *, idle: float | None = None, on_withdrawn: OnWithdrawn | None = None
    ) -> AsyncIterator[Delivery]:
        """The messages of the own feed, each until it is closed with `await delivery.done()`.

        Ends after `idle` seconds without a message, never when None. A message already done is
        not handed out again; one that cannot be read is kept in the ledger's quarantine. Raises
        `FolderBusy` when another program listens with this folder, `NotAdmitted` when the
        platform cuts the key off.

        on_withdrawn: erases in your own system; called with each `consent.withdrawn`. Once it returns,
        the kit confirms and closes the message. Without it such a message is handed out like any
        other, and nothing is confirmed until you send `AcknowledgeConsent`.
        """
        with only_one(self._folder):
            async for raw in self._messages(idle):
                delivery = await self._take(raw)
                if delivery is None:
                    continue
                hop, again = _hop_of(raw), delivery.again
                with processing(delivery.envelope, hop=hop, feed=self.code, again=again):
                    if on_withdrawn is not None and isinstance(delivery.message, ConsentWithdrawn):
                        await on_withdrawn(delivery.message)
                        request = _acknowledgement(delivery.message)
                        await self.send(request, answering=delivery.envelope)
                        await delivery.done()
                    else:
                        yield delivery

    async def send(self, request: Request, *, answering: Envelope | None = None) -> Receipt:
        """Store the request on disk, then send it; it is sent again until the platform has it.

        `answering` is the envelope of the message it answers (`delivery.envelope`); without it,
        the last message about that referral. The answer carries that message's id and trace. The
        same answer to the same unfinished delivery is stored once, so a program may simply start
        over after a crash.
        """
        return await self.deliver(self._writer.store(request, answering))

    def sealed_report(self, form: CaseSubmission, report_id: UUID) -> ReportCase:
        """A case to register, for `send` (see `kit.reports`); `case.registered` has its number."""
        ring, at = load_platform(self._folder), self._edge.now()
        return sealed_report(form, report_id, organisation=self.code, ring=ring, at=at)

    def sealed_part(self, report: Report, said: SuspectIdentity | ThreatDetails) -> Report:
        """A report for `send`, with who the suspect is, or with words for the dossier, sealed."""
        ring, at = load_platform(self._folder), self._edge.now()
        return sealed_part(report, said, organisation=self.code, ring=ring, at=at)

    async def deliver(self, id: UUID) -> Receipt:
        """Try at once to send what waits; how the stored request with this id then stands."""
        try:
            await self._courier.flush()
        except KitError as error:
            LOG.warning("the request is stored and will be sent again: %s", error)
        stored = self._ledger.outbox.find(id)
        return Receipt(id=id, acknowledged=stored is not None and stored.acknowledged)

    async def replay(self, since: datetime) -> Receipt:
        """Have everything again that the feed recorded since this moment, within its 90 days.

        What you handled already comes with `again` set, and asks for your work anew; what you
        answered already is not sent again. What was withdrawn or erased since does not come.
        """
        self._ledger.replay(since, self._edge.now())
        await self._link.rewind(since)
        return await self.send(ReplayFeed(since=since))

    @property
    def referrals(self) -> list[Referral]:
        """Every referral made to this organisation, with its state, the latest change last."""
        return self._ledger.referrals.all()

    def requests_sent(self, name: str) -> int:
        """How many requests of this name (`referral.decline`) this folder has ever stored."""
        return self._ledger.outbox.sent_so_far(name)

    @asynccontextmanager
    async def _courier_running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._courier.run())
        task.add_done_callback(_say_if_broken)
        try:
            yield
        finally:
            await ended(task)

    async def _messages(self, idle: float | None) -> AsyncIterator[Raw]:
        loop = asyncio.get_running_loop()
        last = loop.time()
        while idle is None or (left := last + idle - loop.time()) > 0:
            wait = PULL_SECONDS if idle is None else max(0.05, min(PULL_SECONDS, left))
            for raw in await self._link.pull(wait):
                yield raw
                last = loop.time()

    async def _take(self, raw: Raw) -> Delivery | None:
        try:
            envelope, message, dossier = self._reader.read(raw)
        except Rejected as rejected:
            await self._put_aside(raw, rejected)
            return None
        received = self._ledger.receive(
            envelope,
            message,
            hop=_hop_of(raw),
            recorded_at=raw.recorded_at,
            now=self._edge.now(),
            organisation=self.code,
        )
        _warn_of_gap(envelope.source, received)
        if received.handled:
            await self._link.acknowledge(raw)
            return None
        delivery = self._delivery(raw, received, envelope=envelope, message=message)
        return replace(delivery, dossier=dossier)

    def _delivery(
        self, raw: Raw, received: Received, *, envelope: Envelope, message: Message
    ) -> Delivery:
        async def close() -> None:
            self._ledger.handled(received.number, self._edge.now())
            await self._link.acknowledge(raw)
            if isinstance(message, ConsentWithdrawn):
                self._remind(message)

        return Delivery(envelope=envelope, message=message, again=received.copies > 1, _close=close)

    def _remind(self, message: ConsentWithdrawn) -> None:
        waiting = {one.withdrawal_id for one in self._ledger.withdrawals.unconfirmed()}
        if message.withdrawal_id in waiting:
            LOG.warning(
                "consent was withdrawn for referral %s: erase what you were told of it on consent,"
                " then run `siraba-partner send acknowledge %s`",
                *(message.referral_id, message.referral_id),
            )

    async def _put_aside(self, raw: Raw, rejected: Rejected) -> None:
        sequence = raw.sequence
        is_early = not self._link.in_order and self._reader.may_be_new(raw)
        if rejected.reason == "unknown_key" and is_early:
            # After a crash a message can overtake the one that tells of its key.
            await self._link.postpone(raw, seconds=KEY_SECONDS)
            return
        broken = Broken(
            stream_sequence=sequence,
            subject=raw.subject,
            headers=raw.headers,
            body=raw.body,
            reason=rejected.reason,
            field=rejected.field,
        )
        # Whoever cannot sign must not say either which numbers of the feed have come.
        envelope = None if isinstance(rejected, Unproven) else _envelope_of(raw)
        self._ledger.quarantine(broken, self._edge.now(), envelope=envelope)
        LOG.warning("message %d of the feed cannot be read (%s); kept aside", sequence, rejected)
        await self._link.acknowledge(raw)


def _say_if_broken(courier: asyncio.Task[None]) -> None:
    """Requests are still stored, and `send` still sends them."""
    if not courier.cancelled() and (error := courier.exception()) is not None:
        LOG.error("what waits is sent by itself no more (%s): start anew", type(error).__name__)


def _line_to(url: str) -> type[Link | WebLine]:
    return WebLine if urlsplit(url).scheme in ("http", "https") else Link


def _acknowledgement(message: ConsentWithdrawn) -> AcknowledgeConsent:
    return AcknowledgeConsent(referral_id=message.referral_id, withdrawal_id=message.withdrawal_id)


def _hop_of(raw: Raw) -> str | None:
    return raw.headers.get(HOP)


def _envelope_of(raw: Raw) -> Envelope | None:
    try:
        return decode_headers(raw.headers)
    except Rejected:
        return None


def _warn_of_gap(source: str, received: Received) -> None:
    if received.missing:
        first, last = received.missing.start, received.missing.stop - 1
        LOG.warning("numbers %d to %d of %s have not come (yet)", first, last, source)

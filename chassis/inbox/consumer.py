"""Takes batches from one durable: checks each message by itself, acts once for all good ones."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from time import monotonic

from nats.aio.msg import Msg
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import is_outage
from chassis.inbox import dead_letters, tables
from chassis.inbox.burials import bury_and_tell
from chassis.inbox.counting import count_refused, count_rejected
from chassis.inbox.dead_letters import Burial
from chassis.inbox.ground import Ground, Trust
from chassis.inbox.order import Place, plan
from chassis.inbox.received import Handler, Raw, Received
from chassis.inbox.refusals import TellMore
from chassis.inbox.rejections import Rejection, Tell
from chassis.inbox.seen import Deliveries
from chassis.inbox.settling import BEAT_SECONDS, Settling, each, growing_pause, heartbeat
from chassis.inbox.share import Share, within_shares
from chassis.inbox.tracing import Reader, processing
from chassis.telemetry.logs import fault
from contracts.envelope import Envelope, Rejected, decode_headers
from contracts.event import Message

TRIES = 5
#: Bad messages that may gather; more are buried at once.
GATHERED = 200

Check = Callable[[str, Mapping[str, str], bytes], tuple[Envelope, Message, str | None]]
Bad = tuple[Settling, Raw, Rejected]
log = logging.getLogger("siraba.inbox")


@dataclass(slots=True, kw_only=True)
class Consumer:
    """One durable of one service.

    trust: who may have said it; a message that nobody we know has signed is never read.
    check: (subject, headers, body) → attributes, body and sender; raises `Rejected`.
    handle: the effect, in the transaction that also remembers what was done.
    ordered: a stream of ours, with a number without gaps per case.
    tell: how a sender hears that its message was rejected; None where we are the sender.
    tell_more: how it hears of refusals that were only counted; None where nothing is refused.
    tells_unreadable: whether a sender hears of it from here; of several readers of a stream, one.
    fits: whether this organisation's message is within its share now; else it waits its turn. None
        where we are the sender.
    pause: seconds until a message that failed comes again.
    rest_seconds: how long messages may gather; for a reader that nobody waits for.
    gathered: what cannot be taken and is not buried yet, by place; a crash only brings it again.
    deliveries: how what is delivered is read, and which it was lately.
    """

    name: str
    stream: str
    parts: Ground
    trust: Trust
    check: Check
    handle: Handler
    ordered: bool
    tell: Tell | None = None
    tell_more: TellMore | None = None
    tells_unreadable: bool = True
    fits: Share | None = None
    pause: Callable[[Msg], float] = growing_pause
    beat_seconds: float = BEAT_SECONDS
    rest_seconds: float = 0.0
    progressed_at: float = field(default_factory=monotonic)
    gathered: dict[tuple[str, int], Bad] = field(default_factory=dict)
    deliveries: Deliveries = field(default_factory=Deliveries)

    def subscribe(self) -> None:
        """Register with the broker; it starts with the wire."""
        self.parts.wire.consume(
            stream=self.stream, durable=self.name, take=self.take, rest=self.rest_seconds
        )

    async def take(self, messages: Sequence[Msg]) -> None:
        """Settle a whole batch, each message by itself. Never raises: what failed comes again."""
        async with heartbeat(messages, seconds=self.beat_seconds):
            try:
                await self._settle(messages)
            except Exception as error:  # noqa: BLE001 - nothing is lost: unacked, they come again
                _warn("inbox.batch_waits", self, error)
                await each(messages, lambda m: m.nak(delay=self.pause(m)))
        self.progressed_at = monotonic()

    async def _settle(self, messages: Sequence[Msg]) -> None:
        delivered: list[tuple[Settling, Raw]] = [(m, self.deliveries.read(m)) for m in messages]
        if self.fits is not None:
            delivered = await within_shares(
                delivered, fits=self.fits, work=self.parts.work, consumer=self.name
            )
        await self.take_again(delivered)

    async def take_again(self, delivered: Sequence[tuple[Settling, Raw]]) -> None:
        """Settle the good ones of these, whose turn it is, and gather the bad.

        A transaction for the bad ones of each batch would make all good ones behind it wait.
        """
        await self.trust.refresh([raw for _, raw in delivered])
        good: list[tuple[Settling, Received]] = []
        for message, raw in delivered:
            try:
                received = self.read(raw)
                self.deliveries.remember(raw, received.envelope)
                good.append((message, received))
            except Rejected as rejected:
                self.gathered[raw.stream, raw.sequence] = message, raw, rejected
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this message's fault
                await self._answer(message, dead=await self._blame(raw, error))
        if good:
            await self._act(good)
        if len(self.gathered) >= GATHERED:
            await self.bury_gathered()

    async def bury_gathered(self) -> None:
        """End what cannot be taken, all at once; what an outage keeps from it comes again."""
        bad, self.gathered = list(self.gathered.values()), {}
        if not bad:
            return
        try:
            await self._bury(bad)
        except Exception:
            await each([message for message, *_ in bad], self._again)
            raise

    async def _bury(self, bad: Sequence[Bad]) -> None:
        """One transaction for all; one by one when somebody's own fault keeps it from ending."""
        try:
            async with self.parts.work.begin() as connection:
                told = await self._refuse(connection, [(raw, why) for _, raw, why in bad])
        except Exception as error:
            if is_outage(error):
                raise
            if len(bad) == 1:
                message, raw, _ = bad[0]
                await self._answer(message, dead=await self._blame(raw, error))
                return
            _warn("inbox.one_by_one", self, error)
            for one in bad:
                await self._bury([one])
            return
        count_rejected(self.parts.metrics, told)
        await each([message for message, *_ in bad], lambda m: m.term())

    async def _act(self, good: Sequence[tuple[Settling, Received]]) -> None:
        try:
            await self.act([received for _, received in good])
        except Exception as error:
            if is_outage(error):
                raise
            _warn("inbox.one_by_one", self, error)
            for message, received in good:
                await self._answer(message, dead=await self.try_once(received))
            return
        await each([message for message, _ in good], lambda m: m.ack())

    async def _answer(self, message: Settling, *, dead: bool | None) -> None:
        if dead is None:
            await self._again(message)
        elif dead:
            await message.term()
        else:
            await message.ack()

    async def _again(self, message: Settling) -> None:
        await message.nak(delay=self.pause(message) if isinstance(message, Msg) else None)

    async def try_once(self, received: Received) -> bool | None:
        """False: done. True: dead, since its own fault came back often enough. None: try later."""
        try:
            # What waits behind it runs later by itself: its faults are not this one's.
            await self.act([received], alone=True)
        except Exception as error:
            if is_outage(error):
                raise
            return await self._blame(received.raw, error, organisation=received.organisation)
        return False

    async def _blame(
        self, raw: Raw, error: Exception, *, organisation: str | None = None
    ) -> bool | None:
        """Count a message's own fault; True when it is dead of it, None when it may try again."""
        _warn("inbox.message_failed", self, error)
        async with self.parts.work.begin() as connection:
            tries = await tables.count_try(connection, self.name, raw)
            if tries < TRIES:
                return None
            dead = Burial(
                raw=raw,
                reason=f"failed:{type(error).__name__}",
                tries=tries,
                envelope=self._place(raw),
                organisation=organisation,
            )
            await dead_letters.bury(connection, [dead], consumer=self.name)
        return True

    async def act(self, arrivals: Sequence[Received], *, alone: bool = False) -> None:
        """One transaction: what is new and in order has its effect, and is remembered.

        alone: leave what waits behind these in the table; the sweep runs it.
        """
        rejected: list[Rejection] = []
        async with self.parts.work.begin() as connection:
            if self.ordered:
                await self._in_order(connection, arrivals, alone=alone)
            else:
                rejected = await self._once(connection, arrivals)
        await self.parts.wake_relay()
        count_rejected(self.parts.metrics, rejected)
        count_refused(self.parts.metrics, arrivals)

    async def _in_order(
        self, connection: AsyncConnection, arrivals: Sequence[Received], *, alone: bool
    ) -> None:
        places = list(dict.fromkeys(one.place for one in arrivals))
        last, waits = await tables.lock_positions(connection, self.name, places)
        waiting = [self.read(raw) for raw in await tables.parked(connection, self.name, waits)]
        if alone:
            asked = {(one.place, one.envelope.case_sequence): one for one in arrivals}
            numbered = [(one.place, one.envelope.case_sequence) for one in waiting]
            waiting = [asked[place] for place in numbered if place in asked]
        decided = plan(arrivals, last=last, parked=waiting)
        async with self._processing(connection, decided.run) as opened:
            if opened:
                await self.handle(connection, opened)
        await tables.apply(connection, self.name, decided)

    async def _once(
        self, connection: AsyncConnection, arrivals: Sequence[Received]
    ) -> list[Rejection]:
        fresh, reused = await tables.take_ids(connection, self.name, arrivals)
        why = Rejected("id_reused", field="ce-id")
        rejected = await self._refuse(connection, [(one.raw, why) for one in reused])
        async with self._processing(connection, fresh) as opened:
            if opened:
                await self.handle(connection, opened)
        return rejected + await self._unopened(connection, fresh)

    async def release(self, place: Place, number: int) -> bool:
        """Step over a discarded message; False while one before it is missing."""
        async with self.parts.work.begin() as connection:
            return await tables.advance(connection, self.name, place, number=number)

    def read(self, raw: Raw) -> Received:
        """A checked message. Raises `Rejected`."""
        self.trust.check(raw)
        envelope, message, organisation = self.check(raw.subject, raw.headers, raw.body)
        return Received(raw=raw, envelope=envelope, message=message, organisation=organisation)

    def _processing(
        self, connection: AsyncConnection, messages: Sequence[Received]
    ) -> AbstractAsyncContextManager[list[Received]]:
        reader = Reader(self.parts.tracing, connection, consumer=self.name, stream=self.stream)
        return processing(reader, messages)

    def _place(self, raw: Raw) -> Envelope | None:
        """Which case is held up. Only of our own streams: a partner's attributes are its text."""
        with suppress(Rejected):
            return decode_headers(raw.headers) if self.ordered else None
        return None

    async def _refuse(
        self, connection: AsyncConnection, refused: Sequence[tuple[Raw, Rejected]]
    ) -> list[Rejection]:
        return await bury_and_tell(
            connection,
            refused,
            consumer=self.name,
            place=self._place,
            by=self.tell if self.tells_unreadable else None,
        )

    async def _unopened(
        self, connection: AsyncConnection, messages: Sequence[Received]
    ) -> list[Rejection]:
        """What its handler could not read: dead like the rest, and nobody else can tell of it."""
        found = [(one, one.rejected) for one in messages if one.rejected is not None]
        await tables.give_back(connection, self.name, [one for one, _ in found])
        return await bury_and_tell(
            connection,
            [(one.raw, why) for one, why in found],
            consumer=self.name,
            place=lambda _: None,
            by=self.tell,
        )


def _warn(what: str, consumer: Consumer, error: Exception) -> None:
    log.warning(what, extra={"consumer": consumer.name, **fault(error)})

"""NATS out: reports of erased persons are taken out of the streams that they came through."""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

import nats.errors
from nats.js.errors import Error, NotFoundError

from chassis.assembly import Parts
from chassis.database import is_outage
from chassis.telemetry.logs import fault
from contracts.reports import ReportCase, ReportSuspect, ReportThreat
from contracts.topology import Stream, inbox_stream, ingress_stream, stored_partner_subject
from services.intake.store import reports
from services.intake.store.reports import Report

#: Requests that may hold something sealed.
SEALED = (ReportCase, ReportSuspect, ReportThreat)
LOOK_SECONDS = 1.0
log = logging.getLogger("siraba.intake")


@dataclass(frozen=True, slots=True)
class Forgetter:
    """Looks each second for what an erasure has left to take out.

    A message is known by the digest of its body and not by its place, since a stream that was made
    anew has it in another; so a copy that was sent again goes as well.
    """

    parts: Parts

    async def run(self) -> None:
        """Until cancelled; what cannot be taken out now is taken out later."""
        while True:
            try:
                async with self.parts.work.begin() as connection:
                    due = await reports.to_forget(connection)
            except Exception as error:
                if not is_outage(error):
                    raise
                due = []
            for organisation, some in groupby(due, attrgetter("organisation")):
                await self._try(organisation, list(some))
            await asyncio.sleep(LOOK_SECONDS)

    async def _try(self, organisation: str, due: Sequence[Report]) -> None:
        """One organisation's trouble, such as an account that is gone, keeps nobody else's."""
        try:
            await self.forget(organisation, due)
        except Exception as error:
            if not (is_outage(error) or isinstance(error, Error | nats.errors.Error)):
                raise
            log.warning("reports.wait", extra=fault(error))

    async def forget(self, organisation: str, due: Sequence[Report]) -> None:
        """Take these out of every stream that may hold them, and only then call it done."""
        digests = {one.digest for one in due}
        for stream in self._streams(organisation, due):
            for kind in SEALED:
                subject = stored_partner_subject(organisation, kind.name, kind.version)
                await self._take_out(stream, subject, digests)
        async with self.parts.work.begin() as connection:
            await reports.forgotten(connection, organisation, [one.message_id for one in due])

    def _streams(self, organisation: str, due: Sequence[Report]) -> Iterator[Stream]:
        """Those that may still hold one of these; after its time a stream has let it go by itself."""
        newest = max(one.recorded_at for one in due)
        for stream in (ingress_stream(organisation), inbox_stream([organisation])):
            if stream.max_age is None or self.parts.mint.moment() - newest <= 2 * stream.max_age:
                yield stream

    async def _take_out(self, stream: Stream, subject: str, digests: set[bytes]) -> None:
        jetstream, place = self.parts.wire.jetstream, 1
        while True:
            try:
                found = await jetstream.get_msg(stream.name, seq=place, subject=subject, next=True)
            except NotFoundError:
                return
            if found.seq is None:
                return
            if sha256(found.data or b"").digest() in digests:
                await jetstream.delete_msg(stream.name, found.seq)
            place = found.seq + 1

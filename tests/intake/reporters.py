"""Organisations that report cases to intake in messages, and what then lies where."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from contracts.feed import CaseRegistered, MessageRejected
from contracts.form import CaseSubmission
from contracts.keyring import Keyring
from contracts.reports import ReportCase, place_of_report
from contracts.requests import Request
from contracts.sealing import Place, Sealed, seal
from contracts.topology import ingress_stream, stored_partner_subject
from partners.kit.reports import sealed_report
from services.intake.forgetting import SEALED
from services.intake.vault import MonthlyKeys
from tests.builders import coded_facts, request_headers, sent_subject
from tests.intake.rooms import DOSSIER, Room
from tests.parts import until, writing_as

POLICE, SHELTER = "POLICE_A", "SHELTER_B"


def a_form(**changes: Any) -> dict[str, Any]:
    """What `POST /intake/cases` takes: a woman with a dossier that has something in each section."""
    return coded_facts(**{"age_band": "18-24", "dossier": DOSSIER} | changes)


@dataclass(slots=True)
class Reporter:
    """One organisation's program; `sent`: the bodies of its messages."""

    room: Room
    code: str = POLICE
    sent: list[bytes] = field(default_factory=list)

    @property
    def months(self) -> MonthlyKeys:
        """Where intake keeps its own."""
        return MonthlyKeys(self.room.site.folder / "months", token_bytes)

    @property
    def ring(self) -> Keyring:
        """What the platform has handed over."""
        return Keyring(self.months.public_keys())

    def sealed(self, content: bytes, place: Place) -> Sealed:
        """Anything, to intake's key of this month."""
        keys = self.ring.current("intake", use="sealing", at=datetime.now(UTC))
        return seal(content, place, keys=keys)

    async def report(self, form: dict[str, Any], report_id: UUID | None = None) -> UUID:
        """As the kit does it; the id of the message."""
        request = sealed_report(
            CaseSubmission.model_validate(form),
            report_id or uuid4(),
            organisation=self.code,
            ring=self.ring,
            at=datetime.now(UTC),
        )
        return await self.send(request)

    async def report_raw(self, content: bytes, report_id: UUID | None = None) -> UUID:
        """Well sealed, whatever it is."""
        report_id = report_id or uuid4()
        sealed = self.sealed(content, place_of_report(self.code, report_id))
        return await self.send(ReportCase(report_id=report_id, sealed=sealed))

    async def send(self, request: Request, identity: UUID | None = None) -> UUID:
        """To the organisation's own stream."""
        identity = identity or uuid4()
        headers = request_headers(self.code, request, stamped=False, id=identity)
        self.sent.append(request.encode())
        async with self.room.site.server.partner(self.code) as client:
            await client.request(
                sent_subject(request), request.encode(), headers=headers, timeout=5
            )
        return identity

    async def numbers(self, count: int = 1) -> list[CaseRegistered]:
        """What the feed says of its cases, once it has said so much."""
        return await self._heard(CaseRegistered, count)

    async def rejections(self, count: int = 1) -> list[MessageRejected]:
        """What the feed says of its mistakes, once it has said so much."""
        return await self._heard(MessageRejected, count)

    async def _heard(self, kind: type[Any], count: int) -> list[Any]:
        found: list[Any] = []

        async def all_there() -> bool:
            feed = await self.room.feed(self.code, 0.2)
            found.extend(one for _, one in feed if isinstance(one, kind))
            return len(found) >= count

        await until(all_there)
        return found

    async def lying(self) -> list[tuple[str, str]]:
        """(stream, digest) of each of our messages that a stream holds, also while some are taken out."""
        ours = {sha256(body).hexdigest() for body in self.sent}
        names = (ingress_stream(self.code).name, "INBOX")
        async with writing_as(self.room.site.server, "intake") as jetstream:
            lies = [
                (name, sha256(one).hexdigest())
                for name in names
                for one in await self._bodies(jetstream, name)
            ]
        return [(name, digest) for name, digest in lies if digest in ours]

    async def _bodies(self, jetstream: JetStreamContext, stream: str) -> list[bytes]:
        found = []
        for kind in SEALED:
            place = 1
            subject = stored_partner_subject(self.code, kind.name, kind.version)
            with suppress(NotFoundError):
                while True:
                    one = await jetstream.get_msg(stream, seq=place, subject=subject, next=True)
                    found.append(one.data or b"")
                    place = (one.seq or 0) + 1
        return found


def as_json(form: dict[str, Any]) -> bytes:
    """As it is sealed by whoever does not use the kit."""
    return json.dumps(form, ensure_ascii=False).encode()

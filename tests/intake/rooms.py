"""intake at work with a referral service that we play, and the recipients' feeds."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from contracts.catalogue import FEED, read_message
from contracts.envelope import Envelope
from contracts.event import Message
from contracts.feed import DossierDisclosed
from contracts.keyring import encode_base64url, key_id
from contracts.referral import SOURCE, ReferralAccepted, ReferralEvent, ReferralOffered
from contracts.requests import AcknowledgeConsent
from contracts.sealing import Place, open_sealed
from contracts.topology import PARTNER_API_PREFIX, feed_durable
from tests.builders import coded_facts, event_headers, event_subject, request_headers, sent_subject
from tests.intake.desks import Desk, open_desk
from tests.parts import Site, until, writing_as

SHELTER = "SHELTER_B"
#: One canary for each group of the dossier.
DOSSIER = {
    "identity": {"full_name": "canary-G2"},
    "exploitation": {"facts": "canary-G3", "suspect_name": "canary-G4"},
    "medical": {"allergies": "canary-G5"},
    "psychosocial": {"wishes": "canary-G6"},
    "safe_place": {"safe_address": "canary-G7"},
    "other": {"whatever": "canary-none"},
}
YES = {"state": "given", "by": "person"}


@dataclass(slots=True)
class Case:
    """A registered case, as both sides of intake know it."""

    number: str
    id: UUID


@dataclass(slots=True)
class Room:
    """intake with its relay and consumers; each organisation's sealing key is here."""

    desk: Desk
    keys: dict[str, X25519PrivateKey] = field(default_factory=dict)
    numbers: Counter[UUID] = field(default_factory=Counter)

    @property
    def site(self) -> Site:
        """Servers and tables."""
        return self.desk.site

    async def knows(self, code: str, kind: str, channel: str) -> None:
        """Make an organisation be of this kind, reached so; with a key unless it is a desk."""
        await self.site.run(
            "update intake.organisations set kind = :kind, channel = :channel where code = :code",
            code=code,
            kind=kind,
            channel=channel,
        )
        if channel != "desk":
            self.keys[code] = X25519PrivateKey.generate()
            await self.site.run(
                "insert into intake.organisation_keys (key, owner, use, valid_from)"
                " values (:key, :code, 'sealing', now())",
                code=code,
                key=encode_base64url(self.keys[code].public_key().public_bytes_raw()),
            )

    async def register(self, **facts: Any) -> Case:
        """A woman of 18 to 24 with a dossier that has something in each section."""
        answer = await self.desk.post(
            coded_facts(**{"age_band": "18-24", "dossier": DOSSIER} | facts)
        )
        assert answer.status_code == 202, answer.text
        number = answer.json()["case_number"]
        rows = await self.site.rows("select case_id from intake.cases where number = :n", n=number)
        return Case(number, UUID(str(rows[0][0])))

    async def says(self, case: Case, *events: Message) -> None:
        """Publish as referral, in the case's order."""
        async with writing_as(self.site.server, "referral") as jetstream:
            for event in events:
                self.numbers[case.id] += 1
                await jetstream.publish(
                    event_subject(event, str(case.id), service="referral"),
                    event.encode(),
                    headers=event_headers(
                        event, case_id=str(case.id), number=self.numbers[case.id], source=SOURCE
                    ),
                )

    async def accepted(self, case: Case, code: str = SHELTER, service: str = "shelter") -> UUID:
        """One referral is offered and accepted; wait until intake has its receipt."""
        referral_id = uuid4()
        kind = (await self.site.rows(
            "select kind from intake.organisations where code = :code", code=code
        ))[0][0]  # fmt: skip
        said = {
            "referral_id": referral_id,
            "organisation": code,
            "organisation_kind": kind,
            "service": service,
        }
        await self.says(case, offered(said), ReferralAccepted(**said))
        await until(lambda: self.receipts(referral_id))
        return referral_id

    async def step(self, case: Case, step: type[ReferralEvent], **said: Any) -> None:
        """One more step of a referral, taken in by intake."""
        await self.says(case, step(**said))

    async def receipts(self, referral_id: UUID) -> list[tuple[Any, ...]]:
        """(form, ground, fields, is open) of each."""
        return await self.site.rows(
            "select form, ground, fields, ended_at is null from intake.disclosures"
            " where referral_id = :id order by receipt_id",
            id=referral_id,
        )

    async def post(self, path: str, body: dict[str, Any], code: str = "POLICE_A") -> httpx.Response:
        """Send something to intake."""
        headers = {"Authorization": f"Bearer {self.desk.token(code)}"}
        return await self.desk.client.post(f"/intake{path}", json=body, headers=headers)

    async def withdraw(self, case: Case, **scope: str) -> httpx.Response:
        """Take a yes back."""
        body = {"by": "person", **scope}
        return await self.post(f"/cases/{case.number}/consents/withdrawals", body)

    async def feed(self, code: str = SHELTER, wait: float = 0.5) -> list[tuple[Envelope, Message]]:
        """What a recipient finds in its feed once the relay is done; each is taken once."""
        await until(self._carried)
        raw: list[Msg] = []
        async with self.site.server.partner(code) as client:
            jetstream = client.jetstream(prefix=PARTNER_API_PREFIX, timeout=5)
            durable = feed_durable(code)
            feed = await jetstream.pull_subscribe_bind(durable.name, stream=durable.stream)
            while True:
                try:
                    raw += (found := await feed.fetch(50, timeout=wait))
                except (TimeoutError, NotFoundError):  # nats-py's own, or asyncio's
                    break
                for one in found:
                    await one.ack_sync()
        return [read_message(one.headers, one.data, types=FEED) for one in raw]

    async def _carried(self) -> bool:
        return not await self.site.rows(
            "select 1 from intake.outbox where erased_at is null"
            " and (sent_at is null or withdrawn_at is not null)"
        )

    def opened(self, envelope: Envelope, message: DossierDisclosed, code: str = SHELTER) -> Any:
        """What a disclosure holds, for its recipient."""
        place = Place(str(envelope.id), code, envelope.subject, message.sections)
        key = self.keys[code]
        keys = {key_id(key.public_key().public_bytes_raw()): key}
        return json.loads(open_sealed(message.sealed, place, keys=keys))

    async def acknowledge(
        self, withdrawal_id: UUID, referral_id: UUID, code: str = SHELTER
    ) -> None:
        """A recipient's own request."""
        request = AcknowledgeConsent(withdrawal_id=withdrawal_id, referral_id=referral_id)
        async with self.site.server.partner(code) as client:
            await client.request(
                sent_subject(request),
                request.encode(),
                timeout=5,
                headers=request_headers(code, request, stamped=False),
            )


def offered(said: dict[str, Any]) -> ReferralOffered:
    """The offer that comes before."""
    return ReferralOffered(
        **said, urgency="urgent_72h", region="12", rank=1, ground="consent", policy_version="x"
    )


def groups_of(content: Any) -> str:
    """The groups whose canaries a piece of content holds."""
    text = json.dumps(content)
    return " ".join(group for group in ("G2", "G3", "G4", "G5", "G6", "G7", "none")
                    if f"canary-{group}" in text)  # fmt: skip


@asynccontextmanager
async def open_room(site: Site) -> AsyncIterator[Room]:
    """intake runs until the block ends; SHELTER_B is a shelter with a feed."""
    async with open_desk(site) as desk:
        room = Room(desk)
        await room.knows(SHELTER, "shelter", "nats")
        yield room


def now() -> datetime:
    """For what the tests compare with moments of intake."""
    return datetime.now(UTC)

"""Writes good and bad messages onto the streams, in an order that makes them one batch each."""

import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import nats
from nats.js import JetStreamContext

from chassis.trust import PlatformKeys, SigningKey
from contracts import intake, referral, requests
from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.event import Message
from contracts.signing import Signer, signed_payload
from contracts.topology import (
    inbox_prefix,
    internal_subject,
    partner_subject,
    stored_partner_subject,
)
from tests.journeys.cases import CANARY
from tests.journeys.in_process import Town

OWNER, SHELTER = "POLICE_KAYES", "SHELTER_BENKADI_KAYES"
GOOD = tuple(f"good-{nth}" for nth in range(5))
NOT_TEXT = b"\xff\xfe{}"
FACTS: dict[str, Any] = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "25-34",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter"], "owner": OWNER,
    "registered_on": "2026-01-16", "consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}],
}  # fmt: skip
# A fault of the database for one referral only: no message from outside can cause one by itself.
POISON = """
    create function referral.poison() returns trigger language plpgsql
        as $$ begin raise exception 'poisoned'; end $$;
    create trigger poison before update on referral.referrals for each row
        when (new.referral_id = '{referral}') execute function referral.poison();
"""


def named(case: str) -> str:
    """The id that stands for a name in these tests."""
    return str(uuid5(NAMESPACE_URL, case))


async def write_intake(place: Town) -> None:
    """Five good registrations; undecodable, of an unknown code, twice the same case; one behind."""
    event = intake.CaseRegistered.model_validate(FACTS)
    wrong = json.dumps(FACTS | {"sex": CANARY}).encode()
    async with place.nats.user("intake") as client:
        say = Saying(place, client.jetstream(timeout=5), "intake")
        await say(event, GOOD[0])
        await say(event, "undecodable", body=NOT_TEXT)
        await say(event, GOOD[1])
        await say(event, "unknown", body=wrong)
        await say(event, GOOD[2])
        await say(event, "twice")
        await say(event, "twice", number=2)
        await say(event, GOOD[3])
        await say(event, "undecodable", number=2)
        await say(event, GOOD[4])


async def write_referral(place: Town) -> None:
    """Five good steps; three of one referral in the wrong order; one undecodable, one of no case."""
    async with place.nats.user("referral") as client:
        say = Saying(place, client.jetstream(timeout=5), "referral")
        for name in GOOD:
            await say(_step(referral.ReferralReceived, name), f"elsewhere {name}")
        await say(_step(referral.ReferralDelivered, "early"), "early", number=3)
        await say(_step(referral.ReferralDelivered, "early"), "early", number=4, body=NOT_TEXT)
        await say(_step(referral.ReferralStarted, "early"), "early", number=2)
        nobody = referral.ReferralUnplaced(service="shelter", reason="none_left")
        await say(nobody, "", subject="not a case")
        await say(_step(referral.ReferralAccepted, "early"), "early", number=1)


async def write_inbox(place: Town, offered: dict[str, str]) -> None:
    """With the shelter's own key. offered: name of the case → referral.

    Three good answers; undecodable, of an unknown code, before its time, and one that poisons.
    """
    await place.run(POISON.format(referral=offered["twice"]))
    client = await nats.connect(
        place.nats.url,
        nkeys_seed_str=place.keys[SHELTER].seed,
        inbox_prefix=inbox_prefix(SHELTER),
    )

    async def ask(kind: type[Message], case: str, body: bytes = b"", **more: str) -> None:
        envelope = Envelope(
            id=uuid5(NAMESPACE_URL, f"{kind.name} {case} {more}"),
            source=f"/partners/{SHELTER}",
            type=kind.ce_type(),
            subject=offered[case],
        )
        body = body or json.dumps({"referral_id": offered[case], **more}).encode()
        headers = encode_headers(envelope)
        stored = stored_partner_subject(SHELTER, kind.name, kind.version)
        payload = signed_payload(headers, body, subject=stored)
        headers[SIGNATURE] = Signer(place.keys[SHELTER].signing).sign(payload, kind="request")
        subject = partner_subject(kind.name, kind.version)
        await client.request(subject, body, headers=headers, timeout=5)

    try:
        await ask(requests.ReceiveReferral, GOOD[0])
        await ask(requests.AcceptReferral, GOOD[4], NOT_TEXT)
        await ask(requests.AcceptReferral, GOOD[1])
        await ask(requests.DeclineReferral, GOOD[4], reason=CANARY)
        await ask(requests.StartReferral, GOOD[2])
        await ask(requests.ReceiveReferral, "twice")
        await ask(requests.DeclineReferral, GOOD[3], reason="capacity")
    finally:
        await client.close()


def _step(kind: type[referral.ReferralEvent], case: str) -> referral.ReferralEvent:
    return kind(
        referral_id=uuid5(NAMESPACE_URL, f"referral of {case}"),
        organisation=SHELTER,
        organisation_kind="shelter",
        service="shelter",
    )


class Saying:
    """One of our services speaks, past its own outbox."""

    def __init__(self, place: Town, jetstream: JetStreamContext, service: str) -> None:
        self._jetstream = jetstream
        self._service = service
        self._signer = SigningKey(PlatformKeys(place.nats.state.secrets), service).signer()

    async def __call__(
        self, message: Message, case: str, *, number: int = 1, body: bytes = b"", subject: str = ""
    ) -> None:
        envelope = Envelope(
            id=uuid5(NAMESPACE_URL, f"{self._service} {case} {number}"),
            source=f"/siraba/{self._service}",
            type=message.ce_type(),
            subject=subject or named(case),
            case_sequence=number,
        )
        place = internal_subject(
            self._service, message.name, message.version, subject_id=envelope.subject
        )
        headers, body = encode_headers(envelope), body or message.encode()
        payload = signed_payload(headers, body, subject=place)
        headers[SIGNATURE] = self._signer.sign(payload, kind="event")
        await self._jetstream.publish(place, body, headers=headers)

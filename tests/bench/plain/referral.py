"""Plain referral: one ORM transaction a case, one a request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from secrets import token_bytes
from time import time_ns
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from faststream.nats import JStream
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.identifiers import Mint
from contracts.intake import CaseRegistered, DossierReleased
from contracts.policy import URGENCIES
from contracts.reading import partner_source
from contracts.requests import AcceptReferral
from contracts.topology import sender_of
from services.referral.domain.lifecycle import step
from tests.bench.plain import models
from tests.bench.plain.announcing import Announcer
from tests.bench.plain.messages import delivery, is_a, received, relay
from tests.bench.plain.parts import Parts, Settings, assemble, running


def create_app(settings: Settings) -> FastAPI:
    """The service."""
    parts = assemble(settings)
    mint = Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes)
    announcer = Announcer(mint, bytes.fromhex(settings.feed_key))
    _on_cases(parts, announcer)
    _on_requests(parts, announcer)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(parts, relay(parts, models.ReferralOutbox)):
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    return app


def _on_cases(parts: Parts, announcer: Announcer) -> None:
    """INTAKE: each case by itself."""
    subscriber = parts.broker.subscriber(
        ">", stream=JStream("INTAKE", declare=False), durable="referral-INTAKE", no_reply=True
    )

    @subscriber(filter=is_a(DossierReleased))
    async def on_released(_: DossierReleased) -> None:
        """What was told to whom changes no referral."""

    @subscriber(filter=is_a(CaseRegistered))
    async def on_case(event: CaseRegistered) -> None:
        one = received(delivery(parts))
        case_id = UUID(one.subject)
        inbox = models.ReferralInbox(consumer="referral-INTAKE", source=one.source, id=one.id)
        facts = event.model_dump(mode="json")
        case = models.KnownCase(case_id=case_id, owner=event.owner, facts=facts)
        with suppress(IntegrityError):  # a repeat
            async with parts.sessions.begin() as session:
                session.add_all([inbox, case])
                for service, urgency in _services(event):
                    offer = await _offer(session, event, service=service, urgency=urgency)
                    if offer is not None:
                        offer.case_id, offer.referral_id = case_id, announcer.mint.opaque_id()
                        session.add_all([offer, *announcer.offered(offer, event, cause=one)])


def _on_requests(parts: Parts, announcer: Announcer) -> None:
    """INBOX: each request by itself."""

    @parts.broker.subscriber(
        ">", stream=JStream("INBOX", declare=False), durable="referral-INBOX", no_reply=True
    )
    async def on_accept(request: AcceptReferral) -> None:
        message = delivery(parts)
        one, sender = received(message), sender_of(message.raw_message.subject)
        assert one.source == partner_source(sender)
        inbox = models.ReferralInbox(consumer="referral-INBOX", source=one.source, id=one.id)
        async with parts.sessions.begin() as session:
            if await session.get(models.ReferralInbox, (inbox.consumer, one.source, one.id)):
                return
            referral = await session.get_one(
                models.Referral, request.referral_id, with_for_update=True
            )
            assert referral.organisation == sender
            referral.state = step(referral.state, "accept")
            session.add_all([inbox, *announcer.accepted(referral, cause=one)])


def _services(event: CaseRegistered) -> list[tuple[str, str]]:
    """(service, urgency): a child goes to the social service within 24 hours, then what is needed."""
    assert event.urgency is not None
    asked = {need: event.urgency for need in event.needs}
    if event.is_child:
        asked["child_protection"] = min("emergency_24h", event.urgency, key=URGENCIES.index)
    return list(asked.items())


async def _offer(
    session: AsyncSession, event: CaseRegistered, *, service: str, urgency: str
) -> Any:
    """A referral to the best candidate, or None."""
    consented = {
        one.recipient_kind for one in event.consent if one.state == "given" and one.recipient_kind
    }
    with session.no_autoflush:
        found = await session.scalars(_candidates(consented, service))
    ranked = sorted(
        (one for one in found if one.code != event.owner and {"*", event.region} & set(one.zones)),
        key=lambda one: (one.region != event.region, "*" in one.zones, one.code),
    )
    if not ranked:
        return None
    return models.Referral(
        owner=event.owner,
        organisation=ranked[0].code,
        organisation_kind=ranked[0].kind,
        service=service,
        urgency=urgency,
        ground="consent",
        rank=1,
        state="offered",
    )


def _candidates(kinds: set[str], service: str) -> Select[Any]:
    return select(models.Organisation).where(
        models.Organisation.kind.in_(kinds),
        models.Organisation.services.any(service),  # type: ignore[arg-type]  # array operator
    )

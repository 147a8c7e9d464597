"""Plain reporting: one ORM transaction for each event that is counted."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from faststream.nats import JStream

from contracts.intake import CaseRegistered, DossierReleased
from contracts.referral import ReferralAccepted, ReferralOffered
from tests.bench.plain import models
from tests.bench.plain.messages import delivery, is_a, once, received
from tests.bench.plain.parts import Parts, Settings, assemble, running

_OF_CASE = {
    "owner", "registered_on", "detected_on", "region", "sex", "age_band", "offence_class",
    "victim_status", "detection_channel",
}  # fmt: skip
_OF_REFERRAL = {
    "referral_id", "service", "organisation", "organisation_kind", "urgency", "region", "rank",
    "ground",
}  # fmt: skip


def create_app(settings: Settings) -> FastAPI:
    """The service."""
    parts = assemble(settings)
    _on_cases(parts)
    _on_referrals(parts)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(parts):
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    return app


def _subscriber(parts: Parts, stream: str) -> Any:
    return parts.broker.subscriber(
        ">",
        stream=JStream(stream, declare=False),
        durable=f"reporting-{stream}",
        no_reply=True,
    )


async def _count(parts: Parts, fact: Callable[[str, Any], models.Model], stream: str) -> None:
    message = delivery(parts)
    one = received(message)
    inbox = models.ReportingInbox(consumer=f"reporting-{stream}", source=one.source, id=one.id)
    await once(parts.sessions, inbox, fact(one.subject, message.raw_message.metadata.timestamp))


def _on_cases(parts: Parts) -> None:
    subscriber = _subscriber(parts, "INTAKE")

    @subscriber(filter=is_a(CaseRegistered))  # type: ignore[untyped-decorator]  # chosen above
    async def on_case(event: CaseRegistered) -> None:
        def fact(subject: str, at: Any) -> models.Model:
            return models.CaseFact(
                case_id=subject,
                citizenship=list(event.citizenship),
                exploitation=list(event.exploitation),
                recorded_at=at,
                **event.model_dump(include=_OF_CASE),
            )

        await _count(parts, fact, "INTAKE")

    @subscriber(filter=is_a(DossierReleased))  # type: ignore[untyped-decorator]  # chosen above
    async def on_released(_: DossierReleased) -> None:
        """No figure rests on it."""


def _on_referrals(parts: Parts) -> None:
    subscriber = _subscriber(parts, "REFERRAL")

    @subscriber(filter=is_a(ReferralOffered))  # type: ignore[untyped-decorator]  # chosen above
    async def on_offered(event: ReferralOffered) -> None:
        def fact(subject: str, at: Any) -> models.Model:
            body = event.model_dump(include=_OF_REFERRAL)
            return models.ReferralFact(case_id=subject, offered_at=at, **body)

        await _count(parts, fact, "REFERRAL")

    @subscriber(filter=is_a(ReferralAccepted))  # type: ignore[untyped-decorator]  # chosen above
    async def on_accepted(event: ReferralAccepted) -> None:
        def fact(_: str, at: Any) -> models.Model:
            return models.StepFact(referral_id=event.referral_id, step="accepted", at=at)

        await _count(parts, fact, "REFERRAL")

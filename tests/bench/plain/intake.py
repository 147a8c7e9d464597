"""Plain intake: one ORM transaction a POST, one a followed event."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from secrets import token_bytes
from time import time_ns
from typing import Annotated, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI, Header, HTTPException, Request
from faststream.nats import JStream
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from pydantic import ConfigDict
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.callers import claimed_issuer, public_key, verify_token
from contracts.case_number import make_case_number
from contracts.envelope import Envelope
from contracts.identifiers import Mint
from contracts.intake import SOURCE, CaseRegistered, CodedCase
from contracts.referral import ReferralAccepted, ReferralEvent, ReferralOffered
from contracts.requests import AcceptReferral
from contracts.topology import internal_subject
from tests.bench.plain import models
from tests.bench.plain.disclosing import Discloser
from tests.bench.plain.messages import delivery, is_a, once, outgoing, received, relay
from tests.bench.plain.parts import Parts, Settings, assemble, running
from tests.bench.plain.vault import seal


class Submission(CodedCase):
    """A case to register."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    dossier: dict[str, dict[str, str]]


def create_app(settings: Settings) -> FastAPI:
    """The service."""
    parts = assemble(settings)
    mint = Mint(now_ms=lambda: time_ns() // 1_000_000, entropy=token_bytes)
    vault = AESGCM(bytes.fromhex(settings.dossier_key))
    _follow(parts, Discloser(mint, vault, bytes.fromhex(settings.feed_key)))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(parts, relay(parts, models.IntakeOutbox)):
            yield

    app = FastAPI(lifespan=lifespan)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=parts.tracing)

    @app.get("/healthz")
    async def healthz() -> str:
        return "ok"

    @app.post("/intake/cases", status_code=202)
    async def register(
        submission: Submission,
        request: Request,
        authorization: Annotated[str, Header()],
        idempotency_key: Annotated[str, Header()],
    ) -> dict[str, Any]:
        digest = sha256(await request.body()).digest()
        claim = models.Idempotency(key=idempotency_key, digest=digest)
        try:
            async with parts.sessions.begin() as session:
                token = authorization.removeprefix("Bearer ")
                claim.organisation = await _caller(session, token)
                return await _register(session, submission, claim=claim, mint=mint, vault=vault)
        except IntegrityError:
            return await _first_answer(parts, claim)

    return app


async def _caller(session: AsyncSession, token: str) -> str:
    issuer = claimed_issuer(token)
    known = await session.get(models.Caller, issuer)
    key = public_key(known.signing_key if known else None)
    caller = verify_token(token, audience="intake", now=datetime.now(UTC), key_of={issuer: key}.get)
    caller.require("officer", "case_owner", "focal_point")
    return caller.organisation


async def _register(
    session: AsyncSession,
    submission: Submission,
    *,
    claim: models.Idempotency,
    mint: Mint,
    vault: AESGCM,
) -> dict[str, Any]:
    now, case_id = mint.moment(), mint.opaque_id()
    facts = submission.model_dump(mode="json", exclude={"dossier"})
    number = make_case_number(
        region=submission.region or "00", year=now.year, entropy=mint.entropy(6)
    )
    claim.answer = {"case_number": number, "registered_on": now.date().isoformat()}
    event = CaseRegistered(**facts, owner=claim.organisation, registered_on=now.date())
    case = models.Case(
        case_id=case_id, number=number, owner=claim.organisation, registered_at=now, facts=facts
    )
    session.add_all([claim, case, _announced(event, str(case_id), mint)])
    session.add_all(
        models.Dossier(
            case_id=case_id,
            section=one.name,
            version=1,
            nonce=one.nonce,
            ciphertext=one.ciphertext,
        )
        for one in seal(vault, case_id, submission.dossier)
    )
    return claim.answer


async def _first_answer(parts: Parts, claim: models.Idempotency) -> dict[str, Any]:
    async with parts.sessions() as session:
        first = await session.get_one(models.Idempotency, (claim.organisation, claim.key))
    if first.digest != claim.digest:
        raise HTTPException(422, "this key was used before with another body")
    return first.answer


def _announced(event: CaseRegistered, case_id: str, mint: Mint) -> Any:
    envelope = Envelope(
        id=mint.message_id(),
        source=SOURCE,
        type=event.ce_type(),
        subject=case_id,
        correlation_id=case_id,
    )
    subject = internal_subject("intake", event.name, event.version, subject_id=case_id)
    return outgoing(
        models.IntakeOutbox, event, envelope=envelope, stream="INTAKE", nats_subject=subject
    )


def _follow(parts: Parts, discloser: Discloser) -> None:
    """REFERRAL: each event by itself."""
    subscriber = parts.broker.subscriber(
        ">",
        stream=JStream("REFERRAL", declare=False),
        durable="intake-REFERRAL",
        no_reply=True,
    )

    def noted(event: ReferralEvent, one: Envelope) -> tuple[models.IntakeInbox, models.Step]:
        at = delivery(parts).raw_message.metadata.timestamp
        inbox = models.IntakeInbox(consumer="intake-REFERRAL", source=one.source, id=one.id)
        step = models.Step(
            referral_id=event.referral_id,
            step=one.type.split(".")[3],
            case_id=one.subject,
            organisation=event.organisation,
            service=event.service,
            at=at,
        )
        return inbox, step

    @subscriber(filter=is_a(ReferralOffered))
    async def on_offered(event: ReferralOffered) -> None:
        await once(parts.sessions, *noted(event, received(delivery(parts))))

    @subscriber(filter=is_a(ReferralAccepted))
    async def on_accepted(event: ReferralAccepted) -> None:
        one = received(delivery(parts))
        with suppress(IntegrityError):  # a repeat
            async with parts.sessions.begin() as session:
                released = await discloser.released(session, event, cause=one)
                session.add_all([*noted(event, one), *released])

    @parts.broker.subscriber(
        ">", stream=JStream("INBOX", declare=False), durable="intake-INBOX", no_reply=True
    )
    async def on_request(_: AcceptReferral) -> None:
        """An acceptance is referral's: nothing to do."""

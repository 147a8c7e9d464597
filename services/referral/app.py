"""Assembles referral: settings, parts, consumers, routes; nothing happens at import."""

from collections.abc import Sequence

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import Assembly, assemble
from chassis.secrets import read_secret
from chassis.serving import key_lookup, serve
from contracts.feed import EvidenceRooted
from contracts.referral import SOURCE
from services.referral import api
from services.referral.consumers import Handlers, consumers
from services.referral.settings import ReferralSettings


def create_app(
    settings: ReferralSettings | None = None,
    *,
    processors: Sequence[SpanProcessor] = (),
    assembly: Assembly = assemble,
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or ReferralSettings()
    parts = assembly("referral", settings, source=SOURCE, processors=processors)
    handlers = Handlers(parts, read_secret(settings.secrets_dir, "feed.key"))
    parts.consumers += consumers(parts, handlers)
    parts.relay.fallen = handlers.fallen
    parts.keep_roots(EvidenceRooted.of, witnesses=settings.witnesses)
    key_of = key_lookup(parts)
    app = serve(parts)
    app.include_router(api.router(reads=parts.reads, key_of=key_of, mint=parts.mint))
    return app

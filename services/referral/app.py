"""Assembles referral: settings, parts, consumers, routes; nothing happens at import."""

from collections.abc import Sequence

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import assemble
from chassis.secrets import read_secret
from chassis.serving import key_lookup, serve
from contracts.referral import SOURCE
from services.referral import api
from services.referral.consumers import Handlers, consumers
from services.referral.settings import ReferralSettings
from services.referral.store import directory


def create_app(
    settings: ReferralSettings | None = None, *, processors: Sequence[SpanProcessor] = ()
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or ReferralSettings()
    parts = assemble("referral", settings, source=SOURCE, processors=processors)
    handlers = Handlers(parts, read_secret(settings.secrets_dir, "feed.key"))
    parts.consumers += consumers(parts, handlers)
    key_of = key_lookup(parts, directory.signing_key)
    app = serve(parts)
    app.include_router(api.router(web=parts.web, key_of=key_of, mint=parts.mint))
    return app

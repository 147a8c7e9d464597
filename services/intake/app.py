"""Assembles intake: settings, parts, consumers, routes; nothing happens at import."""

from collections.abc import Sequence

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import assemble
from chassis.secrets import read_secret
from chassis.serving import key_lookup, serve
from contracts.intake import SOURCE
from services.intake import api
from services.intake.consumers import consumers
from services.intake.settings import IntakeSettings
from services.intake.store import followed
from services.intake.vault import Vault


def create_app(
    settings: IntakeSettings | None = None, *, processors: Sequence[SpanProcessor] = ()
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or IntakeSettings()
    parts = assemble("intake", settings, source=SOURCE, processors=processors)
    parts.consumers += consumers(parts)
    vault = Vault(read_secret(settings.secrets_dir, "dossier.key"), parts.mint.entropy)
    key_of = key_lookup(parts, followed.signing_key)
    app = serve(parts)
    app.include_router(api.router(api.Desk(parts, api.Registrar(parts, vault), key_of)))
    return app

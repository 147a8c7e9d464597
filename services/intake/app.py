"""Assembles intake: settings, parts, consumers, routes, pages; nothing happens at import."""

from collections.abc import Collection, Sequence

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.assembly import Assembly, Parts, assemble
from chassis.relay import CheckGrounds, Row
from chassis.secrets import read_secret
from chassis.serving import entrance, serve
from chassis.trust import PlatformKeys
from chassis.web import BearerCaller, add_api
from chassis.web.keeping import Keeper
from contracts.countersigning import OFFICERS_FILE
from contracts.feed import EvidenceRooted
from contracts.intake import SOURCE
from contracts.sealing import Seal, seal
from services.intake import api, pages
from services.intake.calling_back import CallerBack
from services.intake.consumers import Handlers, consumers
from services.intake.forgetting import Forgetter
from services.intake.restoring import Restorer
from services.intake.searching import Searcher
from services.intake.settings import IntakeSettings
from services.intake.use_cases.checking import find_fallen
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.registering import Keeping
from services.intake.vault import KeyFiles, LeaseKeys, MonthlyKeys, Vault

DESK_ROUTES = (
    api.consent_router,
    api.disclosure_router,
    api.duplicate_router,
    api.transfer_router,
    api.followup_router,
    api.closing_router,
    api.return_router,
    api.suspect_router,
)


def create_app(
    settings: IntakeSettings | None = None,
    *,
    processors: Sequence[SpanProcessor] = (),
    assembly: Assembly = assemble,
    seal: Seal = seal,
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or IntakeSettings()
    parts = assembly("intake", settings, source=SOURCE, processors=processors)
    vault = _vault(settings, parts)
    officers = PlatformKeys(settings.secrets_dir, OFFICERS_FILE)
    officers.look()
    feed_key = read_secret(settings.secrets_dir, "feed.key")
    discloser = Discloser(mint=parts.mint, vault=vault, feed_key=feed_key, seal=seal)
    keeping = Keeping(vault, read_secret(settings.secrets_dir, "fingerprints.key"))
    months = MonthlyKeys(settings.months_dir, parts.mint.entropy)
    parts.consumers += consumers(parts, Handlers(discloser, officers.look, months, keeping))
    parts.relay.fallen = _ask_again(parts)
    admitter = api.Admitter(parts, keeping)
    restorer = Restorer(parts, discloser, settings.kek_dir.parent / "erased.jsonl")
    jobs = restorer, Forgetter(parts), Searcher(parts), admitter, CallerBack(parts, discloser)
    parts.jobs += [job.run for job in jobs]
    parts.jobs.append(lambda: months.keep_renewed(parts.mint.moment))
    parts.keep_roots(EvidenceRooted.of, witnesses=settings.witnesses)
    door, layout = entrance(parts, settings, roles=pages.ROLES, life=pages.LIFE), pages.layout()
    caller = BearerCaller(audience="intake", key_of=door.key_of, clock=door.clock)
    app = serve(parts, pages=layout, larger_bodies=api.LARGER_BODIES)
    registrar = api.Registrar(parts, keeping, throttle := settings.throttle())
    api.add_cases(app, api.Desk(parts, registrar, caller))
    incidents = api.IncidentDesk(admitter, caller, throttle)
    add_api(app, api.incident_router(incidents))
    _add_desk_routes(app, api.ConsentDesk(parts, discloser, caller))
    add_api(app, api.access_router(api.AccessDesk(parts, vault, caller)))
    add_api(app, api.erasure_router(api.ErasureDesk(parts, discloser, caller)))
    screen = pages.Desk(parts=parts, discloser=discloser, entrance=door, pages=layout)
    leases = LeaseKeys(settings.leases_dir, parts.mint.entropy)
    form = _add_pages(app, screen, registrar=registrar, leases=leases)
    pages.add_together(app, pages.TogetherDesk(form=form, gather=incidents.gather))
    return app


def _add_desk_routes(app: FastAPI, desk: api.ConsentDesk) -> None:
    add_api(app, *(routes(desk) for routes in DESK_ROUTES))


def _ask_again(parts: Parts) -> CheckGrounds:
    async def fallen(connection: AsyncConnection, rows: Sequence[Row]) -> Collection[int]:
        return await find_fallen(connection, rows, at=parts.mint.moment())

    return fallen


def _vault(settings: IntakeSettings, parts: Parts) -> Vault:
    """Raises `KeyUnavailable`: better no service than one that finds its key gone at the first case."""
    keys = KeyFiles(settings.kek_dir, parts.mint.entropy)
    keys.ids()
    return Vault(keys, parts.mint.entropy)


def _add_pages(
    app: FastAPI, screen: pages.Desk, *, registrar: api.Registrar, leases: LeaseKeys
) -> pages.FormDesk:
    parts = screen.parts
    parts.jobs.append(lambda: leases.keep_renewed(parts.mint.moment))
    pages.add_pages(app, screen)
    form = pages.FormDesk(
        parts=parts,
        register=registrar.register,
        entrance=screen.entrance,
        pages=screen.pages,
    )
    pages.add_form(app, form)
    keeper = Keeper(screen.entrance.sessions.secret, parts.mint.entropy)
    pages.add_offline(app, pages.OfflineDesk(form, leases, keeper))
    return form

"""Assembles referral: settings, parts, consumers, routes; nothing happens at import."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from fastapi import FastAPI
from opentelemetry.sdk.trace import SpanProcessor

from chassis.assembly import Assembly, Parts, assemble
from chassis.broker import open_wire
from chassis.secrets import read_secret
from chassis.serving import entrance, key_lookup, serve
from chassis.trust import SigningKey
from chassis.web import BearerCaller, Pages, add_api
from chassis.web.again import Again
from chassis.web.keeping import Keeper
from contracts.feed import EvidenceRooted
from contracts.referral import SOURCE
from contracts.topology import readings_of
from services.referral import api, pages
from services.referral.consumers import Handlers, consumers
from services.referral.domain.accounts import LIFE
from services.referral.gateways.credentials import Credentials
from services.referral.gateways.door import Door
from services.referral.gateways.unread import is_all_read
from services.referral.notifier import Notifier
from services.referral.settings import ReferralSettings
from services.referral.timers import Timekeeper
from services.referral.use_cases.inviting import ACCOUNTS

DESK_ROUTES = (
    api.router,
    api.places_router,
    api.unplaced_router,
    api.plans_router,
    api.notices_router,
)


def create_app(
    settings: ReferralSettings | None = None,
    *,
    processors: Sequence[SpanProcessor] = (),
    assembly: Assembly = assemble,
) -> FastAPI:
    """The service as an ASGI app; it starts its consumers and relay with its lifespan."""
    settings = settings or ReferralSettings()
    parts = assembly("referral", settings, source=SOURCE, processors=processors)
    door = _door(settings, parts)
    handlers = Handlers(parts, read_secret(settings.secrets_dir, "feed.key"), door.rewind)
    parts.consumers += consumers(parts, handlers)
    parts.relay.fallen = handlers.fallen
    parts.keep_roots(EvidenceRooted.of, witnesses=settings.witnesses)
    notifier = _notifier(parts, handlers, settings)
    parts.jobs += [door.run, _timekeeper(parts, handlers).run, notifier.run]
    caller = BearerCaller(audience="referral", key_of=key_lookup(parts), clock=parts.mint.moment)
    layout = pages.layout()
    app = serve(parts, pages=layout)
    add_api(app, api.routings_router(parts.reads, caller))
    desk = api.Desk(parts, caller, handlers.announcer, handlers.master_key)
    add_api(app, *(routes(desk) for routes in DESK_ROUTES))
    committee = api.DirectoryDesk(parts, caller)
    add_api(app, api.directory_router(committee), api.reference_router(committee))
    app.include_router(api.partner_router(api.FeedDesk(door, caller, parts.web)))
    peoples_door = _peoples_door(settings, parts, layout)
    screen = pages.DeskPages(
        parts=parts,
        entrance=replace(peoples_door.entrance, roles=pages.ROLES),
        pages=layout,
        announcer=handlers.announcer,
    )
    pages.add_pages(app, peoples_door, screen)
    return app


def _peoples_door(settings: ReferralSettings, parts: Parts, layout: Pages) -> pages.PeoplesDoor:
    """Where people sign in, for the pages of all services."""
    accounts_key = read_secret(settings.secrets_dir, "accounts.key")
    mint = parts.mint
    # Not by the secret of sessions, which nobody has here by a link: it is another at each start.
    again = Again(service="referral", keeper=Keeper(accounts_key, mint.entropy), clock=mint.moment)
    door = entrance(parts, settings, roles=ACCOUNTS, life=LIFE, by_link=False)
    return pages.PeoplesDoor(
        parts=parts,
        entrance=replace(door, again=again),
        pages=layout,
        credentials=Credentials(accounts_key, mint.entropy),
        signing=SigningKey(parts.keys, "referral"),
        throttle=settings.throttle(),
        provider=settings.provider(),
        secure=settings.secure_cookies,
    )


def _door(settings: ReferralSettings, parts: Parts) -> Door:
    """A connection of its own, whose user may do what referral's own may not."""
    wire = open_wire(
        "door", settings.nats, seed_file=settings.door_seed_file, on_lost=parts.on_failure
    )
    return Door(wire)


def _timekeeper(parts: Parts, handlers: Handlers) -> Timekeeper:
    """Acts on time; on an answer that came it does not act before it is read."""
    (inbox,) = (one.durable for one in readings_of("referral") if one.stream == "INBOX")
    return Timekeeper(
        engine=parts.work,
        announcer=handlers.announcer,
        wake_relay=parts.wake_relay,
        is_read=partial(is_all_read, parts.wire, inbox),
    )


def _notifier(parts: Parts, handlers: Handlers, settings: ReferralSettings) -> Notifier:
    """Tells people that something waits."""
    return Notifier(
        engine=parts.work,
        carrier=settings.carriers(),
        announcer=handlers.announcer,
        wake_relay=parts.wake_relay,
    )

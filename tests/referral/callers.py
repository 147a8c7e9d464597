"""People of organisations who call referral's API, which runs with its real parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import httpx
from asgi_lifespan import LifespanManager

from chassis.assembly import assemble
from contracts.callers import issue_token
from contracts.keyring import encode_base64url
from contracts.referral import OrganisationRegistered
from services.referral.app import create_app
from services.referral.settings import ReferralSettings
from tests.parts import Site
from tests.referral.offices import open_office
from tests.signing import private_key


@asynccontextmanager
async def calling(
    site: Site, *organisations: OrganisationRegistered
) -> AsyncIterator[httpx.AsyncClient]:
    """The API of a referral whose directory holds these, for as long as the block runs."""
    async with open_office(site.database, seed=2) as office:
        await office.publish(*organisations)
    for one in organisations:
        await site.run(
            "insert into referral.organisation_keys (key, owner, use, valid_from)"
            " values (:key, :owner, 'signing', '2020-01-01T00:00Z') on conflict do nothing",
            key=encode_base64url(private_key(one.code).public_key().public_bytes_raw()),
            owner=one.code,
        )
    assembly = partial(assemble, on_failure=lambda: site.failures.append("referral"))
    app = create_app(site.settings("referral", ReferralSettings), assembly=assembly)
    async with (
        LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://siraba") as opened,
    ):
        yield opened


def bearer(code: str, role: str) -> dict[str, str]:
    """The header of somebody with this role there."""
    token = issue_token(
        private_key(code),
        organisation=code,
        role=role,
        audience="referral",
        now=datetime.now(UTC),
        person="s-1",
    )
    return {"Authorization": f"Bearer {token}"}

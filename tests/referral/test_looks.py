from datetime import UTC, datetime

import httpx
import pytest
from asgi_lifespan import LifespanManager

from contracts.callers import issue_token
from contracts.keyring import encode_base64url
from services.referral.app import create_app
from services.referral.settings import ReferralSettings
from tests.parts import Site, site
from tests.signing import private_key

__all__ = ["site"]
pytestmark = pytest.mark.share("sealed")


async def test_whoever_lists_its_referrals_is_on_record_before_it_sees_them(site: Site) -> None:
    key = private_key("SHELTER_B")
    await site.run(
        "insert into referral.organisation_keys (key, owner, use, valid_from)"
        " values (:key, 'SHELTER_B', 'signing', '2020-01-01T00:00Z')",
        key=encode_base64url(key.public_key().public_bytes_raw()),
    )
    token = issue_token(
        key, organisation="SHELTER_B", role="focal_point", audience="referral",
        now=datetime.now(UTC), person="s-1",
    )  # fmt: skip
    app = create_app(site.settings("referral", ReferralSettings))
    async with (
        LifespanManager(app, startup_timeout=30, shutdown_timeout=30),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://siraba") as client,
    ):
        headers = {"Authorization": f"Bearer {token}"}
        answers = [await client.get("/referral/referrals", headers=headers) for _ in range(3)]
        await site.run("revoke insert on referral.audit from referral_work")
        unrecorded = await client.get("/referral/referrals", headers=headers)

    assert [one.json() for one in answers] == [{"referrals": []}] * 3
    assert unrecorded.status_code == 500
    assert (
        await site.rows("select organisation, role, person, action, shown from referral.audit")
        == [("SHELTER_B", "focal_point", "s-1", "referrals", 0)] * 3
    )

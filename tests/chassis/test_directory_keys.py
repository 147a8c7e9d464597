"""A partner's new key counts from its first message on: a second's wait would refuse its word."""

from uuid import uuid4

import pytest

from chassis.directory_keys import save_keys
from chassis.inbox import Raw
from chassis.trust import DirectoryKeys, Trust
from contracts.envelope import Rejected
from contracts.topology import stored_partner_subject
from tests.builders import NOON
from tests.parts import Site
from tests.signing import public_key, signed

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]


def a_request(sender: str) -> Raw:
    subject = stored_partner_subject(sender, "referral.accept", 1)
    headers = {"ce-id": str(uuid4()), "ce-source": f"/partners/{sender}"}
    return Raw(
        subject=subject,
        headers=signed(headers, b"{}", subject=subject, by=sender, kind="request"),
        body=b"{}",
        stream="INBOX",
        sequence=1,
        recorded_at=NOON,
    )


async def test_a_key_that_came_a_moment_ago_is_believed_at_once(site: Site) -> None:
    async with site.parts("referral") as parts:
        trust = Trust("request", DirectoryKeys(parts.work))
        message = a_request("SHELTER_B")
        await trust.refresh([message])
        with pytest.raises(Rejected, match="unknown_key"):
            trust.check(message)
        async with parts.work.begin() as connection:
            await save_keys(connection, [public_key("SHELTER_B")])

        await trust.refresh([message])
        trust.check(message)


async def test_without_being_named_a_new_key_waits_for_the_next_look(site: Site) -> None:
    async with site.parts("referral") as parts:
        trust = Trust("request", DirectoryKeys(parts.work))
        await trust.refresh()
        async with parts.work.begin() as connection:
            await save_keys(connection, [public_key("SHELTER_B")])

        await trust.refresh()
        with pytest.raises(Rejected, match="unknown_key"):
            trust.check(a_request("SHELTER_B"))

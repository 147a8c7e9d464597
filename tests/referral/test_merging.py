"""Where two cases are one person's, the one owner hears of both, also after a merge is undone."""

from uuid import UUID, uuid4

import pytest

from contracts.cases import CaseTransferred
from contracts.event import Message
from contracts.intake import CaseMerged, CaseUnmerged
from contracts.requests import AcceptReferral, ReceiveReferral
from tests.builders import TODAY, event_headers, event_subject
from tests.parts import Site, writing_as
from tests.referral.test_consumers import POLICE, SHELTER, Road, road

pytestmark = pytest.mark.share("sealed")


async def said(way: Road, case_id: UUID, *events: Message, number: int) -> None:
    """What intake publishes of the case, from this number on; referral takes it as one batch."""
    async with writing_as(way.site.server, "intake") as jetstream:
        for nth, event in enumerate(events, number):
            await jetstream.publish(
                event_subject(event, str(case_id)),
                event.encode(),
                headers=event_headers(event, case_id=str(case_id), number=nth),
            )
    await way.take(way.cases, len(events))


async def owned_by(site: Site) -> set[str]:
    tables = ("cases", "referrals", "unplaced")
    return {
        owner
        for table in tables
        for (owner,) in await site.rows(f"select owner from referral.{table}")
    }


async def test_the_owner_of_the_surviving_case_hears_of_the_merged_one(site: Site) -> None:
    async with road(site) as way:
        case_id, other = uuid4(), uuid4()
        await way.case(case_id, owner="GEND_B", needs=["shelter", "legal_aid"])
        ((_, offer),) = await way.heard(SHELTER, 1)
        assert await owned_by(site) == {"GEND_B"}

        merged = CaseMerged(into=other, owner=POLICE, merged_on=TODAY)
        await said(way, case_id, merged, number=2)
        assert await owned_by(site) == {POLICE}
        accept = AcceptReferral(referral_id=offer["referral_id"])
        await way.request(SHELTER, accept, identity=uuid4())
        await way.take(way.requests, 1)

        ((name, told),) = await way.heard(POLICE, 1)
        assert (name, told["referral_id"]) == ("referral.accepted", offer["referral_id"])


async def test_of_what_is_said_of_a_case_in_one_batch_the_last_word_counts(site: Site) -> None:
    async with road(site) as way:
        case_id, other = uuid4(), uuid4()
        await way.case(case_id, owner=POLICE)
        ((_, offer),) = await way.heard(SHELTER, 1)
        await said(
            way,
            case_id,
            CaseMerged(into=other, owner="GEND_B", merged_on=TODAY),
            CaseUnmerged(out_of=other, owner=POLICE, unmerged_on=TODAY),
            number=2,
        )
        assert await owned_by(site) == {POLICE}

        receive = ReceiveReferral(referral_id=offer["referral_id"])
        await way.request(SHELTER, receive, identity=uuid4())
        await way.take(way.requests, 1)
        assert [name for name, _ in await way.heard(POLICE, 1)] == ["referral.received"]


async def test_the_organisation_that_a_case_is_given_to_hears_of_its_referrals(site: Site) -> None:
    async with road(site) as way:
        case_id = uuid4()
        await way.case(case_id, owner="GEND_B", needs=["shelter", "legal_aid"])
        ((_, offer),) = await way.heard(SHELTER, 1)

        given = CaseTransferred(owner=POLICE, before="GEND_B", transferred_on=TODAY)
        await said(way, case_id, given, number=2)
        assert await owned_by(site) == {POLICE}
        receive = ReceiveReferral(referral_id=offer["referral_id"])
        await way.request(SHELTER, receive, identity=uuid4())
        await way.take(way.requests, 1)

        assert [name for name, _ in await way.heard(POLICE, 1)] == ["referral.received"]

"""Of a threat a person is told at once, then the next one above, until somebody looks after it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.referral.domain.deadlines import above
from tests.referral.days import Days, a_post, days_of
from tests.referral.offices import an_answer
from tests.referral.threatened import DIRECTORY, NEEDS, a_threat, warned
from tests.servers import Database

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
RUNGS = above(None)
SOON, HALF_AN_HOUR = timedelta(seconds=1), timedelta(minutes=31)


@pytest.fixture
async def days(fresh_database: Database) -> AsyncIterator[Days]:
    """SHELTER_B has POLICE_A's case; of both each rung can be told but the shelter's unit."""
    async with days_of(fresh_database, DIRECTORY) as opened:
        for code, rungs in (("POLICE_A", RUNGS[:2]), ("SHELTER_B", RUNGS[1:2])):
            posts = [a_post(rung, f"+2237{len(code)}00000{n}") for n, rung in enumerate(rungs)]
            await opened.set_contacts(code, *posts)
        await opened.office.offer({**NEEDS, "needs": ("shelter", "legal_aid")})
        for code in ("SHELTER_B", "COURT_J"):
            offer = await opened.office.open_offer(code)
            await opened.office.answer(an_answer(code, offer, "accept"))
        referral = await opened.office.open_offer("COURT_J")
        assert await warned(opened.office, "COURT_J", a_threat(referral_id=referral)) == []
        yield opened


async def sent(days: Days) -> list[tuple[str, str]]:
    """(who must act, rung) of each notice that was sent, about the threat alone."""
    said = [body for name, body in await days.office.said() if name == "notice.sent"]
    assert all(one["threat_id"] and not one["referral_id"] for one in said)
    return sorted((one["waits_for"], one["rung"]) for one in said)


async def test_each_that_has_the_case_is_told_at_once_and_where_nobody_stands_the_next_rung_is(
    days: Days,
) -> None:
    await days.pass_by(SOON)
    assert await sent(days) == [("POLICE_A", "unit"), ("SHELTER_B", "focal_point")]

    await days.pass_by(HALF_AN_HOUR)
    assert ("POLICE_A", "focal_point") in await sent(days)


async def test_whoever_looks_after_it_stops_the_ladder_of_its_own_organisation_alone(
    days: Days,
) -> None:
    await days.pass_by(SOON)
    rows = await days.office.rows(
        "select notice_id from notices where waits_for = 'POLICE_A' and state = 'sent'"
    )
    await days.office.acknowledge(rows[0][0], organisation="POLICE_A")

    await days.pass_by(HALF_AN_HOUR)
    assert [one for one in await sent(days) if one[0] == "POLICE_A"] == [("POLICE_A", "unit")]
    failed = [body for name, body in await days.office.said() if name == "notice.failed"]
    assert {one["waits_for"] for one in failed} == {"SHELTER_B"}

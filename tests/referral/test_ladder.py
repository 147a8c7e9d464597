"""The ladder: unit, focal point, regional focal point, committee, until somebody looks after it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.referral.domain.deadlines import LIMITS, above
from services.referral.use_cases.notifying import NotYours
from tests.builders import an_organisation
from tests.referral.days import MINUTE, TRYING, Days, a_post, days_of
from tests.referral.offices import an_answer
from tests.servers import Database

pytestmark = [pytest.mark.connected, pytest.mark.share("lifecycle")]
ADULT = {"age_band": "25-34"}
HALF = LIMITS["urgent_72h"] / 2
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SOCIAL_R", "social"),
    an_organisation("SOCIAL_FAR", "social", region="01", zones=("01",)),
    an_organisation("COMMITTEE_N", "committee", region="00", zones=("*",)),
)
UNIT, FOCAL, REGIONAL, NATIONAL = (f"+2237000000{n}" for n in range(4))
OWNER, OWNER_FOCAL = "+22371000000", "+22371000001"


@pytest.fixture
async def days(fresh_database: Database) -> AsyncIterator[Days]:
    async with days_of(fresh_database, DIRECTORY) as opened:
        await opened.set_contacts("SHELTER_B", a_post("unit", UNIT), a_post("focal_point", FOCAL))
        await opened.set_contacts("SOCIAL_R", a_post("regional_focal_point", REGIONAL))
        await opened.set_contacts("SOCIAL_FAR", a_post("regional_focal_point", "+22379999999"))
        await opened.set_contacts("COMMITTEE_N", a_post("committee", NATIONAL))
        await opened.set_contacts(
            "POLICE_A", a_post("unit", OWNER), a_post("focal_point", OWNER_FOCAL)
        )
        yield opened


async def offered(days: Days, **facts: Any) -> UUID:
    """A referral that waits for SHELTER_B's answer, and for nobody else's."""
    await days.office.offer({**ADULT, **facts})
    return await days.office.open_offer("SHELTER_B")


def test_above_the_highest_rung_is_nobody() -> None:
    assert above(None) == ("unit", "focal_point", "regional_focal_point", "committee")
    assert above("focal_point") == ("regional_focal_point", "committee")
    assert above("committee") == ()


async def sent(days: Days, waits_for: str) -> list[dict[str, Any]]:
    """What was said of the notices about something that waits for this organisation."""
    said = [body for name, body in await days.office.said() if name == "notice.sent"]
    return [one for one in said if one["waits_for"] == waits_for]


async def test_each_rung_is_told_in_its_turn(days: Days) -> None:
    referral_id = await offered(days)
    heard = []
    for time in (HALF - MINUTE, 2 * MINUTE, HALF, DAY, DAY, 30 * DAY):
        await days.pass_by(time)
        heard.append([one["rung"] for one in await sent(days, "SHELTER_B")])

    assert heard == [[], *([*above(None)][:n] for n in (1, 2, 3, 4, 4))]
    # Nobody is asked for the service now, and its owner does not act either: a ladder of its own.
    assert [one["rung"] for one in await sent(days, "POLICE_A")] == [*above(None)]
    assert days.postman.addresses.count(NATIONAL) == 2
    assert {one["referral_id"] for one in await sent(days, "SHELTER_B")} == {str(referral_id)}
    assert await days.office.rows("select * from timers") == []


async def test_every_notice_is_an_event_that_names_whom_and_how_and_never_an_address(
    days: Days,
) -> None:
    await offered(days)
    await days.pass_slowly(30 * DAY, step=DAY)

    assert [(one["organisation"], one["medium"]) for one in await sent(days, "SHELTER_B")] == [
        ("SHELTER_B", "sms"), ("SHELTER_B", "sms"), ("SOCIAL_R", "sms"), ("COMMITTEE_N", "sms"),
    ]  # fmt: skip
    everything = str(await days.office.rows("select convert_from(body, 'UTF8') from outbox"))
    assert not [one for one in (UNIT, FOCAL, REGIONAL, NATIONAL) if one in everything]


async def test_an_owner_is_told_at_once_and_then_those_above(days: Days) -> None:
    await days.office.offer({**ADULT, "needs": ["legal_aid"]})
    await days.pass_by(MINUTE)
    assert days.postman.addresses == [OWNER]
    for more in (OWNER_FOCAL, REGIONAL, NATIONAL):
        await days.pass_by(DAY)
        assert days.postman.addresses[-1] == more
    await days.pass_by(30 * DAY)

    assert days.postman.addresses == [OWNER, OWNER_FOCAL, REGIONAL, NATIONAL]
    assert {one.text for one in days.postman.letters} == {"Siraba: une demande vous attend"}
    assert await days.office.rows("select * from timers") == []


async def test_what_is_urgent_climbs_sooner_and_nothing_waits_for_weeks(days: Days) -> None:
    for urgency in LIMITS:
        await days.office.offer({**ADULT, "needs": ["legal_aid"], "urgency": urgency})
    heard = []
    for time in (MINUTE, HOUR / 2, HOUR / 2, 11 * HOUR, 12 * HOUR):
        await days.pass_by(time)
        heard.append(days.postman.addresses.count(OWNER_FOCAL))

    assert heard == [0, 1, 1, 2, 4]


async def test_who_is_answered_or_promised_to_is_not_told_of_any_more(days: Days) -> None:
    referral_id = await offered(days)
    await days.pass_by(HALF + MINUTE)
    await days.office.answer(an_answer("SHELTER_B", referral_id, "accept"))
    await days.pass_by(30 * DAY)

    assert days.postman.addresses == [UNIT]


async def test_an_acknowledged_notice_stops_its_ladder_and_no_other(days: Days) -> None:
    await offered(days)
    await days.pass_by(HALF + MINUTE)
    await days.pass_by(HALF)
    ((focal,),) = await days.office.rows("""
        select notice_id from notices where rung = 'focal_point' and organisation = 'SHELTER_B'
    """)
    with pytest.raises(NotYours):
        await days.office.acknowledge(focal, organisation="POLICE_A")
    await days.office.acknowledge(focal, organisation="SHELTER_B")
    with pytest.raises(NotYours):
        await days.office.acknowledge(focal, organisation="SHELTER_B")
    before = list(days.postman.addresses)
    await days.pass_slowly(30 * DAY, step=DAY)

    # The owner's own ladder goes on, since nobody is asked for the service any more.
    assert days.postman.addresses[len(before) :] == [OWNER_FOCAL, REGIONAL, NATIONAL]
    (said,) = [body for name, body in await days.office.said() if "acknowledged" in name]
    assert (said["rung"], said["by_role"]) == ("focal_point", "focal_point")


async def test_where_nobody_stands_the_next_rung_is_called_at_once(days: Days) -> None:
    await days.set_contacts("SHELTER_B")
    await offered(days)
    await days.pass_by(HALF + MINUTE)

    assert days.postman.addresses == [REGIONAL]
    assert await days.notices() == [
        ("failed", "unit", "no_contact"),
        ("escalated", "focal_point", "no_notice"),
        ("failed", "focal_point", "no_contact"),
        ("escalated", "regional_focal_point", "no_notice"),
        ("sent", "regional_focal_point", "SOCIAL_R"),
    ]
    assert (await days.office.referrals())[0][2] == "offered", "its time has not run out"

    await days.pass_by(HALF)
    assert (await days.office.referrals())[0][2] == "overdue"
    assert NATIONAL in days.postman.addresses


async def test_where_nobody_stands_anywhere_it_is_said_and_stays_on_the_list(days: Days) -> None:
    for code in ("POLICE_A", "SOCIAL_R", "COMMITTEE_N"):
        await days.set_contacts(code)
    await days.office.offer({**ADULT, "needs": ["legal_aid"]})
    await days.pass_by(30 * DAY)

    assert days.postman.tried == []
    assert [one for one in await days.notices() if one[0] == "failed"] == [
        ("failed", rung, "no_contact") for rung in above(None)
    ]
    assert await days.office.unplaced() == [("legal_aid", "no_candidate")]
    assert await days.office.rows("select * from timers") == []


async def test_a_post_that_cannot_be_reached_is_tried_with_growing_pauses_then_the_next_is_called(
    days: Days,
) -> None:
    days.postman.unreachable.add(UNIT)
    await offered(days)
    await days.pass_by(HALF + MINUTE)
    assert days.postman.tried == [UNIT]
    tries = []
    for _ in range(20):
        await days.pass_by(MINUTE / 2)
        tries.append(days.postman.tried.count(UNIT))

    # After 30 s, 1, 2 and 4 minutes.
    assert [tries.index(n) + 1 for n in (2, 3, 4, 5)] == [1, 3, 7, 15]
    assert days.postman.tried == [UNIT] * 5 + [FOCAL]
    assert ("failed", "unit", "SHELTER_B") in await days.notices()
    assert (await days.office.referrals())[0][2] == "offered"


async def test_each_try_goes_another_way_and_a_wrong_address_costs_no_time(days: Days) -> None:
    await days.set_contacts(
        "SHELTER_B",
        a_post("unit", UNIT, email="unit@siraba.example"),
        a_post("focal_point", FOCAL),
    )
    days.postman.refused |= {UNIT, FOCAL}
    await offered(days)
    await days.pass_by(HALF + MINUTE)
    assert days.postman.tried == [UNIT, "unit@siraba.example"]
    assert [one.medium for one in days.postman.letters] == ["email"]

    await days.pass_by(HALF)
    assert days.postman.tried[2:] == [OWNER, FOCAL, REGIONAL] or days.postman.tried[2:] == [
        FOCAL, OWNER, REGIONAL,
    ]  # fmt: skip


async def test_a_process_that_dies_while_it_sends_leaves_the_notice_to_another(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offered(days)
    await days.pass_by(HALF - MINUTE)

    class Died(BaseException):
        """The process is gone."""

    async def die(_: object) -> None:
        raise Died

    await days.clock.go_on(2 * MINUTE)
    await days.timekeeper.once()
    with monkeypatch.context() as dying:
        dying.setattr(days.postman, "carry", die)
        with pytest.raises(Died):
            await days.notifier.once()
    await days.pass_by(MINUTE)
    assert days.postman.addresses == [], "it may still be sending"
    await days.pass_by(TRYING)

    assert days.postman.addresses == [UNIT]
    assert [one for one in await days.notices() if one[0] == "sent"] == [
        ("sent", "unit", "SHELTER_B")
    ]


async def test_in_english_for_those_who_do_not_work_in_french(days: Days) -> None:
    await days.office.run("""
        update organisations set entry = jsonb_set(entry, '{languages}', '["english"]')
        where code = 'SHELTER_B'
    """)
    await offered(days)
    await days.pass_by(HALF + MINUTE)

    assert [one.text for one in days.postman.letters] == ["Siraba: a request is waiting for you"]

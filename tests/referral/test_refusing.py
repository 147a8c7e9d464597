"""Requests of kinds that nobody handles yet, on their way through referral."""

from uuid import UUID, uuid4

import pytest

from chassis.inbox.rejections import PER_MINUTE
from chassis.inbox.sweep import Sweep
from contracts.reports import ReportSession
from contracts.requests import ReferralRequest
from services.referral import consumers
from services.referral.use_cases.refusing import Asked
from tests.asked import FILE, WELL_FORMED, a_request
from tests.chassis.outgoing import drain
from tests.parts import Site
from tests.referral.offices import Office, a_cause
from tests.referral.test_answering import offered
from tests.referral.test_consumers import POLICE, SHELTER, road

pytestmark = pytest.mark.share("partners")

#: What some service acts on.
HANDLED = {
    *(name for name in WELL_FORMED if issubclass(type(a_request(name)), ReferralRequest)),
    "consent.acknowledge",
    "feed.replay",
    "feed.snapshot",
    "case.report",
    "capacity.report",
    "proceeding.report",
    "suspect.report",
    "judgment.report",
    "threat.report",
    "session.report",
}
#: Taken for one that nobody handles yet, as the next kind will be until somebody does.
NEW = "session.report"


def test_the_kinds_that_are_handled_are_these() -> None:
    answers = ("receive", "accept", "decline", "start", "deliver", "fail")

    others = {
        "consent.acknowledge", "feed.replay", "feed.snapshot", "case.report", "capacity.report",
        "proceeding.report", "suspect.report", "judgment.report", "threat.report",
        "session.report",
    }  # fmt: skip
    assert {f"referral.{verb}" for verb in answers} | others == HANDLED
    assert set(WELL_FORMED) == HANDLED


async def test_a_kind_that_nobody_handles_is_refused_once_and_nothing_is_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    handled = tuple(kind for kind in consumers.HANDLED if kind is not ReportSession)
    monkeypatch.setattr(consumers, "HANDLED", handled)
    identity = uuid4()
    async with road(site) as way:
        for _ in range(2):  # as a kit that has not seen the first one acknowledged
            await way.request(SHELTER, a_request(NEW), identity=identity)
        await way.take(way.requests, 1)

        ((name, told),) = await way.heard_all(SHELTER)
        assert (name, told["field"], told["request_type"]) == ("request.refused", "ce-type", NEW)
        assert (UUID(told["request_id"]), told["reason"]) == (identity, "not_yet_supported")
        (left,) = await site.rows(
            "select (select count(*) from referral.dead_letters),"
            " (select count(*) from referral.outbox where sent_at is null)"
        )
        assert left == (0, 0)


async def test_a_report_for_another_service_is_not_refused_but_a_field_too_many_in_it_is(
    site: Site,
) -> None:
    request = a_request("session.report")
    async with road(site) as way:
        await way.request(SHELTER, request, identity=uuid4())
        await way.request(
            SHELTER, request, identity=uuid4(), body=request.encode()[:-1] + b',"x":1}'
        )
        await way.take(way.requests, 2)

        ((name, told),) = await way.heard_all(SHELTER)
        assert (name, told["reason"], told["field"]) == ("message.rejected", "wrong_schema", "body")
        assert await site.rows("select count(*) from referral.dead_letters") == [(1,)]


async def test_a_session_of_a_day_to_come_is_dead_and_its_sender_told_of_the_field(
    site: Site,
) -> None:
    request = ReportSession.model_validate(
        WELL_FORMED["session.report"] | {"held_on": "2099-01-05"}
    )
    identity = uuid4()
    async with road(site) as way:
        await way.request(SHELTER, request, identity=identity)
        await way.take(way.requests, 1)

        ((name, told),) = await way.heard_all(SHELTER)
        assert (name, told["message_id"]) == ("message.rejected", str(identity))
        assert (told["reason"], told["field"]) == ("wrong_schema", "held_on")
        assert await site.rows("select count(*) from referral.dead_letters") == [(1,)]


def asked(organisation: str, name: str, referral_id: UUID | None) -> Asked:
    return Asked(
        organisation=organisation,
        request_type=name,
        request_id=uuid4(),
        matter=str(referral_id or FILE),
        referral_id=referral_id,
        cause=a_cause(),
    )


async def test_a_partner_speaks_only_of_referrals_that_it_has_or_of_its_own_cases(
    office: Office,
) -> None:
    name = "threat.report"
    referral_id = await offered(office)
    everybody = [asked(code, name, referral_id) for code in (SHELTER, POLICE, "SHELTER_C")]
    invented = asked("SHELTER_C", name, uuid4())
    by_feed = asked("SHELTER_C", name, None)

    refused = await office.refuse(*everybody, invented, by_feed)

    assert [one.reason for one in refused] == [
        "not_yet_supported",
        "not_yet_supported",
        "unknown_referral",
        "unknown_referral",
        "not_yet_supported",
    ]
    assert [one.case_id is not None for one in refused] == [True, True, False, False, False]
    # What a stranger hears of a referral that exists is what it hears of one that does not.
    first, second, _ = (body for _, body in await office.said("SHELTER_C"))
    assert first | {"request_id": ""} == second | {"request_id": ""}
    rows = await office.rows("select case_id from outbox where name = 'request.refused'")
    assert rows == [(None,)] * 5


async def test_nothing_to_refuse_says_nothing(office: Office) -> None:
    assert await office.refuse() == []
    assert await office.rows("select 1 from outbox") == []


async def test_a_flood_of_impossible_requests_is_answered_by_sixty_a_minute_and_a_number(
    site: Site,
) -> None:
    sent = 2 * PER_MINUTE + 5  # two minutes at most: the count starts anew with each
    async with road(site) as way:
        for _ in range(sent):
            await way.request(SHELTER, a_request("referral.accept"), identity=uuid4())
        await way.request(SHELTER, a_request("feed.replay"), identity=uuid4(), body=b"{}")
        await way.take(way.requests, sent + 1)
        in_time = await way.heard_all(SHELTER)
        await site.run("update referral.refusals set minute = minute - interval '1 hour'")
        await Sweep(way.requests).once()
        await drain(way.parts)
        more = await way.heard_all(SHELTER)
        numbers = way.parts.metrics.text().decode()

    refused = [body for name, body in in_time if name == "request.refused"]
    assert PER_MINUTE <= len(refused) <= 2 * PER_MINUTE
    assert {(body["reason"], body["field"], body["count"]) for body in refused} == {
        ("unknown_referral", "referral_id", 1)
    }
    assert {name for name, _ in more} == {"request.refused"}
    assert len(refused) + sum(body["count"] for _, body in more) == sent
    counted = [line for line in numbers.splitlines() if line.startswith("siraba_partner")]
    assert sorted(counted) == [
        f'siraba_partner_turned_down_total{{organisation="{SHELTER}",'
        f'outcome="{outcome}",reason="{reason}"}} {number}'
        for outcome, reason, number in (
            ("refused", "unknown_referral", float(sent)),
            ("rejected", "wrong_schema", 1.0),
        )
    ]

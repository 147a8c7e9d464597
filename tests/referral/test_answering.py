from uuid import UUID, uuid4

import pytest

from tests.builders import an_organisation
from tests.referral.offices import Office, an_answer

ADULT = {"age_band": "25-34"}
_FAILED = ("referral.not_delivered", "no_show")
DIRECTORY = (
    an_organisation("POLICE_A", "police", "immediate_safety"),
    an_organisation("SHELTER_B", "shelter", "shelter"),
    an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12")),
)


async def offered(office: Office, **facts: object) -> UUID:
    """A referral that waits for SHELTER_B's answer."""
    await office.publish(*DIRECTORY)
    await office.offer({**ADULT, **facts})
    return await office.open_offer("SHELTER_B")


async def test_each_step_is_told_to_recipient_and_owner_and_becomes_an_event(
    office: Office,
) -> None:
    referral_id = await offered(office)
    for verb in ("receive", "accept", "start", "deliver"):
        await office.answer(an_answer("SHELTER_B", referral_id, verb))

    steps = [f"referral.{step}" for step in ("received", "accepted", "started", "delivered")]
    assert [name for name, _ in await office.said()] == ["referral.offered", *steps]
    assert [name for name, _ in await office.said("SHELTER_B")] == ["referral.offered", *steps]
    assert [name for name, _ in await office.said("POLICE_A")] == steps
    assert await office.referrals() == [("SHELTER_B", "shelter", "delivered", 1)]


@pytest.mark.parametrize("before", [("accept",), ("accept", "start")])
async def test_a_service_that_is_not_given_after_all_is_told_to_both_with_its_reason(
    office: Office, before: tuple[str, ...]
) -> None:
    referral_id = await offered(office)
    for verb in (*before, "fail", "deliver"):
        await office.answer(an_answer("SHELTER_B", referral_id, verb, reason=None))

    assert await office.referrals() == [("SHELTER_B", "shelter", "not_delivered", 1)]
    told = {"referral_id": str(referral_id), "service": "shelter", "organisation": "SHELTER_B"}
    failed = ("referral.not_delivered", told | {"reason": "no_show"})
    assert (await office.said("POLICE_A"))[-1] == failed
    heard = await office.said("SHELTER_B")
    assert heard[-2] == failed
    assert (heard[-1][0], heard[-1][1]["reason"]) == ("request.refused", "wrong_state")
    name, event = (await office.said())[-1]
    assert (name, event["reason"], event["organisation_kind"]) == (*_FAILED, "shelter")
    # Nobody is asked instead: the person was taken on, and its owner has to look.
    assert await office.unplaced() == []


async def test_what_was_not_accepted_cannot_fail(office: Office) -> None:
    referral_id = await offered(office)
    await office.answer(an_answer("SHELTER_B", referral_id, "fail"))

    assert await office.referrals() == [("SHELTER_B", "shelter", "offered", 1)]


async def test_a_request_that_is_not_possible_now_is_refused_with_those_that_are(
    office: Office,
) -> None:
    referral_id = await offered(office)
    answer = an_answer("SHELTER_B", referral_id, "deliver")
    await office.answer(answer)

    name, refusal = (await office.said("SHELTER_B"))[-1]
    assert name == "request.refused"
    assert refusal == {
        "request_id": str(answer.request_id),
        "request_type": "referral.deliver",
        "reason": "wrong_state",
        "field": "ce-type",
        "allowed": ["referral.receive", "referral.accept", "referral.decline"],
        "count": 1,
    }
    assert await office.referrals() == [("SHELTER_B", "shelter", "offered", 1)]
    assert [name for name, _ in await office.said()] == ["referral.offered"]


async def test_somebody_elses_referral_and_one_that_does_not_exist_look_the_same(
    office: Office,
) -> None:
    referral_id = await offered(office)
    foreign = an_answer("SHELTER_C", referral_id, "accept")
    invented = an_answer("SHELTER_C", uuid4(), "accept")
    for answer in (foreign, invented):
        (answered,) = await office.answer(answer)
        assert (answered.case_id, answered.refused) == (None, "unknown_referral")

    first, second = (refusal for _, refusal in await office.said("SHELTER_C"))
    assert first.pop("request_id") == str(foreign.request_id)
    assert second.pop("request_id") == str(invented.request_id)
    assert first == second == {
        "request_type": "referral.accept",
        "reason": "unknown_referral",
        "field": "referral_id",
        "allowed": [],
        "count": 1,
    }  # fmt: skip
    rows = await office.rows(
        "select case_id, ground, correlation_id, subject from outbox where organisation = 'SHELTER_C'"
    )
    assert [row[:3] for row in rows] == [(None, None, None)] * 2
    assert [row[3] for row in rows] == [str(referral_id), str(invented.referral_id)]
    assert await office.referrals() == [("SHELTER_B", "shelter", "offered", 1)]


async def test_the_owner_of_a_case_does_not_answer_for_its_recipient(office: Office) -> None:
    referral_id = await offered(office)
    await office.answer(an_answer("POLICE_A", referral_id, "accept"))

    assert await office.referrals() == [("SHELTER_B", "shelter", "offered", 1)]
    assert [refusal["reason"] for _, refusal in await office.said("POLICE_A")] == [
        "unknown_referral"
    ]


async def test_of_two_answers_in_one_batch_the_second_meets_what_the_first_made(
    office: Office,
) -> None:
    referral_id = await offered(office)
    answered = await office.answer(
        an_answer("SHELTER_B", referral_id, "accept"),
        an_answer("SHELTER_B", referral_id, "decline"),
        an_answer("SHELTER_B", referral_id, "start"),
    )

    assert len(answered) == 3
    assert await office.referrals() == [("SHELTER_B", "shelter", "started", 1)]
    told = [(name, body.get("reason")) for name, body in await office.said("SHELTER_B")]
    # A refusal follows the order of the requests like every other answer.
    assert told == [
        ("referral.offered", None),
        ("referral.accepted", None),
        ("request.refused", "wrong_state"),
        ("referral.started", None),
    ]
    assert await office.unplaced() == []


async def test_a_referral_that_was_declined_cannot_be_accepted_any_more(office: Office) -> None:
    referral_id = await offered(office)
    await office.answer(an_answer("SHELTER_B", referral_id, "decline", reason="profile"))
    await office.answer(an_answer("SHELTER_B", referral_id, "accept"))

    assert await office.referrals() == [
        ("SHELTER_B", "shelter", "declined", 1),
        ("SHELTER_C", "shelter", "offered", 2),
    ]
    declined = [body for name, body in await office.said() if name == "referral.declined"]
    assert [body["reason"] for body in declined] == ["profile"]


@pytest.mark.parametrize("needs", [["shelter"], ["shelter", "psychosocial"]])
async def test_declining_several_services_of_one_case_at_once_asks_the_next_for_each(
    office: Office, needs: list[str]
) -> None:
    await office.publish(
        an_organisation("SHELTER_B", "shelter", *needs),
        an_organisation("SHELTER_C", "shelter", *needs, region="01", zones=("01", "12")),
    )
    await office.offer({**ADULT, "needs": needs})
    ids = await office.rows("select referral_id from referrals")
    await office.answer(*(an_answer("SHELTER_B", row[0], "decline") for row in ids))

    found = await office.rows("select service from referrals where organisation = 'SHELTER_C'")
    assert sorted(row[0] for row in found) == sorted(needs)


async def test_a_case_that_everybody_declines_is_asked_of_nobody_twice(office: Office) -> None:
    await offered(office)
    for _ in range(5):
        waiting = await office.rows(
            "select organisation, referral_id from referrals where state = 'offered'"
        )
        await office.answer(*(an_answer(row[0], row[1], "decline") for row in waiting))

    assert [row[0] for row in await office.referrals()] == ["SHELTER_B", "SHELTER_C"]
    assert await office.unplaced() == [("shelter", "none_left")]


async def test_the_refusal_names_the_request_as_its_cause_and_no_internal_message(
    office: Office,
) -> None:
    referral_id = await offered(office)
    answer = an_answer("SHELTER_B", referral_id, "start")
    await office.answer(answer)

    rows = await office.rows("select causation_id from outbox where name = 'request.refused'")
    assert rows == [(answer.cause.id,)]

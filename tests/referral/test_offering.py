from uuid import UUID

from chassis.pseudonyms import FeedKey
from tests.builders import an_organisation
from tests.referral.offices import ADULT, KEY, Office, an_answer

POLICE = an_organisation("POLICE_A", "police", "immediate_safety")
NEAR = an_organisation("SHELTER_B", "shelter", "shelter")
FAR = an_organisation("SHELTER_C", "shelter", "shelter", region="01", zones=("01", "12"))
NATIONAL = an_organisation("SHELTER_D", "shelter", "shelter", region="00", zones=("*",))
SOCIAL = an_organisation("SOCIAL_E", "social", "child_protection")
HOSPITAL = an_organisation("HOSPITAL_F", "health", "health")


async def test_each_need_is_offered_to_the_nearest_that_fits_and_to_nobody_else(
    office: Office,
) -> None:
    await office.publish(POLICE, NATIONAL, FAR, NEAR, HOSPITAL)
    await office.offer({**ADULT, "needs": ["shelter", "health"]})

    assert sorted(await office.referrals()) == [
        ("HOSPITAL_F", "health", "offered", 1),
        ("SHELTER_B", "shelter", "offered", 1),
    ]
    for code, service in (("SHELTER_B", "shelter"), ("HOSPITAL_F", "health")):
        ((name, offer),) = await office.said(code)
        assert (name, offer["service"], offer["ground"]) == ("referral.offered", service, "consent")
    assert await office.said("SHELTER_C") == await office.said("POLICE_A") == []


async def test_a_child_is_offered_to_the_social_service_within_24_hours_without_a_tick(
    office: Office,
) -> None:
    await office.publish(SOCIAL, NEAR)
    await office.offer({"needs": ["shelter"]})

    rows = await office.rows("select organisation, urgency from referrals order by organisation")
    assert rows == [("SHELTER_B", "urgent_72h"), ("SOCIAL_E", "emergency_24h")]


async def test_a_decline_asks_the_next_in_rank_until_nobody_is_left_and_then_tells_the_owner(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR, FAR, NATIONAL)
    await office.offer(ADULT)
    for code in ("SHELTER_B", "SHELTER_C", "SHELTER_D"):
        referral_id = await office.open_offer(code)
        await office.answer(an_answer(code, referral_id, "decline"))

    assert await office.referrals() == [
        ("SHELTER_B", "shelter", "declined", 1),
        ("SHELTER_C", "shelter", "declined", 2),
        ("SHELTER_D", "shelter", "declined", 3),
    ]
    assert await office.unplaced() == [("shelter", "none_left")]
    heard = await office.said("POLICE_A")
    assert [name for name, _ in heard] == [*["referral.declined"] * 3, "referral.unplaced"]
    ((waits,),) = await office.rows("select unplaced_id from unplaced")
    left = {"service": "shelter", "reason": "none_left", "unplaced_id": str(waits)}
    assert heard[-1][1] == left


async def test_a_need_that_nobody_serves_is_unplaced_at_once(office: Office) -> None:
    await office.publish(POLICE, NEAR)
    await office.offer({**ADULT, "needs": ["legal_aid"]})

    assert await office.referrals() == []
    assert await office.unplaced() == [("legal_aid", "no_candidate")]


async def test_a_case_at_high_risk_is_offered_once_and_after_a_decline_left_to_a_human(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR, FAR)
    await office.offer({**ADULT, "risk": "high"})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))

    assert await office.referrals() == [("SHELTER_B", "shelter", "declined", 1)]
    assert await office.unplaced() == [("shelter", "high_risk")]
    assert await office.said("SHELTER_C") == []


async def test_at_high_risk_nobody_is_asked_to_choose_among_none(office: Office) -> None:
    await office.publish(POLICE, NEAR)
    await office.offer({**ADULT, "risk": "high"})
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))

    assert await office.unplaced() == [("shelter", "none_left")]


async def test_without_consent_nobody_is_asked_and_the_owner_hears(office: Office) -> None:
    await office.publish(POLICE, NEAR, HOSPITAL)
    refused = [{"recipient_kind": "shelter", "state": "refused", "by": "person"}]
    for consent in ([], refused):
        await office.offer({**ADULT, "needs": ["shelter", "health"], "consent": consent})

    assert await office.referrals() == []
    assert {reason for _, reason in await office.unplaced()} == {"no_candidate"}
    assert await office.said("SHELTER_B") == await office.said("HOSPITAL_F") == []


async def test_consent_for_one_kind_of_recipient_opens_no_other(office: Office) -> None:
    await office.publish(POLICE, NEAR, HOSPITAL)
    given = [{"recipient_kind": "health", "state": "given", "by": "person"}]
    await office.offer({**ADULT, "needs": ["shelter", "health"], "consent": given})

    assert await office.referrals() == [("HOSPITAL_F", "health", "offered", 1)]
    assert await office.unplaced() == [("shelter", "no_candidate")]


async def test_the_owner_is_never_asked_itself(office: Office) -> None:
    await office.publish(NEAR)
    await office.offer({**ADULT, "owner": "SHELTER_B"})

    assert await office.referrals() == []


async def test_a_case_without_needs_place_or_urgency_is_kept_and_asks_nobody(
    office: Office,
) -> None:
    await office.publish(NEAR, SOCIAL)
    await office.offer({"needs": []}, {"region": None}, {"urgency": None})

    assert await office.rows("select count(*) from cases") == [(3,)]
    assert await office.referrals() == []
    assert await office.unplaced() == []
    assert await office.said() == []


async def test_a_recipient_is_shown_the_coarse_profile_and_no_field_more(office: Office) -> None:
    await office.publish(NEAR)
    (case_id,) = await office.offer({**ADULT, "cercle": "1201", "safety": ["do_not_call"]})

    ((_, offer),) = await office.said("SHELTER_B")
    assert set(offer) == {
        "referral_id", "service", "urgency", "region", "sex", "age_band", "citizenship",
        "exploitation", "ground", "safety",
    }  # fmt: skip
    assert offer["safety"] == ["do_not_call"]
    rows = await office.rows("select subject, started_trace, causation_id, convert_from(body, "
                             "'UTF8') from outbox where organisation = 'SHELTER_B'")  # fmt: skip
    assert str(case_id) not in repr(rows)
    assert "a" * 32 not in repr(rows)
    assert rows[0][2] is None
    assert rows[0][0] == FeedKey.of(KEY, "SHELTER_B").subject(case_id)


async def test_two_recipients_of_one_case_are_told_of_it_by_two_names(office: Office) -> None:
    await office.publish(NEAR, HOSPITAL)
    await office.offer({**ADULT, "needs": ["shelter", "health"]})

    rows = await office.rows("select distinct subject, split_part(started_trace, '-', 2) "
                             "from outbox where organisation is not null")  # fmt: skip
    assert len({subject for subject, _ in rows}) == len({trace for _, trace in rows}) == 2


async def test_an_organisation_without_a_feed_is_asked_and_no_message_waits_for_it(
    office: Office,
) -> None:
    await office.publish(an_organisation("CLINIC_G", "health", "health", channel="desk"))
    await office.offer({**ADULT, "needs": ["health"]})

    assert await office.referrals() == [("CLINIC_G", "health", "offered", 1)]
    assert [name for name, _ in await office.said()] == ["referral.offered"]
    assert await office.rows("select count(*) from outbox where organisation is not null") == [(0,)]


async def test_every_event_of_a_case_lies_under_its_id_and_names_what_caused_it(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer({**ADULT, "needs": ["shelter", "legal_aid"]})

    rows = await office.rows("select distinct subject, case_id, correlation_id from outbox "
                             "where stream = 'REFERRAL' and case_id is not null")  # fmt: skip
    assert rows == [(str(case_id), case_id, str(case_id))]
    causes = await office.rows("select distinct causation_id is not null from outbox "
                               "where stream = 'REFERRAL' and case_id is not null")  # fmt: skip
    assert causes == [(True,)]


async def test_many_cases_in_one_batch_are_each_decided_for_themselves(office: Office) -> None:
    await office.publish(POLICE, NEAR, HOSPITAL)
    ids = [UUID(int=n + 1, version=4) for n in range(40)]
    needs = [["shelter"], ["health"], ["legal_aid"], ["shelter", "health"]]
    await office.offer(*({**ADULT, "needs": needs[n % 4]} for n in range(40)), ids=ids)

    found = await office.rows("select organisation, count(*) from referrals group by 1 order by 1")
    assert found == [("HOSPITAL_F", 20), ("SHELTER_B", 20)]
    assert await office.rows("select count(*) from unplaced") == [(10,)]


async def test_the_directory_is_announced_once_and_again_only_where_it_changed(
    office: Office,
) -> None:
    assert await office.publish(NEAR, SOCIAL) == ["SHELTER_B", "SOCIAL_E"]
    assert await office.publish(NEAR, SOCIAL) == []
    moved = an_organisation("SHELTER_B", "shelter", "shelter", region="01", zones=("01",))

    assert await office.publish(moved, SOCIAL) == ["SHELTER_B"]
    assert await office.rows("select count(*) from outbox") == [(3,)]
    query = "select entry->>'zones', version from organisations where code = 'SHELTER_B'"
    assert await office.rows(query) == [('["01"]', 2)]

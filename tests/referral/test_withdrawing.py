import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from contracts.intake import Basis, Consent, Line
from contracts.policy import CHILD_BANDS
from services.referral.use_cases.answering import take_answers
from services.referral.use_cases.withdrawing import Said, find_fallen, follow_consents
from tests.builders import NOON, an_organisation
from tests.referral.offices import Office, a_count, an_answer

pytestmark = pytest.mark.share("sealed")
ADULT = {"age_band": "25-34"}
NEAR = an_organisation("SHELTER_B", "shelter", "shelter")
NEXT = an_organisation("SHELTER_C", "shelter", "shelter")
POLICE = an_organisation("POLICE_A", "police")
DANGER = {"ground": "vital_interest", "recipient_kind": "shelter"}


def no(**scope: str) -> Consent:
    return Consent(state="refused", by="person", **scope)


async def said(
    office: Office, case_id: UUID, line: Line, *, after: timedelta = timedelta(seconds=1)
) -> None:
    """What intake publishes once somebody has decided."""
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        decision = Said(case_id=case_id, line=line, recorded_at=NOON + after)
        await follow_consents(connection, [decision], announcer=announcer)


async def states(office: Office, organisation: str) -> list[tuple[str, str]]:
    """(name, waiting, sent, withdrawn or erased) of an organisation's messages."""
    rows = await office.rows(
        "select name, case when erased_at is not null then 'erased'"
        " when withdrawn_at is not null then 'withdrawn' else 'told' end"
        f" from outbox where organisation = '{organisation}' order by position"
    )
    return [(row[0], row[1]) for row in rows]


async def lease(office: Office) -> None:
    """As a relay does: everything has its number."""
    async with office.engine.begin() as connection:
        await connection.execute(
            text("update outbox set leased_at = now(), number = position where organisation <> ''")
        )


async def test_an_offer_that_rested_on_consent_is_never_sent(office: Office) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer(ADULT)

    await said(office, case_id, no(recipient_kind="shelter"))

    assert await states(office, "SHELTER_B") == [("referral.offered", "erased")]


async def test_a_no_counts_though_the_server_s_clock_was_put_back_a_day_before_it(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer(ADULT)

    await said(office, case_id, no(recipient_kind="shelter"), after=-timedelta(days=1))

    assert await states(office, "SHELTER_B") == [("referral.offered", "erased")]


async def test_an_offer_that_a_later_ground_carries_as_well_is_sent(office: Office) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer(ADULT)

    await said(office, case_id, Basis.model_validate(DANGER))
    await said(office, case_id, no(recipient_kind="shelter"))

    assert await states(office, "SHELTER_B") == [("referral.offered", "told")]


async def test_what_was_leased_waits_for_the_relay_and_its_numbers_are_announced(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer(ADULT)
    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "receive"))
    await lease(office)

    await said(office, case_id, no())

    assert await states(office, "SHELTER_B") == [
        ("referral.offered", "withdrawn"),
        ("referral.received", "withdrawn"),
        ("feed.trimmed", "told"),
    ]
    (trimmed,) = [body for name, body in await office.said("SHELTER_B") if name == "feed.trimmed"]
    assert len(trimmed["numbers"]) == 2
    assert {state for _, state in await states(office, "POLICE_A")} == {"told"}


@pytest.mark.parametrize(
    "scope", [{"recipient_kind": "health"}, {"organisation": "SHELTER_C"}, {"purpose": "return"}]
)
async def test_what_is_said_about_somebody_else_takes_nothing(
    office: Office, scope: dict[str, str]
) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer(ADULT)

    await said(office, case_id, no(**scope))

    assert await states(office, "SHELTER_B") == [("referral.offered", "told")]


async def test_an_offer_that_another_ground_carries_stays(office: Office) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer({**ADULT, "grounds": [DANGER]})

    await said(office, case_id, no())

    assert await states(office, "SHELTER_B") == [("referral.offered", "told")]
    ((_, offer),) = await office.said("SHELTER_B")
    assert offer["ground"] == "vital_interest"


async def test_whoever_comes_next_is_asked_by_what_was_said_last(office: Office) -> None:
    await office.publish(POLICE, NEAR, NEXT)
    (case_id,) = await office.offer(ADULT)
    await said(office, case_id, no(organisation="SHELTER_C"))

    await office.answer(an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline"))

    assert await office.unplaced() == [("shelter", "none_left")]


@pytest.mark.parametrize(("by", "asked"), [("person", 0), ("guardian", 1)])
async def test_a_childs_own_yes_asks_nobody(office: Office, by: str, asked: int) -> None:
    await office.publish(POLICE, NEAR)
    consent = [{"recipient_kind": "shelter", "state": "given", "by": by}]
    assert "12-14" in CHILD_BANDS

    await office.offer({"age_band": "12-14", "consent": consent})

    assert len(await office.said("SHELTER_B")) == asked


async def test_the_relay_asks_again_and_only_about_cases_where_something_was_decided(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR)
    hers, anothers = await office.offer(ADULT, ADULT)
    async with office.engine.begin() as connection:
        line = no(recipient_kind="shelter").model_dump()
        decided: list[dict[str, Any]] = [
            {"at": (NOON + timedelta(seconds=1)).isoformat(), "line": line}
        ]
        await connection.execute(
            text("update cases set decided = cast(:lines as jsonb) where case_id = :case"),
            {"lines": json.dumps(decided), "case": hers},
        )
    async with office.engine.begin() as connection:
        rows = list(await connection.execute(
            text("select position, case_id, correlation_id, ground from outbox"
                 " where organisation = 'SHELTER_B' order by position")
        ))  # fmt: skip
        announcer = await office._announcer(connection)
        fallen = await find_fallen(connection, rows, announcer=announcer)

    assert [row.case_id for row in rows if row.position in fallen] == [hers]
    assert {row.case_id for row in rows} == {hers, anothers}


async def test_what_rested_on_consent_alone_is_taken_back_and_its_place_is_free(
    office: Office,
) -> None:
    await office.publish(POLICE, NEAR, NEXT)
    await office.count(a_count("SHELTER_B", places=1, free=1))
    (case_id,) = await office.offer(ADULT)
    referral_id = await office.open_offer("SHELTER_B")
    await office.answer(an_answer("SHELTER_B", referral_id, "accept"))
    assert await office.room("SHELTER_B") == 0

    await said(office, case_id, no(recipient_kind="shelter"))

    assert await office.referrals() == [("SHELTER_B", "shelter", "withdrawn", 1)], "nobody else"
    assert await office.room("SHELTER_B") == 1
    assert ("referral.withdrawn", "told") in await states(office, "POLICE_A")
    assert "referral.withdrawn" not in [name for name, _ in await states(office, "SHELTER_B")]
    (late,) = await office.answer(an_answer("SHELTER_B", referral_id, "start"))
    assert late.refused == "wrong_state"


async def test_what_another_ground_carries_goes_on(office: Office) -> None:
    await office.publish(POLICE, NEAR)
    (case_id,) = await office.offer({**ADULT, "grounds": [DANGER]})
    referral_id = await office.open_offer("SHELTER_B")

    await said(office, case_id, no(recipient_kind="shelter"))

    (taken,) = await office.answer(an_answer("SHELTER_B", referral_id, "accept"))
    assert taken.refused is None


async def test_who_is_asked_while_she_says_no_is_taken_back_as_well(office: Office) -> None:
    await office.publish(POLICE, NEAR, NEXT)
    (case_id,) = await office.offer(ADULT)
    decline = an_answer("SHELTER_B", await office.open_offer("SHELTER_B"), "decline")
    async with office.engine.begin() as connection:
        announcer = await office._announcer(connection)
        await take_answers(connection, [decline], announcer=announcer)
        meanwhile = asyncio.create_task(said(office, case_id, no(recipient_kind="shelter")))
        await asyncio.wait([meanwhile], timeout=1)
        assert not meanwhile.done(), "it waits for what is being asked"
    await meanwhile

    assert await office.referrals() == [
        ("SHELTER_B", "shelter", "declined", 1),
        ("SHELTER_C", "shelter", "withdrawn", 2),
    ]

"""A ground that comes after registration opens what it carries, and outlives a withdrawn consent."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contracts.feed import DossierDisclosed
from tests.intake.rooms import SHELTER, Case, Room, groups_of, open_room
from tests.parts import Site

pytestmark = [pytest.mark.connected, pytest.mark.share("sealed")]
DANGER = {"ground": "vital_interest", "recipient_kind": "shelter"}
ORDER = {"ground": "court_order", "organisation": SHELTER}


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        yield opened


async def disclosed(room: Room) -> list[tuple[str, str]]:
    """(ground, groups) of each disclosure in the shelter's feed, in order."""
    return [
        (message.ground, groups_of(room.opened(envelope, message)))
        for envelope, message in await room.feed()
        if isinstance(message, DossierDisclosed)
    ]


async def listed(room: Room, case: Case) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {room.desk.token('POLICE_A')}"}
    path = f"/intake/cases/{case.number}/consents"
    answer = await room.desk.client.get(path, headers=headers)
    return dict(answer.json())


async def test_a_courts_order_opens_what_danger_alone_did_not(room: Room) -> None:
    case = await room.register(consent=[], grounds=[DANGER])
    await room.accepted(case)
    assert await disclosed(room) == [("vital_interest", "G2 G5 G7")]

    answer = await room.post(f"/cases/{case.number}/grounds", ORDER)

    assert (answer.status_code, answer.json()["told"]) == (201, [])
    ((ground, groups),) = await disclosed(room)
    assert ground == "court_order"
    assert not set(groups.split()) & {"G2", "G5", "G7", "none"}
    lines = await listed(room, case)
    assert [line["ground"] for line in lines["grounds"]] == ["vital_interest", "court_order"]
    assert lines["grounds"][1]["decision_id"] == answer.json()["decision_id"]
    assert lines["consents"] == []
    said = await room.site.rows(
        "select count(*) from intake.outbox where name = 'ground.recorded' and case_id = :id",
        id=case.id,
    )
    assert said == [(1,)]


async def test_what_a_later_ground_carries_stays_when_consent_is_withdrawn(room: Room) -> None:
    case = await room.register()
    referral_id = await room.accepted(case)
    await room.post(f"/cases/{case.number}/grounds", ORDER)

    await room.withdraw(case, recipient_kind="shelter")

    assert [one[3] for one in await room.receipts(referral_id)] == [True]
    assert [ground for ground, _ in await disclosed(room)] == ["consent"]


async def test_nobody_but_the_owner_records_a_ground_and_consent_is_none(room: Room) -> None:
    case = await room.register()

    foreign = await room.post(f"/cases/{case.number}/grounds", ORDER, code=SHELTER)
    consent = await room.post(f"/cases/{case.number}/grounds", {"ground": "consent"})
    unknown = await room.post(f"/cases/{case.number}/grounds", {"ground": "because"})

    assert (foreign.status_code, consent.status_code, unknown.status_code) == (404, 422, 422)
    assert await room.site.rows("select 1 from intake.consents") == []

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from contracts.feed_cases import (
    CaseTransferred,
    TransferOffered,
    TransferRefused,
    TransferWithdrawn,
)
from tests.intake.pairs import GIRL, SPELT_OTHERWISE, merged, owners, pair_of, register, unmerged
from tests.intake.rooms import SHELTER, Case, Room, groups_of, open_room
from tests.intake.test_access import call
from tests.parts import Site

pytestmark = pytest.mark.share("lifecycle")
POLICE = "POLICE_A"
YES = {"recipient_kind": "shelter", "state": "given", "by": "person"}


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await opened.knows(POLICE, "police", "nats")
        yield opened


@pytest.fixture
async def case(room: Room) -> Case:
    """A woman's case, of the police, who said yes to shelters."""
    return await room.register(consent=[YES])


async def offer(room: Room, case: Case, to: str = SHELTER, **more: Any) -> httpx.Response:
    path = f"/cases/{case.number}/transfers"
    return await call(room.desk, path, f"{POLICE}/p-1", json={"organisation": to}, **more)


async def offered(room: Room, case: Case) -> UUID:
    answer = await offer(room, case)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["transfer_id"])


async def answer(
    room: Room, transfer_id: UUID, verb: str, who: str = SHELTER, json: Any = None
) -> httpx.Response:
    return await call(room.desk, f"/transfers/{transfer_id}/{verb}", who, json=json, post=True)


async def sees(room: Room, case: Case, code: str) -> list[int]:
    """What an organisation is answered that asks for the case, its consents and its dossier."""
    paths = ("", "/consents", "/dossier")
    found = [await room.desk.get(f"/cases/{case.number}{path}", code) for path in paths]
    return [one.status_code for one in found]


async def heard(room: Room, code: str, *kinds: type) -> list[Any]:
    return [message for _, message in await room.feed(code) if isinstance(message, kinds)]


async def test_the_case_is_the_new_owner_s_from_its_acceptance_on_and_nobody_else_s(
    room: Room, case: Case
) -> None:
    transfer_id = await offered(room, case)
    assert await sees(room, case, SHELTER) == [404, 404, 404]
    assert await sees(room, case, POLICE) == [200, 200, 200]

    accepted = await answer(room, transfer_id, "acceptance")

    assert accepted.json() == {"transfer_id": str(transfer_id), "case_number": case.number}
    assert await sees(room, case, SHELTER) == [200, 200, 200]
    assert await sees(room, case, POLICE) == [404, 404, 404]
    dossier = (await room.desk.get(f"/cases/{case.number}/dossier", SHELTER)).json()
    assert "G7" in groups_of(dossier)


async def test_the_asked_organisation_knows_before_it_accepts_what_an_offer_may_show(
    room: Room, case: Case
) -> None:
    transfer_id = await offered(room, case)

    (told,) = await heard(room, SHELTER, TransferOffered)
    (line,) = (await room.desk.get("/transfers", SHELTER)).json()["transfers"]

    assert (told.transfer_id, told.owner, told.ground) == (transfer_id, POLICE, "consent")
    assert (told.region, told.sex, told.age_band) == ("12", "female", "18-24")
    assert (line["number"], line["state"], line["shown"]["age_band"]) == (None, "offered", "18-24")
    assert "canary" not in told.model_dump_json() + str(line)


async def test_both_hear_whose_the_case_is_and_the_new_owner_alone_its_number(
    room: Room, case: Case
) -> None:
    await answer(room, await offered(room, case), "acceptance")

    (ours,), (theirs,) = [await heard(room, c, CaseTransferred) for c in (POLICE, SHELTER)]
    assert (ours.owner, ours.case_number) == (SHELTER, None)
    assert (theirs.owner, theirs.case_number) == (SHELTER, case.number)
    said = await room.site.rows(
        "select convert_from(body, 'UTF8')::jsonb from intake.outbox"
        " where name = 'case.transferred' and stream = 'INTAKE'"
    )
    assert [(one[0]["before"], one[0]["owner"]) for one in said] == [(POLICE, SHELTER)]


async def test_what_the_new_owner_may_read_has_a_receipt_which_ends_when_it_gives_the_case_on(
    room: Room, case: Case
) -> None:
    transfer_id = await offered(room, case)
    await answer(room, transfer_id, "acceptance")
    ((form, ground, fields, is_open),) = await room.receipts(transfer_id)
    assert (form, ground, is_open) == ("desk", "consent", True)
    assert "safe_place.safe_address" in fields
    assert "exploitation.suspect_name" not in fields

    line = YES | {"recipient_kind": "police"}
    said = await call(room.desk, f"/cases/{case.number}/consents", SHELTER, json=line)
    assert said.status_code == 201, said.text
    path = f"/cases/{case.number}/transfers"
    back = await call(room.desk, path, SHELTER, json={"organisation": POLICE})
    await answer(room, UUID(back.json()["transfer_id"]), "acceptance", POLICE)

    assert [one[3] for one in await room.receipts(transfer_id)] == [False]
    assert await sees(room, case, POLICE) == [200, 200, 200]


async def test_without_a_ground_nobody_is_given_a_case(room: Room) -> None:
    case = await room.register(consent=[YES | {"recipient_kind": "health"}])

    refused = await offer(room, case)

    assert (refused.status_code, refused.json()["code"]) == (409, "no_ground")
    assert await room.desk.count("transfers") == 0


async def test_consent_that_is_withdrawn_ends_the_offer_and_takes_it_out_of_the_feed(
    room: Room, case: Case
) -> None:
    transfer_id = await offered(room, case)
    await room.withdraw(case, recipient_kind="shelter")

    told = await heard(room, SHELTER, TransferOffered, TransferWithdrawn)

    assert [type(one) for one in told] == [TransferWithdrawn]
    late = await answer(room, transfer_id, "acceptance")
    assert (late.status_code, late.json()["code"]) == (409, "settled")
    assert await owners(room, case) == [POLICE]


@pytest.mark.parametrize(
    ("verb", "who", "json", "told"),
    [
        ("refusal", SHELTER, {"reason": "capacity"}, (POLICE, TransferRefused)),
        ("withdrawal", POLICE, None, (SHELTER, TransferWithdrawn)),
    ],
)
async def test_an_offer_that_has_ended_is_accepted_no_more_and_another_can_be_made(
    room: Room, case: Case, verb: str, who: str, json: Any, told: tuple[str, type]
) -> None:
    transfer_id = await offered(room, case)
    again = await offer(room, case)
    assert (again.status_code, again.json()["code"]) == (409, "pending")

    assert (await answer(room, transfer_id, verb, who, json)).status_code == 204

    assert len(await heard(room, *told)) == 1
    for late in ("acceptance", verb):
        ended = await answer(
            room, transfer_id, late, SHELTER if late == "acceptance" else who, json
        )
        assert (ended.status_code, ended.json()["code"]) == (409, "settled")
    assert (await offer(room, case)).status_code == 201
    assert await owners(room, case) == [POLICE]


async def test_an_offer_lapses_on_the_database_s_time(room: Room, case: Case) -> None:
    transfer_id = await offered(room, case)
    await room.site.run("update intake.transfers set lapses_at = clock_timestamp()")

    late = await answer(room, transfer_id, "acceptance")

    assert (late.status_code, late.json()["code"]) == (409, "settled")
    (line,) = (await room.desk.get("/transfers", POLICE)).json()["transfers"]
    assert (line["number"], line["state"]) == (case.number, "lapsed")
    assert (await offer(room, case)).status_code == 201


async def test_whoever_was_not_asked_and_whoever_does_not_own_find_nothing(
    room: Room, case: Case
) -> None:
    transfer_id = await offered(room, case)
    stranger = await call(
        room.desk, f"/cases/{case.number}/transfers", SHELTER, json={"organisation": POLICE}
    )
    answers = [
        stranger,
        await answer(room, transfer_id, "acceptance", POLICE),
        await answer(room, transfer_id, "refusal", POLICE, {"reason": "capacity"}),
        await answer(room, transfer_id, "withdrawal", SHELTER),
        await answer(room, uuid4(), "acceptance"),
    ]
    assert {one.status_code for one in answers} == {404}
    assert len({one.text for one in answers[1:]}) == 1


@pytest.mark.parametrize(
    ("to", "status", "code"), [(POLICE, 422, "own_case"), ("NOBODY", 422, "cannot_own")]
)
async def test_the_case_is_given_to_another_that_can_own_one(
    room: Room, case: Case, to: str, status: int, code: str
) -> None:
    refused = await offer(room, case, to)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_an_officer_alone_offers_no_case(room: Room, case: Case) -> None:
    assert (await offer(room, case, role="officer")).status_code == 403


async def test_of_many_acceptances_at_once_one_makes_an_owner(room: Room, case: Case) -> None:
    transfer_id = await offered(room, case)

    answers = await asyncio.gather(*(answer(room, transfer_id, "acceptance") for _ in range(8)))

    assert sorted(one.status_code for one in answers) == [200, *[409] * 7]
    assert len(await room.receipts(transfer_id)) == 1


async def test_a_person_s_cases_go_together_and_the_merged_one_still_knows_its_first_owner(
    room: Room,
) -> None:
    said = [YES | {"by": "guardian"}]
    first = await register(room, GIRL, consent=said)
    second = await register(room, SPELT_OTHERWISE, consent=said)
    pair_id = await pair_of(room, first, second)
    await merged(room, pair_id, POLICE)

    await answer(room, await offered(room, second), "acceptance")
    assert await owners(room, first, second) == [SHELTER, SHELTER]
    assert await sees(room, first, POLICE) == [404, 404, 404]

    assert (await unmerged(room, pair_id, SHELTER)).status_code == 200
    assert await owners(room, first, second) == [SHELTER, POLICE]

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from contracts.feed import DossierDisclosed, FeedTrimmed
from contracts.intake import CaseErased
from services.intake.restoring import Restorer
from services.intake.use_cases.disclosing import Discloser
from services.intake.vault import KeyFiles, Vault
from tests.builders import coded_facts, event_headers, event_subject
from tests.intake.erasures import (
    COMMITTEE,
    add_committee,
    agreed,
    asked,
    call,
    erase,
    taken_out,
)
from tests.intake.rooms import DOSSIER, SHELTER, Room, open_room
from tests.parts import Site, until, writing_as
from tests.signing import signed

pytestmark = pytest.mark.share("sealed")


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        await add_committee(opened.desk)
        yield opened


async def test_of_an_erased_person_only_coded_rows_are_left(room: Room) -> None:
    case, other = await room.register(), await room.register()
    referral_id, kept_id = await room.accepted(case), await room.accepted(other)
    await taken_out(room.desk)

    await erase(room.desk, case.number)
    await taken_out(room.desk)

    feed = [message for _, message in await room.feed()]
    assert [m.referral_id for m in feed if isinstance(m, DossierDisclosed)] == [kept_id]
    assert FeedTrimmed(numbers=(1,)) in feed
    assert [one[3] for one in await room.receipts(referral_id)] == [False]
    assert await room.site.rows(
        "select (select count(*) from intake.dossiers where case_id = :id),"
        " (select number from intake.cases where case_id = :id),"
        " (select wrapped from intake.person_keys where case_id = :id)",
        id=case.id,
    ) == [(0, None, None)]
    assert await held_anywhere(room, case.number) == []
    assert await held_anywhere(room, other.number) == ["cases", "idempotency"]


async def held_anywhere(room: Room, number: str) -> list[str]:
    """The tables of intake that hold this number."""
    tables = await room.site.rows(
        "select table_name from information_schema.tables where table_schema = 'intake'"
        " and table_type = 'BASE TABLE' order by table_name"
    )
    return [
        name
        for (name,) in tables
        if (await room.site.rows(
            f"select count(*) from intake.{name} as one where one::text like '%' || :number || '%'",
            number=number,
        )) != [(0,)]
    ]  # fmt: skip


async def test_an_erased_case_is_not_found_and_its_key_registers_nobody_again(room: Room) -> None:
    body, key = coded_facts(dossier=DOSSIER), "the-key-of-it"
    number = (await room.desk.post(body, key=key)).json()["case_number"]
    waiting = await call(
        room.desk, "/exceptions", f"{SHELTER}/s-1",
        json={"case_number": number, "reason": "life_in_danger", "groups": ["G2"]},
    )  # fmt: skip
    await erase(room.desk, number)

    for path in ("", "/dossier", "/consents"):
        answer = await room.desk.get(f"/cases/{number}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await room.desk.get("/cases")).json()["cases"] == []
    assert (await call(room.desk, "/exceptions", "POLICE_A/p-1")).json()["exceptions"] == []
    late = f"/exceptions/{waiting.json()['exception_id']}/confirmation"
    assert (await call(room.desk, late, "POLICE_A/p-1", post=True)).status_code == 404
    assert (await asked(room.desk, number)).status_code == 404
    again = await room.desk.post(body, key=key)
    assert (again.status_code, again.json()["code"]) == (410, "erased")
    assert await room.desk.count("cases") == 1


async def test_a_request_that_meets_the_erasure_does_not_keep_the_number(room: Room) -> None:
    case = await room.register()
    said = {"case_number": case.number, "reason": "life_in_danger", "groups": ["G2"]}
    async with room.site.superuser() as connection:
        gone = text("update intake.cases set number = null where case_id = :id")
        await connection.execute(gone, {"id": case.id})
        asking = asyncio.create_task(call(room.desk, "/exceptions", f"{SHELTER}/s-1", json=said))
        done, _ = await asyncio.wait([asking], timeout=0.5)
        assert not done

    assert (await asking).status_code == 404
    assert await room.desk.count("exceptions") == 0


async def test_the_others_are_told_in_codes(room: Room) -> None:
    case = await room.register()
    await erase(room.desk, case.number)

    ((subject, body),) = await until(lambda: room.site.rows(
        "select subject, convert_from(body, 'UTF8') from intake.outbox"
        " where name = 'case.erased' and sent_at is not null"
    ))  # fmt: skip
    event = CaseErased.model_validate_json(body)
    assert subject == str(case.id)
    assert (event.reason, event.organisation, event.confirmed_by) == (
        "person_asks", "POLICE_A", COMMITTEE,
    )  # fmt: skip
    assert not any(said in body for said in (case.number, "p-1", "c-1"))


async def test_only_a_committee_s_data_officer_can_agree(room: Room) -> None:
    case = await room.register()
    asking = await asked(room.desk, case.number)
    for who, role, status, code in (
        ("POLICE_A/p-2", "data_officer", 403, "same_person"),
        (f"{COMMITTEE}/p-1", "data_officer", 403, "same_person"),
        (COMMITTEE, "data_officer", 403, "person_required"),
        (f"{COMMITTEE}/c-1", "focal_point", 403, "role_forbidden"),
        (f"{SHELTER}/s-1", "data_officer", 404, "not_found"),
    ):
        answer = await agreed(room.desk, asking, who, role=role)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await room.desk.get(f"/cases/{case.number}")).status_code == 200

    await room.site.run("update intake.erasures set lapses_at = now()")
    assert (await agreed(room.desk, asking)).json()["code"] == "settled"
    assert (await agreed(room.desk, await asked(room.desk, case.number))).status_code == 200
    assert (await room.desk.get(f"/cases/{case.number}")).status_code == 404


async def test_only_the_owner_s_focal_point_can_ask_and_nothing_is_erased_by_asking(
    room: Room,
) -> None:
    case = await room.register()
    answers = [
        await asked(room.desk, case.number, "POLICE_A"),
        await asked(room.desk, case.number, role="case_owner"),
        await asked(room.desk, case.number, f"{SHELTER}/s-1"),
        await asked(room.desk, "ML-12-2026-000000-0"),
        await asked(room.desk, case.number, reason="boredom"),
        await asked(room.desk, case.number),
    ]

    assert [(one.status_code, one.json().get("code")) for one in answers] == [
        (403, "person_required"), (403, "role_forbidden"), (404, "not_found"),
        (404, "not_found"), (422, "invalid_request"), (201, None),
    ]  # fmt: skip
    assert "boredom" not in answers[4].text
    assert (await room.desk.get(f"/cases/{case.number}")).status_code == 200
    listed = [
        len((await call(room.desk, "/erasures", who)).json()["erasures"])
        for who in ("POLICE_A/p-1", f"{SHELTER}/s-1", f"{COMMITTEE}/c-1")
    ]
    assert listed == [1, 0, 1]


async def test_of_many_who_agree_at_once_one_erases_and_says_so_once(room: Room) -> None:
    case = await room.register()
    first, second = await asked(room.desk, case.number), await asked(room.desk, case.number)
    answers = await asyncio.gather(*(agreed(room.desk, first) for _ in range(5)))

    assert sorted(one.status_code for one in answers) == [200, *[409] * 4]
    assert (await agreed(room.desk, second)).status_code == 200
    late = await room.site.rows("select count(*) from intake.outbox where name = 'case.erased'")
    assert late == [(1,)]


async def test_who_accepts_after_the_erasure_is_told_nothing(room: Room) -> None:
    await room.knows("POLICE_A", "police", "desk")
    case = await room.register(grounds=[{"ground": "public_interest", "recipient_kind": "police"}])
    await erase(room.desk, case.number)

    for code in (SHELTER, "POLICE_A"):
        receipts = await room.receipts(await room.accepted(case, code))
        assert [one[0] for one in receipts] == ["nothing"]
    assert not [m for _, m in await room.feed() if isinstance(m, DossierDisclosed)]


async def test_an_erasure_that_nobody_of_ours_has_signed_is_not_carried_out(room: Room) -> None:
    case = await room.register()
    event = CaseErased(
        reason="person_asks", organisation="POLICE_A", confirmed_by=COMMITTEE,
        erased_on=coded_facts()["detected_on"],
    )  # fmt: skip
    headers = event_headers(event, case_id=str(case.id), number=2)
    subject = event_subject(event, str(case.id))
    forged = signed(headers, event.encode(), subject=subject, by="POLICE_A")
    async with writing_as(room.site.server, "intake") as jetstream:
        await jetstream.publish(subject, event.encode(), headers=forged)

    async with room.site.parts("intake") as parts:
        vault = Vault(KeyFiles(room.site.folder / "kek", parts.mint.entropy), parts.mint.entropy)
        discloser = Discloser(mint=parts.mint, vault=vault, feed_key=b"f" * 32)
        assert await Restorer(parts, discloser, room.site.folder / "none").erase_again() == 0
    opened = await room.desk.get(f"/cases/{case.number}/dossier")
    assert json.loads(opened.content)["sections"] == DOSSIER

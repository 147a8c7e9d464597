import asyncio
import logging
from secrets import token_bytes
from uuid import UUID

import httpx
import pytest
from nats.js.api import RawStreamMsg
from sqlalchemy import text

from contracts.case_number import is_case_number
from contracts.intake import CaseRegistered
from contracts.reading import read_event
from services.intake.store.dossiers import open_dossier
from services.intake.vault import KeyFiles, Vault
from tests.builders import CANARY, coded_facts
from tests.intake.desks import Desk
from tests.parts import until, writing_as

NAMES = ("Aminata", "Traoré", "66012345", "Sikoroni")
DOSSIER = {
    "identity": {"name": CANARY, "village": "Sikoroni"},
    "contact": {"phone": "66012345"},
    "notes": {},
}


async def test_a_case_is_accepted_with_a_number_and_becomes_one_event(desk: Desk) -> None:
    answer = await desk.post(coded_facts(dossier=DOSSIER))

    assert answer.status_code == 202
    assert is_case_number(answer.json()["case_number"])
    assert answer.json()["case_number"].startswith("ML-12-")
    stored = await sent(desk)
    _, event, _ = read_event(stored.subject or "", dict(stored.headers or {}), stored.data or b"")
    assert isinstance(event, CaseRegistered)
    assert (event.owner, event.needs) == ("POLICE_A", ("shelter",))


async def sent(desk: Desk) -> RawStreamMsg:
    """The first event as it lies in the stream."""

    async def is_sent() -> bool:
        query = "select count(*) from intake.outbox where sent_at is not null"
        return bool((await desk.site.rows(query))[0][0])

    await until(is_sent)
    async with writing_as(desk.site.server, "referral") as jetstream:
        return await jetstream.get_msg("INTAKE", 1)


async def test_the_same_key_with_the_same_body_gets_the_first_answer_and_makes_no_second_case(
    desk: Desk,
) -> None:
    answers = [await desk.post(coded_facts(), key="key-of-this-case") for _ in range(3)]

    assert [one.status_code for one in answers] == [202] * 3
    assert len({one.json()["case_number"] for one in answers}) == 1
    assert [one.headers.get("idempotent-replayed") for one in answers] == [None, "true", "true"]
    assert await desk.count("cases") == await desk.count("outbox") == 1


async def test_the_same_key_with_another_body_is_refused_and_changes_nothing(desk: Desk) -> None:
    await desk.post(coded_facts(), key="key-of-this-case")
    answer = await desk.post(coded_facts(sex="male"), key="key-of-this-case")

    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"
    assert answer.json()["errors"] == [
        {"field": "idempotency-key", "rule": "same_body", "place": "header"}
    ]
    assert await desk.count("cases") == 1
    assert await desk.site.rows("select facts->>'sex' from intake.cases") == [("female",)]


async def test_twenty_at_once_with_one_key_make_one_case(desk: Desk) -> None:
    answers = await asyncio.gather(
        *(desk.post(coded_facts(), key="key-of-this-case") for _ in range(20))
    )

    assert {one.status_code for one in answers} == {202}
    assert len({one.json()["case_number"] for one in answers}) == 1
    assert sum("idempotent-replayed" not in one.headers for one in answers) == 1
    assert await desk.count("cases") == await desk.count("outbox") == 1


async def test_many_different_cases_at_once_are_each_their_own(desk: Desk) -> None:
    bodies = [coded_facts(sex=("female", "male")[nth % 2]) for nth in range(60)]
    answers = await asyncio.gather(
        *(desk.post(body, key=f"key-number-{nth}") for nth, body in enumerate(bodies))
    )

    numbers = [one.json()["case_number"] for one in answers]
    assert len(set(numbers)) == 60
    kept = dict(await desk.site.rows("select number, facts->>'sex' from intake.cases"))
    assert kept == {number: body["sex"] for number, body in zip(numbers, bodies, strict=True)}


async def test_one_key_of_two_organisations_is_two_cases(desk: Desk) -> None:
    answers = [await desk.post(coded_facts(), key="one-key-of-two", code=code)
               for code in ("POLICE_A", "SHELTER_B")]  # fmt: skip

    assert [one.status_code for one in answers] == [202, 202]
    assert await desk.site.rows("select owner from intake.cases order by owner") == [
        ("POLICE_A",),
        ("SHELTER_B",),
    ]


async def test_one_bad_submission_in_a_group_refuses_itself_and_nobody_else(desk: Desk) -> None:
    bodies = [coded_facts() for _ in range(9)] + [coded_facts(detected_on="2999-01-01")]
    answers = await asyncio.gather(*(desk.post(body) for body in bodies))

    assert [one.status_code for one in answers] == [202] * 9 + [422]
    assert answers[-1].json()["errors"] == [
        {"field": "detected_on", "rule": "not_in_future", "place": "body"}
    ]
    assert await desk.count("cases") == 9


async def opened_at(desk: Desk, case_id: UUID) -> dict[str, dict[str, str]]:
    """All of a dossier, with the keys that lie in the desk's folder."""
    vault = Vault(KeyFiles(desk.site.folder / "kek", token_bytes), token_bytes)
    async with desk.site.superuser() as connection:
        await connection.execute(text("set local search_path to intake"))
        return await open_dossier(connection, case_id, tuple(DOSSIER), vault=vault)


async def test_the_dossier_is_kept_encrypted_and_opens_with_the_key_only(desk: Desk) -> None:
    await desk.post(coded_facts(dossier=DOSSIER))

    assert await desk.site.rows("select section from intake.dossiers order by section") == [
        ("contact",),
        ("identity",),
    ]
    ((case_id,),) = await desk.site.rows("select case_id from intake.cases")
    opened = await opened_at(desk, case_id)
    assert opened == {section: fields for section, fields in DOSSIER.items() if fields}


async def test_no_name_leaves_the_vault_by_any_way(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await desk.post(coded_facts(dossier=DOSSIER))
    number = answer.json()["case_number"]
    stored = await sent(desk)
    read = await desk.get(f"/cases/{number}")

    sinks = {
        "the answer": answer.text + str(answer.headers),
        "what the owner reads": read.text,
        "the stream": f"{stored.subject} {stored.headers} {stored.data!r}",
        "logs": str([one.__dict__ for one in caplog.records if one.name != "httpx"]),
        "spans": str([span.to_json() for span in desk.site.spans.get_finished_spans()]),
    }
    tables = await desk.site.rows(
        "select table_name from information_schema.tables where table_schema = 'intake'"
    )
    for (table,) in tables:
        rows = await desk.site.rows(f"select row_to_json(t)::text from intake.{table} t")
        sinks[f"table {table}"] = str(rows)
    for (body,) in await desk.site.rows("select convert_from(body, 'UTF8') from intake.outbox"):
        sinks["outbox bodies"] = body
    leaks = [(sink, name) for sink, held in sinks.items() for name in NAMES if appears(name, held)]
    assert leaks == []
    assert number not in sinks["the stream"] + sinks["spans"] + sinks["logs"]


def appears(name: str, held: str) -> bool:
    """In clear, as JSON escapes it, as bytes print, in hexadecimal or in base64."""
    raw = name.encode()
    forms = (name, name.encode("unicode_escape").decode(), repr(raw)[2:-1], raw.hex())
    return any(form.lower() in held.lower() for form in forms)


async def test_the_owner_reads_its_case_and_for_everybody_else_there_is_none(desk: Desk) -> None:
    number = (await desk.post(coded_facts(dossier=DOSSIER))).json()["case_number"]

    own = await desk.get(f"/cases/{number}")
    assert own.status_code == 200
    assert own.json()["facts"]["region"] == "12"
    assert "dossier" not in own.text
    foreign = await desk.get(f"/cases/{number}", "SHELTER_B")
    nowhere = await desk.get("/cases/ML-12-2026-000000-0", "SHELTER_B")
    assert foreign.status_code == nowhere.status_code == 404
    assert foreign.content == nowhere.content
    listed = (await desk.get("/cases", "SHELTER_B")).json()
    assert listed == {"cases": []}
    assert [line["number"] for line in (await desk.get("/cases")).json()["cases"]] == [number]


async def test_what_is_no_number_is_no_case_and_no_fault(desk: Desk) -> None:
    numbers = ("%00", "%ff", "ML-%D9%A1%D9%A2-2026-000000-0", "x" * 5000, "'", "%25")
    answers = [(await desk.get(f"/cases/{number}")).status_code for number in numbers]

    assert answers == [404] * len(numbers)


async def test_a_case_without_place_still_has_a_number_and_a_case_id_shows_no_time(
    desk: Desk,
) -> None:
    answer: httpx.Response = await desk.post(coded_facts(region=None, needs=[]))

    assert answer.json()["case_number"].startswith("ML-00-")
    ((case_id,),) = await desk.site.rows("select case_id from intake.cases")
    assert UUID(str(case_id)).version == 4

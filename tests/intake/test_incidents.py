"""Hundreds of persons in one submission: each registered once, none lost, none named on the way."""

import asyncio
import json
import logging
from time import perf_counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.web.app import BODY_LIMIT
from contracts.form import INCIDENT_BYTES
from services.intake.api import admitter
from services.intake.use_cases import gathering
from tests.builders import coded_facts
from tests.intake.desks import Desk, open_desk
from tests.intake.erasures import add_committee, erase
from tests.intake.gatherings import NAME, a_person, an_incident, finished, progress, submit
from tests.intake.test_bad_input import seen
from tests.ledger import Form
from tests.parts import Site, until
from tests.trust.telling import say

pytestmark = pytest.mark.share("lifecycle")


async def test_everybody_becomes_a_case_of_the_owner_that_names_the_incident(desk: Desk) -> None:
    accepted = await submit(desk, an_incident([a_person(nth) for nth in range(12)]))
    done = await finished(desk, accepted)

    assert (done["persons"], done["registered"], done["waiting"]) == (12, 12, 0)
    assert [one["person"] for one in done["cases"]] == list(range(1, 13))
    numbers = [one["case_number"] for one in done["cases"]]
    assert len(set(numbers)) == 12
    one = (await desk.get(f"/cases/{numbers[0]}")).json()
    assert one["incident_id"] == done["incident_id"] == accepted.json()["incident_id"]
    assert (one["facts"]["is_suspect_too"], one["facts"]["citizenship"]) == (True, ["MLI"])
    assert await desk.site.rows("select distinct owner from intake.cases") == [("POLICE_A",)]

    said = await desk.site.rows(
        "select name, subject, id::text, causation_id, convert_from(body, 'UTF8')"
        " from intake.outbox order by position"
    )
    (name, subject, id, cause, body), *cases, ended = said
    assert (name, subject, cause) == ("incident.opened", done["incident_id"], None)
    assert (json.loads(body)["persons"], json.loads(body)["cercle"]) == (12, "0006")
    assert [(one[0], one[3]) for one in cases] == [("case.registered", id)] * 12
    assert {json.loads(one[4])["incident_id"] for one in cases} == {done["incident_id"]}
    assert (ended[0], ended[1], ended[3]) == ("incident.registered", done["incident_id"], id)
    assert json.loads(ended[4])["persons"] == 12


async def test_no_name_lies_in_clear_while_somebody_waits_nor_after_and_no_word_for_a_family(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(gathering, "CHUNK", 0)  # everybody waits
    families = ["Keita-du-puits", "Keita-du-puits", "Dembele-du-puits", None, None]
    persons = [a_person(nth, family=family) for nth, family in enumerate(families)]
    accepted = await submit(desk, an_incident(persons))
    assert (await progress(desk, accepted))["waiting"] == 5
    assert await holding(desk, "Aminata") == await holding(desk, "du-puits") == []
    assert await keys(desk) == 1

    monkeypatch.setattr(gathering, "CHUNK", 2)
    await finished(desk, accepted)
    assert await holding(desk, "Aminata") == await holding(desk, "du-puits") == []
    assert "Aminata" not in str([one.__dict__ for one in caplog.records if one.name != "httpx"])
    # The incident's own key is gone, and every person has hers.
    assert await keys(desk) == 5
    assert await desk.site.rows(
        "select count(ciphertext), count(nonce) from intake.incident_persons"
    ) == [(0, 0)]
    found = await desk.site.rows(
        "select facts->>'family_id' from intake.cases join intake.incident_persons using (case_id)"
        " order by nth"
    )
    (one, same, other, *alone) = [row[0] for row in found]
    assert UUID(one).version == 4
    assert one == same != other
    assert alone == [None, None]


async def holding(desk: Desk, word: str) -> list[str]:
    """The tables of intake that hold this word in clear."""
    tables = await desk.site.rows(
        "select table_name from information_schema.tables where table_schema = 'intake'"
    )
    found = []
    for (table,) in tables:
        rows = await desk.site.rows(f"select row_to_json(t)::text from intake.{table} t")
        if word in str(rows) or word.encode().hex() in str(rows):
            found.append(table)
    return found


async def keys(desk: Desk) -> int:
    return await desk.count("person_keys")


async def test_whoever_breaks_a_rule_is_refused_alone_by_field_and_rule_without_a_value(
    desk: Desk,
) -> None:
    persons = [
        a_person(0),
        a_person(1, sex=NAME),
        a_person(2, detected_on="2999-01-01"),
        {key: value for key, value in a_person(3).items() if key != "age_band"},
        a_person(4, **{NAME: NAME}),
        a_person(5),
    ]
    accepted = await submit(desk, an_incident(persons))
    assert (accepted.json()["persons"], accepted.json()["refused"]) == (3, 3)
    done = await finished(desk, accepted)

    assert [one["person"] for one in done["cases"]] == [1, 6]
    faults = {
        one["person"]: [(error["field"], error["rule"]) for error in one["errors"]]
        for one in done["refused"]
    }
    assert faults == {
        2: [("sex", "unknown_code")],
        3: [("detected_on", "not_in_future")],
        4: [("age_band", "missing")],
        5: [("*", "extra_forbidden")],
    }
    assert NAME not in json.dumps(done)
    assert NAME not in accepted.text
    sex = next(one for one in done["refused"] if one["person"] == 2)["errors"][0]
    assert sex["allowed"] == ["female", "male", "unknown"]


async def test_an_incident_that_breaks_a_rule_is_refused(desk: Desk) -> None:
    broken = {
        ("persons", "too_short"): an_incident([]),
        ("persons", "too_long"): an_incident([coded_facts()] * 1001),
        ("detected_on", "not_in_future"): an_incident([coded_facts()], detected_on="2999-01-01"),
        ("body", "cercle_outside"): an_incident([coded_facts()], region="12"),
        ("*", "extra_forbidden"): an_incident([coded_facts()], **{NAME: NAME}),
    }
    for fault, incident in broken.items():
        assert seen(await submit(desk, incident)) == (422, "invalid_request", [fault])

    nobody = an_incident([a_person(0, sex=NAME), a_person(1, region=NAME)])
    faults = [("persons.0.sex", "unknown_code"), ("persons.1.region", "unknown_code")]
    assert seen(await submit(desk, nobody)) == (422, "invalid_request", faults)
    assert await desk.count("incidents") == await desk.count("outbox") == await keys(desk) == 0


async def test_the_same_key_gets_the_same_incident_and_nobody_twice(desk: Desk) -> None:
    incident = an_incident([a_person(nth) for nth in range(7)])
    answers = await asyncio.gather(
        *(submit(desk, incident, key="key-of-this-night") for _ in range(5))
    )

    assert {one.status_code for one in answers} == {202}
    assert len({one.headers["location"] for one in answers}) == 1
    assert sum("idempotent-replayed" not in one.headers for one in answers) == 1
    await finished(desk, answers[0])
    assert await desk.count("cases") == 7
    assert await desk.count("incidents") == 1

    other = await submit(desk, an_incident([a_person(1)]), key="key-of-this-night")
    assert seen(other)[1] == "idempotency_key_reused"
    assert seen(await submit(desk, incident, key=None))[1] == "idempotency_key_missing"
    assert await desk.count("cases") == 7


async def test_for_another_organisation_there_is_no_such_incident(desk: Desk) -> None:
    accepted = await submit(desk, an_incident([a_person(0)]))
    await finished(desk, accepted)
    path = accepted.headers["Location"].removeprefix("/intake")

    theirs = await desk.get(path, "SHELTER_B")
    nowhere = await desk.get("/incidents/00000000-0000-4000-8000-000000000000", "SHELTER_B")
    assert theirs.status_code == nowhere.status_code == 404
    assert theirs.content == nowhere.content
    assert (await desk.get("/incidents", "SHELTER_B")).json() == {"incidents": []}
    (mine,) = (await desk.get("/incidents")).json()["incidents"]
    assert mine["incident_id"] == accepted.json()["incident_id"]
    looks = await desk.site.rows(
        "select distinct organisation, outcome from intake.audit where action = 'incident'"
    )
    assert set(looks) == {("POLICE_A", "shown"), ("SHELTER_B", "not_found")}


async def test_a_service_that_stops_in_the_middle_goes_on_where_it_was(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time it commits two chunks and is cut off with the third registered and not committed."""
    monkeypatch.setattr(gathering, "CHUNK", 5)
    chunks = 0
    cut = asyncio.Event()

    async def until_cut(connection: AsyncConnection, **given: Any) -> gathering.Chunk:
        nonlocal chunks
        chunk = await gathering.register_some(connection, **given)
        chunks += chunk.taken > 0
        if chunk.taken and chunks % 3 == 0:
            cut.set()
            await asyncio.Event().wait()
        return chunk

    monkeypatch.setattr(admitter, "register_some", until_cut)
    async with open_desk(site) as desk:
        accepted = await submit(desk, an_incident([a_person(nth) for nth in range(30)]))
        await cut.wait()
    assert await desk.count("cases") == 10
    cut.clear()
    async with open_desk(site, is_known=True):
        await cut.wait()
    assert await desk.count("cases") == 20

    monkeypatch.undo()
    async with open_desk(site, is_known=True) as desk:
        done = await finished(desk, accepted)
    assert done["registered"] == await desk.count("cases") == 30
    assert await desk.site.rows(
        "select count(*), count(distinct subject) from intake.outbox where name = 'case.registered'"
    ) == [(30, 30)]


async def test_two_processes_share_an_incident_and_nobody_is_registered_twice(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "CHUNK", 3)
    async with open_desk(site) as desk, open_desk(site, is_known=True):
        accepted = [
            await submit(desk, an_incident([a_person(nth) for nth in range(30)])) for _ in range(2)
        ]
        for one in accepted:
            assert (await finished(desk, one))["registered"] == 30
        assert await desk.count("cases") == 60


async def test_one_who_cannot_be_opened_waits_alone_and_holds_up_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Her row was damaged: she is not lost in silence, and the others are registered."""
    monkeypatch.setattr(gathering, "CHUNK", 0)
    accepted = await submit(desk, an_incident([a_person(nth) for nth in range(4)]))
    await desk.site.run("update intake.incident_persons set nonce = '\\x00' where nth = 2")
    monkeypatch.setattr(gathering, "CHUNK", 100)

    async def others_are_in() -> bool:
        return bool((await progress(desk, accepted))["registered"] == 3)

    await until(others_are_in, seconds=20)
    left = await progress(desk, accepted)
    assert (left["waiting"], left["done_at"]) == (1, None)
    assert [one["person"] for one in left["cases"]] == [1, 3, 4]

    # Whoever's key is not in the older copy of the tables that was restored is told to come again.
    await desk.site.run("delete from intake.person_keys")
    done = await finished(desk, accepted)
    assert [(one["person"], one["errors"][0]["rule"]) for one in done["refused"]] == [(2, "lost")]
    # And nobody waits for whoever does not come.
    (ended,) = await desk.site.rows(
        "select convert_from(body, 'UTF8') from intake.outbox where name = 'incident.registered'"
    )
    assert json.loads(ended[0]) == {"owner": "POLICE_A", "persons": 3}


async def test_an_erased_person_of_an_incident_has_no_number_and_does_not_come_back(
    desk: Desk,
) -> None:
    await add_committee(desk)
    incident = an_incident([a_person(0), a_person(1)])
    accepted = await submit(desk, incident, key="key-of-this-night")
    numbers = [one["case_number"] for one in (await finished(desk, accepted))["cases"]]

    await erase(desk, numbers[0])

    shown = (await progress(desk, accepted))["cases"]
    assert [one["case_number"] for one in shown] == [None, numbers[1]]
    again = await submit(desk, incident, key="key-of-this-night")
    assert (again.status_code, again.json()["code"]) == (410, "erased")
    assert await desk.count("cases") == 2


async def test_a_body_may_be_larger_here_and_only_here(desk: Desk) -> None:
    notes = {"notes": {"text": "x" * 9_000}}
    large = an_incident([a_person(nth, dossier=notes) for nth in range(200)])
    assert BODY_LIMIT < len(json.dumps(large)) < INCIDENT_BYTES

    assert (await finished(desk, await submit(desk, large)))["registered"] == 200
    assert (await desk.post(json.dumps(large).encode())).status_code == 413
    larger = an_incident([a_person(nth, dossier=notes) for nth in range(500)])
    assert (await submit(desk, larger)).status_code == 413


async def test_a_thousand_persons_are_registered_in_one_submission(desk: Desk, form: Form) -> None:
    count = form.pick(short=300, long=1000)
    families = [f"F{nth // 4}" if nth % 3 == 0 else None for nth in range(count)]
    persons = [a_person(nth, family=family) for nth, family in enumerate(families)]

    began = perf_counter()
    accepted = await submit(desk, an_incident(persons))
    taken = perf_counter() - began
    done = await finished(desk, accepted)
    say(f"{count} persons: taken in {taken:.2f} s, registered after {perf_counter() - began:.2f} s")

    assert done["registered"] == count
    assert await desk.count("cases") == count
    assert await desk.site.rows("select count(distinct number) from intake.cases") == [(count,)]

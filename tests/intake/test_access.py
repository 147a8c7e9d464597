import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.callers import issue_token
from contracts.intake import AccessExcepted
from contracts.keyring import encode_base64url
from tests.builders import CANARY, coded_facts
from tests.intake.desks import Desk
from tests.parts import until
from tests.signing import private_key

pytestmark = pytest.mark.share("sealed")
DOSSIER = {
    "identity": {"full_name": CANARY, "unheard_of": "x"},
    "medical": {"treatment": "none"},
}
COMMITTEE = "COMMITTEE_C"


async def call(
    desk: Desk,
    path: str,
    who: str,
    *,
    role: str = "focal_point",
    json: Any = None,
    post: bool = False,
) -> httpx.Response:
    """who: `<organisation>/<person>`, or the organisation alone."""
    code, _, person = who.partition("/")
    token = issue_token(
        desk.keys[code],
        organisation=code,
        role=role,
        audience="intake",
        now=datetime.now(UTC),
        person=person or None,
    )
    return await desk.client.request(
        "POST" if post or json is not None else "GET",
        f"/intake{path}",
        json=json,
        headers={"Authorization": f"Bearer {token}"},
    )


async def a_case(desk: Desk) -> str:
    """The number of a case that the police owns, with a dossier."""
    answer = await desk.post(coded_facts(dossier=DOSSIER))
    return str(answer.json()["case_number"])


async def asked(desk: Desk, number: str, who: str = "SHELTER_B/s-1", **changes: Any) -> Any:
    said = {"case_number": number, "reason": "life_in_danger", "groups": ["G2"]} | changes
    return await call(desk, "/exceptions", who, json=said)


async def agreed(desk: Desk, asking: Any, who: str = "POLICE_A/p-1", **more: Any) -> httpx.Response:
    identity = asking.json()["exception_id"]
    return await call(desk, f"/exceptions/{identity}/confirmation", who, post=True, **more)


async def looks(desk: Desk) -> list[tuple[Any, ...]]:
    return await desk.site.rows(
        "select organisation, action, outcome, parts, case_id is not null from intake.audit"
        " order by at"
    )


async def add_committee(desk: Desk) -> None:
    key = private_key(COMMITTEE)
    desk.keys = {**desk.keys, COMMITTEE: key}
    await desk.site.run(
        "insert into intake.organisations values (:code, 'committee', 'desk')", code=COMMITTEE
    )
    await desk.site.run(
        "insert into intake.organisation_keys (key, owner, use, valid_from)"
        " values (:key, :code, 'signing', '2020-01-01T00:00Z')",
        code=COMMITTEE,
        key=encode_base64url(key.public_key().public_bytes_raw()),
    )


async def test_the_owner_reads_its_dossier_and_for_everybody_else_there_is_none(
    desk: Desk,
) -> None:
    number = await a_case(desk)
    path = f"/cases/{number}/dossier"
    own = await call(desk, path, "POLICE_A", role="case_owner")
    part = await call(desk, f"{path}?section=medical", "POLICE_A")
    foreign = await call(desk, path, "SHELTER_B/s-1")
    nowhere = await call(desk, "/cases/ML-12-2026-000000-0/dossier", "SHELTER_B/s-1")

    assert own.json() == {"sections": DOSSIER}
    assert own.headers["cache-control"] == "no-store"
    assert part.json() == {"sections": {"medical": DOSSIER["medical"]}}
    assert (foreign.status_code, foreign.content) == (404, nowhere.content)
    assert await looks(desk) == [
        ("POLICE_A", "dossier", "shown", "identity medical", True),
        ("POLICE_A", "dossier", "shown", "medical", True),
        ("SHELTER_B", "dossier", "refused", "", True),
    ]
    assert (await call(desk, path, "POLICE_A", role="analyst")).status_code == 403


async def test_every_look_at_cases_is_on_record_also_one_that_finds_nothing(desk: Desk) -> None:
    number = await a_case(desk)
    await desk.get("/cases")
    await desk.get(f"/cases/{number}")
    await desk.get(f"/cases/{number}", "SHELTER_B")

    assert await looks(desk) == [
        ("POLICE_A", "cases", "shown", "", False),
        ("POLICE_A", "case", "shown", "facts steps", True),
        ("SHELTER_B", "case", "not_found", "", False),
    ]
    ((shown, kept),) = await desk.site.rows(
        "select max(shown), string_agg(audit::text, '') from intake.audit"
    )
    assert shown == 1
    assert number not in kept
    assert CANARY not in kept


async def test_what_cannot_be_recorded_is_not_shown(desk: Desk) -> None:
    number = await a_case(desk)
    await desk.site.run("revoke insert on intake.audit from intake_work")

    for path in ("/cases", f"/cases/{number}", f"/cases/{number}/dossier"):
        answer = await call(desk, path, "POLICE_A")
        assert answer.status_code == 500
        assert CANARY not in answer.text


async def test_two_persons_open_for_a_time_the_groups_that_were_asked_for_to_one_of_them(
    desk: Desk,
) -> None:
    number = await a_case(desk)
    asking = await asked(desk, number)
    path = f"/cases/{number}/dossier"
    assert asking.status_code == 201
    assert (await call(desk, path, "SHELTER_B/s-1")).status_code == 404

    waiting = (await call(desk, "/exceptions", "POLICE_A/p-1")).json()["exceptions"]
    assert [(one["number"], one["reason"], one["until"]) for one in waiting] == [
        (number, "life_in_danger", None)
    ]
    granted = await agreed(desk, asking)
    assert granted.status_code == 200
    left = datetime.fromisoformat(granted.json()["until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)

    opened = await call(desk, path, "SHELTER_B/s-1")
    assert opened.json() == {"sections": {"identity": {"full_name": CANARY}}}
    for other in ("SHELTER_B/s-2", "SHELTER_B"):
        assert (await call(desk, path, other)).status_code == 404
    second = await a_case(desk)
    assert (await call(desk, f"/cases/{second}/dossier", "SHELTER_B/s-1")).status_code == 404

    await desk.site.run("update intake.exceptions set until = now() - interval '1 second'")
    assert (await call(desk, path, "SHELTER_B/s-1")).status_code == 404
    recorded = [(who, action, outcome) for who, action, outcome, _, _ in await looks(desk)]
    assert ("SHELTER_B", "exception.ask", "asked") in recorded
    assert ("POLICE_A", "exception.confirm", "granted") in recorded
    assert ("SHELTER_B", "dossier.exception", "shown") in recorded


async def test_the_others_are_told_in_codes_that_the_glass_was_broken(desk: Desk) -> None:
    asking = await asked(desk, await a_case(desk), groups=["G5", "G2"])
    await agreed(desk, asking)

    query = """
        select convert_from(body, 'UTF8') from intake.outbox
        where name = 'access.excepted' and sent_at is not null
    """
    ((body,),) = await until(lambda: desk.site.rows(query))
    event = AccessExcepted.model_validate_json(body)
    assert (event.organisation, event.confirmed_by) == ("SHELTER_B", "POLICE_A")
    assert (event.reason, event.groups) == ("life_in_danger", ("G2", "G5"))
    assert "s-1" not in body
    assert "p-1" not in body


CONFIRMERS = [
    ("SHELTER_B/s-1", "focal_point", 403, "same_person"),
    ("SHELTER_B/s-2", "data_officer", 403, "same_person"),
    ("POLICE_A/s-1", "focal_point", 403, "same_person"),
    ("POLICE_A", "focal_point", 403, "person_required"),
    ("POLICE_A/p-1", "case_owner", 403, "role_forbidden"),
    (f"{COMMITTEE}/c-1", "focal_point", 404, "not_found"),
    (f"{COMMITTEE}/c-1", "data_officer", 200, None),
    ("POLICE_A/p-1", "data_officer", 200, None),
]


async def test_only_a_second_person_who_answers_for_the_case_can_agree(desk: Desk) -> None:
    await add_committee(desk)
    for who, role, status, code in CONFIRMERS:
        number = await a_case(desk)
        answer = await agreed(desk, await asked(desk, number), who, role=role)
        seen = await call(desk, f"/cases/{number}/dossier", "SHELTER_B/s-1")

        assert (answer.status_code, answer.json().get("code")) == (status, code), (who, role)
        assert seen.status_code == (200 if status == 200 else 404), (who, role)


async def test_of_many_who_agree_at_once_one_opens_it_and_a_lapsed_request_none(
    desk: Desk,
) -> None:
    number = await a_case(desk)
    asking = await asked(desk, number)
    answers = await asyncio.gather(*(agreed(desk, asking, f"POLICE_A/p-{n}") for n in range(6)))
    assert sorted(one.status_code for one in answers) == [200, *[409] * 5]

    late = await asked(desk, number)
    await desk.site.run("update intake.exceptions set lapses_at = now()")
    assert (await agreed(desk, late)).json()["code"] == "settled"


async def test_who_may_not_ask_is_told_why_and_nothing_is_written(desk: Desk) -> None:
    number = await a_case(desk)
    refused = [
        await asked(desk, number, "SHELTER_B"),
        await asked(desk, number, "POLICE_A/p-1"),
        await asked(desk, "ML-12-2026-000000-0"),
        await asked(desk, number, reason="curiosity"),
        await asked(desk, number, groups=[]),
        await asked(desk, number, groups=["G99"]),
    ]

    codes = [(one.status_code, one.json()["code"]) for one in refused]
    assert codes[:3] == [(403, "person_required"), (409, "own_case"), (404, "not_found")]
    assert {status for status, _ in codes[3:]} == {422}
    assert await desk.count("exceptions") == 0
    assert [row[2] for row in await looks(desk)] == ["refused", "refused"]


async def test_a_request_is_seen_by_those_it_concerns_only(desk: Desk) -> None:
    await add_committee(desk)
    await asked(desk, await a_case(desk))
    await desk.site.run("update intake.exceptions set owner = 'POLICE_Z'")

    for code, count in (("SHELTER_B", 1), (COMMITTEE, 1), ("POLICE_A", 0)):
        answer = await call(desk, "/exceptions", f"{code}/x")
        assert len(answer.json()["exceptions"]) == count
        assert "s-1" not in json.dumps(answer.json())

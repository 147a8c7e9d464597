import asyncio
import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic

import httpx
import pytest

from contracts.structured import BATCH_MEDIA_TYPE, read_structured
from partners.conformance.web_door import TITLES
from services.referral.gateways.door import Cursor, CursorUnknown
from tests.parts import Site, site, writing_as
from tests.referral.doors import FOREIGN, OWN, DoorKnocker, open_door

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]
CURSOR = "Siraba-Cursor"
REQUEST = {
    "specversion": "1.0",
    "id": "0190a9ae-0000-7000-8000-000000000001",
    "source": f"/partners/{OWN}",
    "type": "ml.siraba.referral.accept.v1",
    "subject": "café 1",
    "data_base64": base64.b64encode(b'{"a": 1}\n').decode(),
    "sirabasignature": "siraba-1.0.s",
    "more": "100%",
}


@pytest.fixture
async def door(site: Site) -> AsyncIterator[DoorKnocker]:
    async with open_door(site) as opened:
        yield opened


def bodies(answer: httpx.Response) -> list[str]:
    assert answer.status_code == httpx.codes.OK, answer.text
    return [read_structured(event)[1].decode() for event in answer.json()]


def code_of(answer: httpx.Response) -> tuple[int, str]:
    """Of a problem; what the sandbox has a title for, it says with the platform's."""
    problem = answer.json()
    assert problem["title"] == TITLES.get(problem["code"], problem["title"])
    return answer.status_code, problem["code"]


async def test_a_feed_has_its_own_messages_in_order_and_as_they_lie(door: DoorKnocker) -> None:
    await door.tell(OWN, "one")
    await door.tell(FOREIGN, "not yours")
    await door.tell(OWN, "two", "three")

    answer = await door.feed(limit=2)

    assert bodies(answer) == ["one", "two"]
    assert answer.headers["Content-Type"] == BATCH_MEDIA_TYPE
    first = answer.json()[0]
    assert read_structured(first)[0] == {
        "ce-id": "one",
        "ce-subject": "caf%C3%A9",
        "siraba-signature": "s",
        "Nats-Msg-Id": "one",
    }
    assert first["sirabasubject"] == f"out.{OWN}.a.b.v1"
    recorded = datetime.fromisoformat(first["sirabarecorded"])
    assert abs(datetime.now(UTC) - recorded) < timedelta(minutes=1)
    assert bodies(await door.feed(after=answer.headers[CURSOR])) == ["three"]
    assert bodies(await door.feed(after=first["sirabacursor"])) == ["two", "three"]


async def test_what_comes_before_a_cursor_is_confirmed_once_and_can_be_read_again(
    door: DoorKnocker,
) -> None:
    await door.tell(OWN, "one", "two", "three")
    everything = (await door.feed()).json()
    assert await door.confirmed() == 0, "reading alone confirms nothing"

    last = [event["sirabacursor"] for event in everything]
    assert bodies(await door.feed(after=last[1])) == ["three"]
    assert await door.confirmed() == 2
    assert bodies(await door.feed()) == ["three"], "without a cursor it goes on from there"
    assert bodies(await door.feed(after=last[0])) == ["two", "three"]
    assert await door.confirmed() == 2, "an earlier cursor takes nothing back"


async def test_a_cursor_that_is_no_place_of_the_feed_confirms_nothing(door: DoorKnocker) -> None:
    await door.tell(OWN, "one")
    here = Cursor.read((await door.feed()).headers[CURSOR])
    beyond = here._replace(sequence=here.sequence + 1)
    before_it_was_made_anew = here._replace(born="00000000")

    for cursor in (beyond, before_it_was_made_anew, "1", "", "x-y", f"{here.born}-²"):
        assert code_of(await door.feed(after=str(cursor))) == (410, "cursor_unknown")
    assert await door.confirmed() == 0
    await door.tell(OWN, "two")
    assert bodies(await door.feed()) == ["one", "two"]
    with pytest.raises(CursorUnknown):
        Cursor.read("nonsense")


async def test_a_feed_is_read_again_from_a_moment_on(door: DoorKnocker) -> None:
    await door.tell(OWN, "one")
    await asyncio.sleep(0.05)
    moment = datetime.now(UTC)
    await door.tell(OWN, "two")

    assert bodies(await door.feed(since=moment.isoformat())) == ["two"]
    hour = timedelta(hours=1)
    assert bodies(await door.feed(since=(moment - hour).isoformat())) == ["one", "two"]
    later = await door.feed(since=(moment + hour).isoformat())
    assert bodies(later) == []
    assert bodies(await door.feed(after=later.headers[CURSOR])) == []
    assert (await door.feed(since="2026-01-01T00:00:00")).status_code == 422, "a zone is needed"
    both = await door.feed(since=moment.isoformat(), after=later.headers[CURSOR])
    assert code_of(both) == (400, "after_or_since")


async def test_a_poll_waits_until_a_message_comes(door: DoorKnocker) -> None:
    began = monotonic()
    assert bodies(await door.feed(wait=1)) == []
    assert 0.9 < monotonic() - began < 3

    waiting = asyncio.create_task(door.feed(wait=10))
    await asyncio.sleep(0.5)
    await door.tell(FOREIGN, "not yours")
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await door.tell(OWN, "one")
    async with asyncio.timeout(3):
        assert bodies(await waiting) == ["one"]


async def test_a_newer_poll_sends_the_older_one_home(door: DoorKnocker) -> None:
    older = asyncio.create_task(door.feed(wait=10))
    await asyncio.sleep(0.3)
    newer = asyncio.create_task(door.feed(wait=2))
    async with asyncio.timeout(1.5):
        assert bodies(await older) == []
    assert bodies(await newer) == []


async def test_a_request_lies_in_its_senders_stream_as_it_would_by_the_other_door(
    door: DoorKnocker,
) -> None:
    answers = [await door.ask(REQUEST) for _ in range(2)]

    assert [one.status_code for one in answers] == [202, 202]
    assert [one.json()["duplicate"] for one in answers] == [False, True]
    stored = await door.stored()
    assert stored.subject == f"in.{OWN}.referral.accept.v1"
    assert stored.data == b'{"a": 1}\n'
    headers = dict(stored.headers or {})
    assert re.match(f"IN_{OWN}[: ]", headers.pop("Nats-Stream-Source"))
    assert headers == {
        "Nats-Msg-Id": REQUEST["id"],
        "ce-specversion": "1.0",
        "ce-id": REQUEST["id"],
        "ce-source": f"/partners/{OWN}",
        "ce-type": "ml.siraba.referral.accept.v1",
        "ce-subject": "caf%C3%A9%201",
        "ce-more": "100%25",
        "siraba-signature": "siraba-1.0.s",
    }


WRONG: list[tuple[dict[str, object], str, str]] = [
    ({"type": "ml.siraba.referral.accept"}, "type", "string_pattern_mismatch"),
    ({"type": "ml.siraba.a.b.v1\nx"}, "type", "string_pattern_mismatch"),
    ({"id": "no uuid"}, "id", "string_pattern_mismatch"),
    ({"data_base64": "%%%"}, "data_base64", "wrong_schema"),
    ({"data_base64": None}, "data_base64", "string_type"),
    ({"sirabasignature": None}, "sirabasignature", "string_type"),
    ({"more": 7}, "more", "wrong_schema"),
    ({"Kadia Zanakala": "x"}, "body", "wrong_schema"),
    ({f"a{nth}": "" for nth in range(40)}, "body", "wrong_schema"),
]


async def test_what_is_no_request_is_refused_by_field_and_rule(door: DoorKnocker) -> None:
    for change, field, rule in WRONG:
        answer = await door.ask(REQUEST | change)

        assert code_of(answer) == (422, "invalid_request")
        (error,) = answer.json()["errors"]
        assert (error["field"], error["rule"]) == (field, rule)
        assert "Zanakala" not in answer.text


async def test_only_programs_with_a_good_token_come_in_and_others_are_told_why(
    door: DoorKnocker,
) -> None:
    for role in ("officer", "focal_point", "case_owner", "operator"):
        for answer in await both(door, door.headers(role=role)):
            assert code_of(answer) == (403, "role_forbidden")
            assert answer.json()["errors"] == [
                {"field": "role", "rule": "allowed", "list": "role", "allowed": ["system"]}
            ]
    for code, headers in {
        "token_missing": {},
        "token_malformed": {"Authorization": "Bearer x"},
        "unknown_issuer": door.headers(code="NOBODY_Z"),
    }.items():
        for answer in await both(door, headers):
            assert code_of(answer) == (401, code)
            assert answer.headers["www-authenticate"] == "Bearer"


async def both(door: DoorKnocker, headers: dict[str, str]) -> list[httpx.Response]:
    """What each call answers to whoever presents this."""
    return [
        await door.http.get("/partners/feed", headers=headers),
        await door.http.post("/partners/requests", json=REQUEST, headers=headers),
    ]


async def test_a_program_comes_in_only_as_itself(door: DoorKnocker) -> None:
    await door.tell(OWN, "one")

    assert bodies(await door.feed(code=FOREIGN)) == []
    await door.ask(REQUEST, code=FOREIGN)
    stored = await door.stored()
    assert stored.subject == f"in.{FOREIGN}.referral.accept.v1", "whatever its source says"


SUSPEND = """
    insert into referral.organisations (code, version, kind, channel, is_suspended, entry)
    values ('SHELTER_B', 1, 'shelter', 'http', true, '{}')
"""
END = "update referral.organisation_keys set valid_until = now() where owner = 'SHELTER_B'"


async def test_who_is_cut_off_is_told_nothing_more_not_even_where_it_waits_already(
    door: DoorKnocker, site: Site
) -> None:
    cut_off = ((SUSPEND, (403, "suspended")), (END, (401, "unknown_issuer")))
    for statement, refusal in cut_off:
        place = (await door.feed()).headers[CURSOR]
        waiting = asyncio.create_task(door.feed(after=place, wait=5))
        await asyncio.sleep(0.3)
        await site.run(statement)
        await door.tell(OWN, "one")
        assert code_of(await waiting) == refusal
        await asyncio.sleep(1)  # for so long a key is remembered
        assert code_of(await door.feed()) == code_of(await door.ask(REQUEST)) == refusal
        await site.run("delete from referral.organisations")
    assert (await door.feed(code=FOREIGN)).status_code == httpx.codes.OK


async def test_a_flood_waits_and_delays_nobody_else(door: DoorKnocker) -> None:
    answers = [await door.feed() for _ in range(130)]

    assert {one.status_code for one in answers} == {200, 429}
    assert (await door.feed(code=FOREIGN)).status_code == httpx.codes.OK


async def test_a_full_ingress_stream_says_so(door: DoorKnocker, site: Site) -> None:
    async with writing_as(site.server, "provisioner") as jetstream:
        config = (await jetstream.stream_info(f"IN_{OWN}")).config
        config.max_msgs = 1
        await jetstream.update_stream(config)
    second = REQUEST | {"id": "0190a9ae-0000-7000-8000-000000000002"}

    assert (await door.ask(REQUEST)).status_code == 202
    assert code_of(await door.ask(second)) == (429, "ingress_full")


async def test_without_nats_nothing_is_taken_and_it_says_so(door: DoorKnocker, site: Site) -> None:
    site.server.server.stop()
    assert code_of(await door.ask(REQUEST)) == (503, "temporarily_unavailable")
    assert code_of(await door.feed(wait=5)) == (503, "temporarily_unavailable")

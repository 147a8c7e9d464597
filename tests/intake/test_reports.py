"""Cases that come in messages, sealed to intake: registered like a form, or said what is wrong."""

import json
import logging
from collections.abc import AsyncIterator
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.pseudonyms import FeedKey
from contracts.reports import ReportCase, place_of_report
from contracts.sealing import Place
from services.intake.store.dossiers import open_dossier
from services.intake.vault import KeyFiles, Vault
from tests.builders import CANARY
from tests.intake.reporters import POLICE, SHELTER, Reporter, a_form, as_json
from tests.intake.rooms import DOSSIER, Room, open_room
from tests.intake.vaults import work_engine
from tests.parts import KEYS, Site, until

pytestmark = pytest.mark.share("sealed")


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        yield opened


@pytest.fixture
def police(room: Room) -> Reporter:
    return Reporter(room)


async def dead(room: Room) -> list[tuple[Any, ...]]:
    return await room.site.rows("select reason, field from intake.dead_letters order by id")


async def test_a_reported_case_is_registered_like_a_form_and_its_sender_hears_the_number(
    room: Room, police: Reporter
) -> None:
    report_id = uuid4()
    message_id = await police.report(a_form(), report_id)

    (told,) = await police.numbers()
    assert told.report_id == report_id
    ((case_id, owner, facts),) = await room.site.rows(
        "select case_id, owner, facts from intake.cases where number = :n", n=told.case_number
    )
    assert owner == POLICE
    assert facts["needs"] == ["shelter"]
    async with work_engine(room.site.database.url("intake_work")) as engine:
        vault = Vault(KeyFiles(room.site.folder / "kek", token_bytes), token_bytes)
        async with engine.begin() as connection:
            kept = await open_dossier(connection, case_id, tuple(DOSSIER), vault=vault)
    assert kept == DOSSIER
    rows = await room.site.rows(
        "select stream, subject, causation_id from intake.outbox where name = 'case.registered'"
        " order by position"
    )
    own_name = FeedKey.of(KEYS["feed.key"], POLICE).subject(case_id)
    assert rows == [
        ("INTAKE", str(case_id), str(message_id)),
        ("OUT", own_name, str(message_id)),
    ]
    seen = await room.desk.get(f"/cases/{told.case_number}")
    assert seen.json()["facts"]["sex"] == "female"
    assert (await room.desk.get(f"/cases/{told.case_number}", SHELTER)).status_code == 404
    assert await dead(room) == []


async def test_the_same_report_sealed_anew_is_the_same_case_and_hears_the_same_number(
    room: Room, police: Reporter
) -> None:
    report_id, form = uuid4(), a_form()
    for _ in range(3):  # in one batch or in several
        await police.report(form, report_id)

    told = await police.numbers(3)
    assert len({one.case_number for one in told}) == 1
    assert await room.desk.count("cases") == 1
    assert await room.desk.count("reports") == 3


async def test_another_form_under_a_report_that_was_taken_is_refused(
    room: Room, police: Reporter
) -> None:
    report_id = uuid4()
    await police.report(a_form(), report_id)
    await police.numbers()
    wrong = await police.report(a_form(sex="male"), report_id)

    (rejection,) = await police.rejections()
    said = (rejection.message_id, rejection.reason, rejection.field)
    assert said == (str(wrong), "id_reused", "report_id")
    assert await room.desk.count("cases") == 1


async def test_two_organisations_may_give_their_reports_one_id(
    room: Room, police: Reporter
) -> None:
    report_id, shelter = uuid4(), Reporter(room, SHELTER)
    for reporter in (police, shelter):
        await reporter.report(a_form(), report_id)

    (one,), (other,) = await police.numbers(), await shelter.numbers()
    assert one.case_number != other.case_number
    owners = await room.site.rows("select owner from intake.cases order by owner")
    assert owners == [(POLICE,), (SHELTER,)]


WRONG: dict[str, tuple[bytes, str, str]] = {
    "not JSON": (b"{" + CANARY.encode(), "not_json", "sealed.body"),
    "not UTF-8": (b"\xff\xfe", "not_utf8", "sealed.body"),
    "no object": (b"[]", "wrong_schema", "sealed.body"),
    "an unknown code": (as_json(a_form(sex=CANARY)), "unknown_code", "sealed.sex"),
    "one in a list": (as_json(a_form(needs=["shelter", CANARY])), "unknown_code", "sealed.needs.1"),
    "a field we do not know": (as_json(a_form(**{CANARY: 1})), "wrong_schema", "sealed.body"),
    "a field that is missing": (
        as_json({k: v for k, v in a_form().items() if k != "sex"}),
        "wrong_schema",
        "sealed.sex",
    ),
    "a name of their own": (
        as_json(a_form(dossier={"identity": {CANARY: 1}})),
        "wrong_schema",
        "sealed.dossier.identity",
    ),
    "a section of their own": (
        as_json(a_form(dossier={CANARY: {}})),
        "wrong_schema",
        "sealed.dossier",
    ),
    "a day to come": (
        as_json(a_form(detected_on="2999-01-01")),
        "wrong_schema",
        "sealed.detected_on",
    ),
    "consent said twice": (
        as_json(a_form(consent=[{"state": "given", "by": "person"}] * 2)),
        "wrong_schema",
        "sealed.body",
    ),
}


@pytest.mark.parametrize("why", WRONG)
async def test_a_form_that_is_wrong_is_rejected_by_field_and_rule_and_never_repeated(
    room: Room, police: Reporter, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    content, reason, field = WRONG[why]
    message_id = await police.report_raw(content)

    (told,) = await police.rejections()
    assert (told.message_id, told.reason, told.field) == (str(message_id), reason, field)
    assert await dead(room) == [(reason, field)]
    assert await room.desk.count("cases") == 0
    spans = [span.to_json() for span in room.site.spans.get_finished_spans()]
    assert CANARY not in f"{told} {caplog.text} {await dead(room)} {spans}"
    assert "Aminata" not in f"{told} {caplog.text} {spans}"


async def test_what_would_be_right_is_said_where_codes_are_few(police: Reporter) -> None:
    await police.report_raw(as_json(a_form(sex="girl")))

    (told,) = await police.rejections()
    assert told.allowed == ("female", "male", "unknown")


class TestWhatDoesNotOpen:
    async def rejected(self, police: Reporter, request: ReportCase) -> str:
        """For what reason, of the sealed part."""
        await police.send(request)
        (told,) = await police.rejections()
        assert told.field == "sealed"
        assert await dead(police.room) == [(told.reason, "sealed")]
        assert await police.room.desk.count("cases") == 0
        return told.reason

    async def test_is_what_another_organisation_has_sealed(
        self, room: Room, police: Reporter
    ) -> None:
        """Or whoever got hold of it could have it registered as its own, and read it."""
        report_id = uuid4()
        theirs = police.sealed(as_json(a_form()), place_of_report(POLICE, report_id))
        stolen = ReportCase(report_id=report_id, sealed=theirs)

        assert await self.rejected(Reporter(room, SHELTER), stolen) == "malformed"

    async def test_is_what_was_sealed_for_another_report(self, police: Reporter) -> None:
        sealed = police.sealed(as_json(a_form()), place_of_report(POLICE, uuid4()))

        assert await self.rejected(police, ReportCase(report_id=uuid4(), sealed=sealed)) == (
            "malformed"
        )

    async def test_is_what_was_sealed_as_something_else(self, police: Reporter) -> None:
        report_id = uuid4()
        place = place_of_report(POLICE, report_id)
        sealed = police.sealed(as_json(a_form()), Place(*place[:3], ("identity",)))

        assert await self.rejected(police, ReportCase(report_id=report_id, sealed=sealed)) == (
            "malformed"
        )

    async def test_is_what_was_changed(self, police: Reporter) -> None:
        report_id = uuid4()
        sealed = police.sealed(as_json(a_form()), place_of_report(POLICE, report_id))
        other = "B" if sealed.ciphertext.startswith("A") else "A"
        changed = sealed.model_copy(update={"ciphertext": f"{other}{sealed.ciphertext[1:]}"})

        assert await self.rejected(police, ReportCase(report_id=report_id, sealed=changed)) == (
            "malformed"
        )

    async def test_is_what_was_sealed_to_a_key_whose_time_is_over(self, police: Reporter) -> None:
        report_id = uuid4()
        sealed = police.sealed(as_json(a_form()), place_of_report(POLICE, report_id))
        for path in police.months.folder.glob("*.key"):
            path.unlink()

        assert await self.rejected(police, ReportCase(report_id=report_id, sealed=sealed)) == (
            "unknown_key"
        )


async def test_a_report_whose_key_was_missing_is_taken_in_when_an_operator_has_it_tried_again(
    room: Room, police: Reporter
) -> None:
    hidden = {path: path.read_bytes() for path in police.months.folder.glob("*.key")}
    for path in hidden:
        path.unlink()
    await police.report(a_form())
    await police.rejections()
    for path, key in hidden.items():
        path.write_bytes(key)
        path.chmod(0o600)
    await room.site.run("update intake.dead_letters set state = 'retry'")

    (told,) = await police.numbers()
    assert told.case_number

    async def is_settled() -> bool:
        return await room.site.rows("select state from intake.dead_letters") == [("done",)]

    await until(is_settled)


async def test_a_report_that_is_not_sealed_never_reaches_the_tables(
    room: Room, police: Reporter
) -> None:
    request = ReportCase(
        report_id=uuid4(), sealed=police.sealed(b"", place_of_report(POLICE, UUID(int=1)))
    )
    open_body = json.dumps({"report_id": str(request.report_id)} | a_form()).encode()
    in_clear = Unsealed(request, open_body)
    await police.send(in_clear)  # type: ignore[arg-type]  # what a wrong program would send

    async def is_buried() -> bool:
        return await dead(room) == [("wrong_schema", "sealed")]

    await until(is_buried)
    # referral, which reads every request, says so to the sender; nobody says it twice.
    assert [one for _, one in await room.feed(POLICE)] == []
    assert await room.desk.count("cases") == 0
    rows = await room.site.rows("select row_to_json(d)::text from intake.dead_letters d")
    assert "canary" not in f"{rows}"


class Unsealed:
    """A request of the right type with any body."""

    def __init__(self, like: ReportCase, body: bytes) -> None:
        self.name, self.version, self.matter = like.name, like.version, like.matter
        self._body = body

    def ce_type(self) -> str:
        return ReportCase.ce_type()

    def encode(self) -> bytes:
        return self._body

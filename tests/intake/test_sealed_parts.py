"""Who a suspect is and what a threat was: sealed on the way, kept on referral's word, seen by whom it is for."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from contracts.feed import DossierDisclosed
from contracts.reports import ReportSuspect, place_of_part
from services.intake.restoring import Restorer
from services.intake.use_cases.disclosing import Discloser
from services.intake.vault import KeyFiles, Vault
from tests.builders import NOON
from tests.intake.erasures import add_committee, erase
from tests.intake.reporters import POLICE, SHELTER
from tests.intake.rooms import YES, Room, open_room
from tests.intake.sealed_parts import WHAT, WHO, Filer, a_suspect, a_threat
from tests.intake.test_access import call
from tests.parts import Site, until

VERSIONS = "select section, version, ciphertext from intake.dossiers order by section, version"
pytestmark = pytest.mark.share("sealed")


@pytest.fixture
async def room(site: Site) -> AsyncIterator[Room]:
    async with open_room(site) as opened:
        yield opened


@pytest.fixture
def police(room: Room) -> Filer:
    return Filer(room, POLICE)


async def kept(room: Room) -> None:
    """Nothing waits any more."""

    async def nothing() -> bool:
        return not await room.site.rows("select 1 from intake.sealed_parts")

    await until(nothing)


async def waiting(room: Room) -> None:
    await until(lambda: room.site.rows("select 1 from intake.sealed_parts where body is not null"))


async def in_clear(room: Room) -> list[str]:
    """Tables of intake in which a word of a sealed part stands in clear."""
    words = [*WHO.values(), *WHAT.values()]
    tables = await room.site.rows(
        "select table_name from information_schema.tables where table_schema = 'intake'"
    )
    return [
        name
        for (name,) in tables
        for word in words
        if await room.site.rows(
            f"select 1 from intake.{name} as one where one::text like :plain"
            f" or position(:hex in one::text) > 0",
            plain=f"%{word}%",
            hex=word.encode().hex(),
        )
    ]


def path(report: ReportSuspect) -> str:
    return f"/suspects/{report.proceeding_id}/{report.suspect_id}"


async def looks(room: Room, action: str) -> list[tuple[Any, ...]]:
    return await room.site.rows(
        "select organisation, outcome, shown from intake.audit where action = :action",
        action=action,
    )


@pytest.mark.parametrize("is_first", [True, False], ids=["the report first", "the word first"])
async def test_whoever_reported_a_suspect_sees_who_it_is_and_nobody_else(
    room: Room, police: Filer, is_first: bool
) -> None:
    report, id = a_suspect(), uuid4()
    if is_first:
        await police.file(report, WHO, id)
        await waiting(room)
        assert (await call(room.desk, path(report), POLICE)).status_code == 404
    await police.taken(report, id, None)
    if not is_first:
        await until(lambda: room.site.rows("select 1 from intake.sealed_parts where is_taken"))
        await police.file(report, WHO, id)
    await kept(room)

    seen = await call(room.desk, path(report), POLICE)
    assert (seen.json(), seen.headers["cache-control"]) == ({"versions": [WHO]}, "no-store")
    assert (await call(room.desk, path(report), SHELTER)).status_code == 404
    recorded = await looks(room, "suspect")
    assert {(POLICE, "shown", 1), (SHELTER, "not_found", 0)} <= set(recorded)
    assert len(recorded) == 2 + is_first
    assert await in_clear(room) == []
    await until(lambda: nothing_lies(police))


async def test_a_second_report_is_a_version_more_and_what_is_erased_does_not_come_back(
    room: Room, police: Filer
) -> None:
    report = a_suspect()
    for said in (WHO, {"full_name": "canary-suspect-2"}):
        await police.settle(report, said)
    seen = (await call(room.desk, path(report), POLICE)).json()
    assert seen == {"versions": [WHO, {"full_name": "canary-suspect-2"}]}

    erasure = f"{path(report)}/erasure"
    assert (
        await call(room.desk, erasure, SHELTER, role="focal_point", post=True)
    ).status_code == 404
    answers = [
        await call(room.desk, erasure, POLICE, role="focal_point", post=True) for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [204, 404]
    assert (await call(room.desk, path(report), POLICE)).status_code == 404
    assert await room.site.rows("select 1 from intake.person_keys where wrapped is not null") == []
    await police.file(report, WHO)
    (told,) = await police.rejections()
    assert (told.reason, told.field) == ("id_reused", "suspect_id")


async def test_a_suspect_that_a_restore_brought_back_is_erased_again_by_the_note_of_the_backups(
    room: Room, police: Filer, tmp_path: Path
) -> None:
    report = a_suspect()
    await police.settle(report, WHO)
    ((vault_id, kek_id, wrapped),) = await room.site.rows(
        "select vault_id, kek_id, wrapped from intake.suspects"
        " join intake.person_keys on case_id = vault_id"
    )
    erasure = f"{path(report)}/erasure"
    await call(room.desk, erasure, POLICE, role="focal_point", post=True)
    before = {"id": vault_id, "kek_id": kek_id, "wrapped": wrapped}
    await room.site.run(
        "update intake.person_keys set kek_id = :kek_id, wrapped = :wrapped, destroyed_at = null"
        " where case_id = :id",
        **before,
    )
    await room.site.run("update intake.suspects set erased_at = null")
    assert (await call(room.desk, path(report), POLICE)).json() == {"versions": [WHO]}

    note = tmp_path / "erased.jsonl"
    note.write_text(json.dumps({"case_id": str(vault_id), "at": NOON.isoformat()}) + "\n")
    async with room.site.parts("intake") as parts:
        vault = Vault(KeyFiles(room.site.folder / "kek", parts.mint.entropy), parts.mint.entropy)
        discloser = Discloser(mint=parts.mint, vault=vault, feed_key=b"f" * 32)
        restorer = Restorer(parts, discloser, note)
        assert [await restorer.erase_again() for _ in range(2)] == [1, 0]

    assert (await call(room.desk, path(report), POLICE)).status_code == 404
    await police.file(report, WHO)
    (told,) = await police.rejections()
    assert (told.reason, told.field) == ("id_reused", "suspect_id")


async def test_a_threat_adds_to_the_dossier_and_whoever_may_know_hears_it_again(
    room: Room, police: Filer
) -> None:
    case = await room.register(consent=[{**YES, "recipient_kind": "shelter"}])
    await room.accepted(case)
    await room.feed()
    before = await room.site.rows(VERSIONS)
    await police.settle(a_threat(), WHAT, case)

    dossier = (await call(room.desk, f"/cases/{case.number}/dossier", POLICE)).json()["sections"]
    assert dossier["exploitation"]["facts"] == "canary-G3\n\ncanary-threat"
    assert dossier["exploitation"]["suspect_name"] == "canary-G4"
    assert dossier["safe_place"] == {"safe_address": "canary-G7\n\ncanary-safe"}
    after = await room.site.rows(VERSIONS)
    assert set(before) < set(after)
    assert [row[:2] for row in after if row not in before] == [
        ("exploitation", 2), ("safe_place", 2),
    ]  # fmt: skip
    told = [(e, m) for e, m in await room.feed() if isinstance(m, DossierDisclosed)]
    heard = str([room.opened(envelope, message) for envelope, message in told])
    assert "canary-safe" in heard
    assert "canary-G2" not in heard
    assert await in_clear(room) == []


async def test_nothing_is_added_for_an_erased_person_and_the_report_leaves_its_streams(
    room: Room, police: Filer
) -> None:
    await add_committee(room.desk)
    case = await room.register()
    report = a_threat()
    id = await police.file(report, WHAT)
    await waiting(room)
    await erase(room.desk, case.number)
    await police.taken(report, id, case)
    await kept(room)

    await until(lambda: nothing_lies(police))
    assert await in_clear(room) == []


async def test_what_is_wrong_in_a_sealed_part_is_named_and_never_repeated(
    room: Room, police: Filer
) -> None:
    report = a_suspect()
    for content, place in (
        (b'{"identity": {"canary-suspect": "x"}}', place_of_part(POLICE, report)),
        (b'{"identity": {}}', place_of_part(POLICE, report)),
        (b'{"identity": {"full_name": "x"}}', place_of_part(SHELTER, report)),
    ):
        sealed = police.sealed(content, place)
        await police.send(report.model_copy(update={"sealed": sealed}))

    told = await police.rejections(3)
    assert sorted((one.reason, one.field) for one in told) == [
        ("malformed", "sealed"),
        ("wrong_schema", "sealed.identity"),
        ("wrong_schema", "sealed.identity"),
    ]
    assert await room.site.rows("select 1 from intake.sealed_parts") == []


async def nothing_lies(police: Filer) -> bool:
    return await police.lying() == []

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from hashlib import sha256
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.builders import coded_facts
from tests.intake.desks import Desk, open_desk
from tests.ledger import Form
from tests.parts import Site, site

__all__ = ["site"]
pytestmark = pytest.mark.share("sealed")
SEED = 20261124
#: What reads somebody's record: the case by its number, the list, the dossier's way in, a suspect.
READS = ("from cases as one left join cases as above", "closed_at from cases where number is not",
         "case_id, owner from cases where number", "from suspects left join person_keys")  # fmt: skip


@pytest.fixture
async def desk(site: Site) -> AsyncIterator[Desk]:
    async with open_desk(site) as opened:
        yield opened


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that any engine of this process sends to read a record, as they are sent."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if any(read in " ".join(statement.split()) for read in READS):
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.timeout(900)
async def test_as_many_looks_are_on_record_as_the_database_was_asked_for(
    desk: Desk, form: Form
) -> None:
    rng = Random(SEED)
    posted = [await desk.post(coded_facts(dossier={"notes": {"a": "b"}})) for _ in range(6)]
    numbers = [one.json()["case_number"] for one in posted] + ["ML-12-2026-000000-0", "x", "%00"]
    paths = ["/cases", *(f"/cases/{n}" for n in numbers), *(f"/cases/{n}/dossier" for n in numbers)]
    paths += [f"/suspects/{uuid4()}/{uuid4()}" for _ in range(3)]
    wanted = form.pick(short=300, long=10_000)

    with counted() as sent:
        for _ in range(wanted // 20):
            await asyncio.gather(*(
                desk.get(rng.choice(paths), rng.choice(["POLICE_A", "SHELTER_B"]))
                for _ in range(20)
            ))  # fmt: skip

    ((recorded,),) = await desk.site.rows("select count(*) from intake.audit")
    assert len(sent) == recorded > wanted // 2
    assert await broken(desk) == []


async def broken(desk: Desk) -> list[tuple[str, int]]:
    """Where a chain of the audit does not hold."""
    query = """
        select chain, number, previous, digest, intake.audit_tag(case_id), intake.audit_line(audit)
        from intake.audit order by chain, number
    """
    heads: dict[str, bytes] = {}
    wrong = []
    for chain, number, previous, digest, tag, line in await desk.site.rows(query):
        head = heads.get(chain, bytes(32))
        if previous != head or digest != _digest(head, tag, line):
            wrong.append((chain, number))
        heads[chain] = digest
    return wrong


def _digest(head: bytes, tag: bytes, line: str) -> bytes:
    return sha256(head + tag + sha256(line.encode()).digest()).digest()


async def test_an_owner_of_the_database_who_edits_a_row_breaks_its_chain(desk: Desk) -> None:
    number = (await desk.post()).json()["case_number"]
    for _ in range(4):
        await desk.get(f"/cases/{number}")
    assert await broken(desk) == []

    async with desk.site.superuser() as connection:
        for statement in (
            "alter table intake.audit disable trigger audit_only_grows",
            "update intake.audit set organisation = 'SHELTER_B' where number = 2",
        ):
            await connection.exec_driver_sql(statement)
    assert [place for _, place in await broken(desk)] == [2]

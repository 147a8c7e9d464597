import asyncio
import itertools
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import audit
from chassis.assembly import Parts
from chassis.audit import Auditor, Look, Reads
from contracts.callers import Caller
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")
OFFICER = Caller("POLICE_A", "officer", "p-17")
CASE = UUID("6b3f6a2e-4d0a-4c52-9d84-6f6c5f0f6f11")
CHANGES = ("update {0} set {1} = {1}", "delete from {0}", "truncate {0}")
ROWS = """
    select chain, number, previous, digest, audit_tag(case_id), audit_line(audit)
    from audit order by chain, number
"""


async def rows(parts: Parts, query: str) -> list[tuple[Any, ...]]:
    async with parts.work.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


def broken(found: list[tuple[Any, ...]]) -> list[tuple[str, int]]:
    """The places whose digest is not that of what stands there and of its predecessor."""
    before: dict[str, tuple[int, bytes]] = {}
    wrong = []
    for chain, number, previous, digest, tag, line in found:
        last, head = before.get(chain, (0, bytes(32)))
        whole = sha256(head + tag + sha256(line.encode()).digest()).digest()
        if (number, previous, digest) != (last + 1, head, whole):
            wrong.append((chain, number))
        before[chain] = number, digest
    return wrong


async def test_a_look_is_a_row_with_who_what_when_and_how_it_ended(site: Site) -> None:
    look = Look(action="case", case_id=CASE, parts=("facts",), shown=1)
    async with site.parts("intake") as parts:
        await parts.reads.auditor.record(OFFICER, look)
        ((line,),) = await rows(parts, "select audit_line(audit) from audit")
        ((chain, at),) = await rows(parts, "select chain, at from audit")

    shard = sha256(str(CASE).encode()).digest()[0] % 16
    assert chain == f"{shard:x}/{at:%Y-%m}"
    assert line.split("\n") == [
        "siraba-audit-1", chain, "1", at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "POLICE_A", "officer",
        "p-17", "case", str(CASE), "facts", "coordination", "shown", "1",
    ]  # fmt: skip


async def test_looks_at_once_each_have_a_place_and_the_chains_hold(site: Site) -> None:
    cases = [uuid4() for _ in range(40)]
    async with site.parts("intake") as parts:
        other = Auditor(parts.work)  # as a second process would
        await asyncio.gather(
            *(
                (parts.reads.auditor, other)[nth % 2].record(
                    OFFICER, Look(action="case", case_id=cases[nth % 40])
                )
                for nth in range(400)
            ),
            *(other.record(OFFICER, Look(action="cases", shown=nth)) for nth in range(20)),
        )
        found = await rows(parts, ROWS)

    assert len(found) == 420
    assert broken(found) == []
    assert len({row[0] for row in found}) > 8


async def test_whoever_writes_cannot_choose_place_time_or_digest(site: Site) -> None:
    forged = """
        insert into audit (chain, number, at, organisation, role, action, parts, purpose, outcome,
                           shown, previous, digest)
        values ('f/2020-01', 99, '2020-01-01', 'POLICE_A', 'officer', 'cases', '', 'coordination',
                'shown', 0, '', '')
    """
    async with site.parts("intake") as parts:
        async with parts.work.begin() as connection:
            await connection.execute(text(forged))
        found = await rows(parts, ROWS)
        fresh = await rows(parts, "select at > clock_timestamp() - interval '1 minute' from audit")

    assert broken(found) == []
    assert found[0][1] == 1
    assert fresh == [(True,)]


async def test_nobody_changes_what_is_on_record(site: Site) -> None:
    async with site.parts("intake") as parts:
        await parts.reads.auditor.record(OFFICER, Look(action="cases"))

    roles = ("intake_work", "intake_web", "siraba_owner", "siraba_ops", "postgres")
    for role, table, change in itertools.product(roles, ("audit", "roots"), CHANGES):
        column = "chain" if table == "audit" else "size"
        async with site.superuser() as connection:
            await connection.execute(text(f"set local role {role}"))
            with pytest.raises(DBAPIError, match=r"only ever added to|permission denied"):
                await connection.execute(text(change.format(f"intake.{table}", column)))
            await connection.rollback()


async def test_what_could_be_a_name_or_another_line_is_refused(site: Site) -> None:
    async with site.parts("intake") as parts:
        for person, action, part in (
            ("Aminata Traoré", "case", "facts"),
            ("a@b", "case", "facts"),
            ("p-17", "a\nb", "facts"),
            ("p-17", "case", "a\nb"),
        ):
            who = Caller("POLICE_A", "officer", person)
            with pytest.raises(DBAPIError):
                await parts.reads.auditor.record(who, Look(action=action, parts=(part,)))
        assert await rows(parts, "select count(*) from audit") == [(0,)]


async def test_without_a_record_there_is_no_answer(site: Site) -> None:
    async def read(connection: AsyncConnection) -> str:
        return str(await connection.scalar(text("select 'secret'")))

    async with site.parts("intake") as parts:
        shown = await parts.reads.audited_read(OFFICER, read, lambda _: Look(action="case"))
        await site.run("revoke insert on intake.audit from intake_work")
        with pytest.raises(DBAPIError):
            await parts.reads.audited_read(OFFICER, read, lambda _: Look(action="case"))

    assert shown == "secret"
    assert await site.rows("select count(*) from intake.audit") == [(1,)]


async def test_a_look_within_a_transaction_is_on_record_with_it_or_not_at_all(site: Site) -> None:
    async with site.parts("intake") as parts, parts.work.connect() as connection:
        transaction = await connection.begin()
        await audit.add(connection, OFFICER, [Look(action="case", case_id=CASE)])
        await transaction.rollback()
        assert await rows(parts, "select count(*) from audit") == [(0,)]


async def test_an_auditor_goes_on_after_a_failure(site: Site) -> None:
    async with site.parts("intake") as parts:
        reads: Reads = parts.reads
        await site.run("revoke insert on intake.audit from intake_work")
        failed = await asyncio.gather(
            *(reads.auditor.record(OFFICER, Look(action="cases")) for _ in range(3)),
            return_exceptions=True,
        )
        await site.run("grant insert on intake.audit to intake_work")
        await reads.auditor.record(OFFICER, Look(action="cases"))

    assert [type(one) for one in failed] == [failed[0].__class__] * 3
    assert isinstance(failed[0], DBAPIError)
    assert await site.rows("select number from intake.audit") == [(1,)]

import pytest

from deploy.checks import Check
from deploy.law_checks import check_conservation
from tests.servers import Database, PostgresServer

pytestmark = [pytest.mark.connected, pytest.mark.share("fire")]

STANDS = """
    insert into referral.conservation
    values ('referral-INTAKE', 'INTAKE', 'b', 9, now(), 9, 0, 10, 7, 1, 0, 1, {missing}, 0, {at})
"""
LOST = """
    insert into referral.watched values
        ('referral-INTAKE', 4, 'an-id', '', 'missing', 2, now()),
        ('referral-INTAKE', 5, 'a-suspect', '', 'missing', 1, now()),
        ('referral-INTAKE', 6, 'a-dead-one', '', 'dead', 9, now())
"""


async def found(database: Database, *services: str) -> list[Check]:
    return await check_conservation(database.url("siraba_ops"), services)


async def test_each_service_shows_its_sum_and_what_is_missing_by_name(
    fresh_database: Database, postgres_server: PostgresServer
) -> None:
    async def run(statement: str) -> None:
        await postgres_server.execute(statement, database=fresh_database.name)

    assert await found(fresh_database, "referral") == [
        Check("conservation of referral", False, "never looked at")
    ]

    await run(STANDS.format(missing=0, at="now()"))
    name = "conservation of referral: referral-INTAKE"
    total = "10 accepted = 7 delivered + 1 pending + 0 parked + 1 dead"
    assert await found(fresh_database, "referral") == [Check(name, True, total)]

    await run(LOST)
    await run("update referral.conservation set missing = 1")
    (check,) = await found(fresh_database, "referral")
    assert check == Check(name, False, f"{total}; 1 missing, 0 unfounded: an-id")

    await run("delete from referral.conservation")
    await run(STANDS.format(missing=0, at="timestamptz '2026-01-01 00:00Z'"))
    (check,) = await found(fresh_database, "referral")
    assert check == Check(name, False, f"{total}; last looked at 2026-01-01 00:00:00 UTC")

    assert await found(fresh_database) == []


async def test_a_database_that_does_not_answer_is_a_problem() -> None:
    (check,) = await check_conservation("postgresql+asyncpg://siraba_ops:x@127.0.0.1:1/siraba")
    assert not check.holds
    assert "siraba_ops" not in check.found

import asyncio
import socket
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.database import is_outage, open_engine, reading_as
from deploy.migrate import ROLES
from tests.builders import CANARY
from tests.parts import Site
from tests.servers import Database


@pytest.fixture
async def work(fresh_database: Database) -> AsyncEngine:
    return open_engine(fresh_database.url("referral_work"), schema="referral", pool_size=2)


FAULTS = {
    "a number too large": ("select cast(:x as int)", 2**70),
    "text with a nul": ("select cast(:x as text)", "a\0b"),
    "half a character": ("select cast(:x as text)", "\ud800"),
    "no id": ("select cast(:x as uuid)", "nobody"),
    "a division by nothing": ("select 1 / (cast(:x as int) - 1)", 1),
    "a table that is not there": ("select cast(:x as int) from nowhere", 1),
    "a right that is missing": ("select cast(:x as int) from intake.cases", 1),
}


async def test_what_a_message_holds_is_its_own_fault(work: AsyncEngine) -> None:
    judged = {}
    for why, (statement, value) in FAULTS.items():
        with pytest.raises(DBAPIError) as failed:
            async with work.begin() as connection:
                await connection.execute(text(statement), {"x": value})
        judged[why] = is_outage(failed.value)
    await work.dispose()

    assert judged == dict.fromkeys(FAULTS, False)


async def test_a_session_that_ended_and_a_statement_that_was_stopped_are_outages(
    work: AsyncEngine, fresh_database: Database
) -> None:
    admin = open_engine(fresh_database.superuser_url, schema="public", pool_size=1)
    for how in ("pg_terminate_backend", "pg_cancel_backend"):
        async with work.connect() as connection:
            pid = await connection.scalar(text("select pg_backend_pid()"))
            await connection.commit()
            sleeping = asyncio.create_task(connection.execute(text("select pg_sleep(5)")))
            await asyncio.sleep(0.1)
            async with admin.begin() as other:
                await other.execute(text(f"select {how}(:pid)"), {"pid": pid})
            with pytest.raises(DBAPIError) as failed:
                await sleeping
            assert is_outage(failed.value)
            await connection.invalidate()
    await admin.dispose()
    await work.dispose()


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    engine = open_engine("postgresql+asyncpg://a:b@127.0.0.1:1/x", schema="referral", pool_size=1)
    with pytest.raises(ConnectionRefusedError) as failed:
        async with engine.begin():
            pass

    assert is_outage(failed.value)


async def test_two_that_wait_for_each_other_are_an_outage_for_the_one_that_gives_way(
    work: AsyncEngine,
) -> None:
    async with work.begin() as connection:
        for name in ("a", "b"):
            await connection.execute(
                text("insert into sequences (stream, key, last) values ('S', :name, 0)"),
                {"name": name},
            )

    async def take(first: str, second: str) -> None:
        async with work.begin() as connection:
            for name in (first, second):
                await connection.execute(
                    text("update sequences set last = last + 1 where key = :name"), {"name": name}
                )
                await asyncio.sleep(0.2)

    outcomes = await asyncio.gather(take("a", "b"), take("b", "a"), return_exceptions=True)

    (failed,) = [one for one in outcomes if one is not None]
    assert is_outage(failed)
    await work.dispose()


def test_a_pool_that_has_no_session_left_is_an_outage_and_a_plain_fault_is_not() -> None:
    assert is_outage(PoolTimeout())
    assert is_outage(TimeoutError())
    assert not is_outage(ValueError())
    assert not is_outage(KeyError())


async def test_an_error_names_no_parameter(work: AsyncEngine) -> None:
    with pytest.raises(ProgrammingError) as failed:
        async with work.begin() as connection:
            await connection.execute(text("select :x from nowhere"), {"x": CANARY})

    assert CANARY not in str(failed.value)
    await work.dispose()


ROWS = """
    insert into intake.cases (case_id, number, owner, registered_at, facts) values
        (:a, 'ML-A', 'POLICE_A', now(), '{}'), (:b, 'ML-B', 'SHELTER_B', now(), '{}');
"""
STEPS = """
    insert into intake.steps (referral_id, step, case_id, organisation, service, at) values
        (:a, 'offered', :a, 'SHELTER_B', 'shelter', now()),
        (:b, 'offered', :b, 'POLICE_A', 'shelter', now())
"""
REFERRED = """
    insert into referral.cases (case_id, owner, facts, recorded_at) values
        (:a, 'POLICE_A', '{}', now())
"""
REFERRALS = """
    insert into referral.referrals (referral_id, case_id, owner, organisation, organisation_kind,
        service, urgency, ground, rank, state)
    values (:a, :a, 'POLICE_A', 'SHELTER_B', 'shelter', 'shelter', 'urgent_72h', 'consent', 1,
        'offered')
"""


async def filled(site: Site) -> None:
    ids = {"a": uuid4(), "b": uuid4()}
    for statement in (ROWS, STEPS):
        await site.run(statement, **ids)
    for statement in (REFERRED, REFERRALS):
        await site.run(statement, a=ids["a"])


async def test_the_web_role_sees_the_rows_of_one_organisation_only(site: Site) -> None:
    await filled(site)
    async with site.parts("intake") as parts:
        seen = {}
        for organisation in ("POLICE_A", "SHELTER_B", "NOBODY", "", "' or true --"):
            async with reading_as(parts.web, organisation) as connection:
                numbers = await connection.execute(text("select number from cases"))
                steps = await connection.scalar(text("select count(*) from steps"))
                seen[organisation] = (list(numbers.scalars()), steps)

    assert seen.pop("POLICE_A") == (["ML-A"], 1)
    assert seen.pop("SHELTER_B") == (["ML-B"], 1)
    assert set(map(str, seen.values())) == {str(([], 0))}


async def test_without_a_name_the_web_role_sees_nothing_also_after_somebody_read(
    site: Site,
) -> None:
    await filled(site)
    async with site.parts("intake") as parts:
        for _ in range(2):
            async with parts.web.connect() as connection:
                assert await connection.scalar(text("select count(*) from cases")) == 0
            async with reading_as(parts.web, "POLICE_A") as connection:
                assert await connection.scalar(text("select count(*) from cases")) == 1


async def test_a_referral_is_seen_by_its_recipient_and_its_owner_and_nobody_else(
    site: Site,
) -> None:
    await filled(site)
    async with site.parts("referral") as parts:
        seen = {}
        for organisation in ("POLICE_A", "SHELTER_B", "HOSPITAL_C"):
            async with reading_as(parts.web, organisation) as connection:
                query = text("select count(*) from referrals")
                seen[organisation] = await connection.scalar(query)

    assert seen == {"POLICE_A": 1, "SHELTER_B": 1, "HOSPITAL_C": 0}


FORBIDDEN = [
    ("intake", "select * from dossiers"),
    ("intake", "select * from idempotency"),
    ("intake", "select * from outbox"),
    ("intake", "insert into cases values (gen_random_uuid(), 'x', 'POLICE_A', now(), '{}')"),
    ("intake", "update cases set owner = 'POLICE_A'"),
    ("intake", "delete from cases"),
    ("intake", "alter table cases disable row level security"),
    ("intake", "set role intake_work"),
    ("intake", "select * from referral.referrals"),
    ("referral", "select * from cases"),
    ("referral", "update referrals set state = 'accepted'"),
    ("referral", "select * from intake.dossiers"),
]


async def refused(engine: AsyncEngine, statement: str, organisation: str) -> bool:
    try:
        async with reading_as(engine, organisation) as connection:
            await connection.execute(text(statement))
    except ProgrammingError:
        return True
    return False


async def test_the_web_role_may_do_nothing_else(fresh_database: Database) -> None:
    done = []
    for service, statement in FORBIDDEN:
        web = open_engine(fresh_database.url(f"{service}_web"), schema=service, pool_size=1)
        if not await refused(web, statement, "POLICE_A"):
            done.append(statement)
        await web.dispose()

    assert done == []


async def test_no_role_but_intakes_own_reads_a_dossier(fresh_database: Database) -> None:
    query, read = "select ciphertext from intake.dossiers", []
    for role in (one for one in ROLES if one not in ("siraba_owner", "intake_work")):
        engine = open_engine(fresh_database.url(role), schema="intake", pool_size=1)
        if not await refused(engine, query, "POLICE_A"):
            read.append(role)
        await engine.dispose()

    assert read == []


async def test_both_ends_give_up_a_line_on_which_nothing_comes_through(work: AsyncEngine) -> None:
    async with work.connect() as connection:
        theirs = await connection.scalar(text("show tcp_user_timeout"))
        probes = await connection.scalar(text("show tcp_keepalives_idle"))
        raw = (await connection.get_raw_connection()).driver_connection
        line = raw._transport.get_extra_info("socket")  # type: ignore[union-attr]  # asyncpg's own
        ours = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        watched = line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    await work.dispose()

    assert (theirs, probes) == ("10000", "4")
    assert (ours, bool(watched)) == (10_000, True)

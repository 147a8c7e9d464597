"""What was published is written down, and every later table is judged by it."""

import random

import pytest
from sqlalchemy import text

from deploy.embedded.processes import ServerError
from deploy.reports import drawn
from services.reporting.domain.disclosure import PUBLIC_K, Cell, Groups, Unpublishable
from services.reporting.gateways.interval_solver import Bounding
from services.reporting.use_cases.publishing import publish_tables
from tests.ledger import Figure, Form
from tests.reporting.conftest import one_database
from tests.reporting.happenings import Roles, engines, take
from tests.reporting.populations import a_population, cells_of, recovered
from tests.reporting.test_api import SECRET_WORD
from tests.reporting.test_publications import count
from tests.reporting.test_report import a_year, edition
from tests.servers import PostgresServer
from tests.trust.telling import say

__all__ = ["one_database"]
pytestmark = pytest.mark.share("figures")
SEED = 20261129
PERSONS = {"girl 01": 40, "girl 02": 30, "boy 01": 3, "boy 02": 50}
WHOLE = [Cell(name="all", groups=frozenset(PERSONS), value=123)]
#: Harmless alone: the sum of many. With the whole it tells of three boys.
MOST = [Cell(name="most", groups=frozenset(PERSONS) - {"boy 01"}, value=120)]


async def publish(roles: Roles, release: str, cells: list[Cell]) -> frozenset[str]:
    async with roles.work.begin() as connection:
        return await publish_tables(
            connection, release, cells, k=PUBLIC_K, solve=Bounding(wide=PUBLIC_K)
        )


async def registered(roles: Roles) -> dict[Groups, int | None]:
    async with roles.work.connect() as connection:
        found = await connection.execute(text("select groups, value from published"))
        return {frozenset(row.groups): row.value for row in found}


async def test_a_later_table_is_judged_by_all_that_is_out(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    async with engines(database) as roles:
        assert await publish(roles, "2025", WHOLE) == frozenset()
        assert await publish(roles, "2025 girls", MOST) == {"most"}
        assert await registered(roles) == {WHOLE[0].groups: 123, MOST[0].groups: None}
        # Once more, as after a crash, it is what it was.
        assert await publish(roles, "2025 girls", MOST) == {"most"}
        assert len(await registered(roles)) == 2
    postgres_server.drop(database)


async def test_another_content_under_a_known_name_is_refused_and_nothing_is_written(
    postgres_server: PostgresServer,
) -> None:
    database = postgres_server.new_database()
    async with engines(database) as roles:
        await publish(roles, "2025", WHOLE)
        other = [Cell(name="all", groups=WHOLE[0].groups, value=124)]
        for release in ("2025", "2025 again"):
            with pytest.raises(Unpublishable):
                await publish(roles, release, other)
        assert await registered(roles) == {WHOLE[0].groups: 123}
    postgres_server.drop(database)


async def test_what_is_registered_cannot_be_taken_back(roles: Roles) -> None:
    async with roles.work.connect() as connection:
        for table in ("update published set value = 0", "delete from published"):
            with pytest.raises(Exception, match="permission denied"):
                await connection.execute(text(table))
            await connection.rollback()


async def test_five_releases_one_after_the_other_tell_no_small_number(
    postgres_server: PostgresServer, form: Form, figure: Figure
) -> None:
    apart = together = 0
    say(f"seed {SEED}")
    for nth in range(form.pick(short=3, long=500)):
        chance = random.Random(SEED + nth)
        persons = a_population(chance)
        cells = cells_of(persons)
        database = postgres_server.new_database()
        known: dict[Groups, int] = {}
        alone: dict[Groups, int] = {}
        async with engines(database) as roles:
            for release in range(5):
                table = chance.sample(cells, k=8)
                hidden = await publish(roles, str(release), table)
                known |= {one.groups: one.value for one in table if one.name not in hidden}
                by_itself = {one for one in table if not 0 < one.value < PUBLIC_K}
                alone |= {one.groups: one.value for one in by_itself}
        postgres_server.drop(database)
        together += recovered(persons, known, k=PUBLIC_K)
        apart += recovered(persons, alone, k=PUBLIC_K)
    assert apart > 0
    figure(
        "figures.attack.sequences_recovered", together, unit="cells", bound="0",
        holds=together == 0, control=apart, seed=SEED,
    )  # fmt: skip


async def test_a_fact_that_cannot_be_read_stops_the_report_by_its_division_and_leaves_nothing(
    roles: Roles,
) -> None:
    await take(roles.work, a_year(2001).events)
    tables = ("editions", "published", "edition_files", "outbox", "publications")
    before = [await count(roles, one) for one in tables]
    which = edition(year=2001)
    await exploited_as(roles, SECRET_WORD)

    with pytest.raises(ServerError) as refused:
        await drawn(roles.work, which, progress=lambda: None)

    assert str(refused.value).endswith("a code that its list has not: exploitation")
    assert [await count(roles, one) for one in tables] == before
    # The control: what can be read is published, and those are the tables that it changes.
    await exploited_as(roles, "forced_labour")
    await drawn(roles.work, which, progress=lambda: None)
    assert await count(roles, "editions") == before[0] + 1
    assert await count(roles, "outbox") == before[3] + 1


async def exploited_as(roles: Roles, code: str) -> None:
    async with roles.work.begin() as connection:
        await connection.execute(
            text("update facts_cases set exploitation = array[:code]"), {"code": code}
        )

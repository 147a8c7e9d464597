"""The search beside others at work on the same cases, and what the roles of the database see of it."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chassis.database import reading_as
from services.intake.domain.fingerprints import fingerprints
from services.intake.domain.persons import person_of
from services.intake.store.fingerprints import may_search
from services.intake.use_cases.finding import CANDIDATES, search_some
from tests.intake.pairs import GIRL, SPELT_OTHERWISE
from tests.parts import Site

pytestmark = pytest.mark.share("sealed")
KEY = b"p" * 32
PLACE = (
    text("""
        insert into intake.cases (case_id, number, owner, registered_at, facts)
        values (:id, :number, :owner, :at, '{}')
    """),
    text("insert into intake.new_fingerprints values (:id, cast(:tokens as bytea[]))"),
)


async def placed(site: Site, identity: dict[str, str], owner: str) -> UUID:
    """A case that has come in and that nobody has searched for."""
    return (await placed_often(site, identity, owner, count=1))[0]


async def placed_often(
    site: Site, identity: dict[str, str], owner: str, *, count: int
) -> list[UUID]:
    prints = fingerprints(person_of(identity, sex="female"), key=KEY)
    ids = [uuid4() for _ in range(count)]
    rows = [
        {
            "id": case_id,
            "number": f"ML-{case_id}",
            "owner": owner,
            "at": datetime.now(UTC),
            "tokens": [one.packed for one in prints],
        }
        for case_id in ids
    ]
    async with site.superuser() as connection:
        for statement in PLACE:
            await connection.execute(statement, rows)
    return ids


async def pairs(site: Site) -> list[tuple[str, str]]:
    rows = await site.rows(
        "select cast(earlier as text), cast(later as text) from intake.duplicates"
    )
    return [(row[0], row[1]) for row in rows]


async def test_of_two_processes_one_searches_and_a_pair_is_found_once(site: Site) -> None:
    one, other = await placed(site, GIRL, "POLICE_A"), await placed(site, GIRL, "SHELTER_B")
    async with site.parts("intake") as parts:
        async with parts.work.begin() as first, parts.work.begin() as second:
            assert await may_search(first)
            assert await search_some(second, mint=parts.mint) is None
        async with parts.work.begin() as connection:
            assert await search_some(connection, mint=parts.mint) == 2
        async with parts.work.begin() as connection:
            assert await search_some(connection, mint=parts.mint) == 0

    assert await pairs(site) == [(str(one), str(other))]


async def test_a_later_case_meets_those_that_were_searched_for_before(site: Site) -> None:
    async with site.parts("intake") as parts:
        ids = []
        for identity in (GIRL, SPELT_OTHERWISE, GIRL):
            ids.append(str(await placed(site, identity, "POLICE_A")))
            async with parts.work.begin() as connection:
                await search_some(connection, mint=parts.mint)

    assert set(await pairs(site)) == {(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])}


async def test_a_case_that_is_being_erased_is_waited_for_and_makes_no_pair(site: Site) -> None:
    gone, _ = await placed(site, GIRL, "POLICE_A"), await placed(site, GIRL, "SHELTER_B")
    async with site.parts("intake") as parts:

        async def search() -> int | None:
            async with parts.work.begin() as connection:
                return await search_some(connection, mint=parts.mint)

        async with site.superuser() as connection:
            await connection.execute(
                text("update intake.cases set number = null where case_id = :id"), {"id": gone}
            )
            await connection.execute(
                text("delete from intake.new_fingerprints where case_id = :id"), {"id": gone}
            )
            searching = asyncio.create_task(search())
            done, _ = await asyncio.wait([searching], timeout=0.5)
            assert not done
        assert await searching == 2

    assert await pairs(site) == []
    assert len(await site.rows("select 1 from intake.fingerprints")) == 1


async def test_a_name_that_half_a_town_has_makes_no_more_pairs_than_a_human_can_look_at(
    site: Site,
) -> None:
    await placed_often(site, GIRL, "POLICE_A", count=CANDIDATES + 5)
    async with site.parts("intake") as parts:
        async with parts.work.begin() as connection:
            await search_some(connection, mint=parts.mint)
        late = await placed(site, SPELT_OTHERWISE, "SHELTER_B")
        async with parts.work.begin() as connection:
            await search_some(connection, mint=parts.mint)

    assert sum(str(late) in pair for pair in await pairs(site)) == CANDIDATES


async def test_the_web_role_sees_the_pairs_of_one_organisation_and_no_fingerprint(
    site: Site,
) -> None:
    await placed(site, GIRL, "POLICE_A")
    await placed(site, GIRL, "SHELTER_B")
    async with site.parts("intake") as parts:
        async with parts.work.begin() as connection:
            await search_some(connection, mint=parts.mint)
        seen = {}
        for organisation in ("POLICE_A", "SHELTER_B", "NOBODY", ""):
            async with reading_as(parts.web, organisation) as connection:
                query = text("select count(*) from duplicates")
                seen[organisation] = await connection.scalar(query)
        for table in ("fingerprints", "new_fingerprints"):
            with pytest.raises(ProgrammingError):
                async with reading_as(parts.web, "POLICE_A") as connection:
                    await connection.execute(text(f"select 1 from {table}"))

    assert seen == {"POLICE_A": 1, "SHELTER_B": 1, "NOBODY": 0, "": 0}

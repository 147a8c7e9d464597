"""Whatever owners say and undo, in any order: one root and one owner a person, and events say the same."""

import random
from itertools import combinations
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.callers import Caller
from services.intake.domain.duplicates import DuplicateRefused
from services.intake.use_cases.disclosing import Discloser
from services.intake.use_cases.merging import Deciding, decide_pair, unmerge_pair
from tests.builders import NOON, a_mint
from tests.intake.vaults import a_vault, work_engine
from tests.ledger import Form
from tests.servers import Database

pytestmark = pytest.mark.share("sealed")
OWNERS = ("POLICE_A", "SHELTER_B", "HOSPITAL_C")
CASES = 6
PLACE = text("""
    insert into cases (case_id, number, owner, registered_at, facts)
    values (:id, :number, :owner, :at, '{}')
""")
PAIR = text("""
    insert into duplicates (pair_id, earlier, later, earlier_owner, earlier_first_owner, later_owner,
                            later_first_owner, kind, agreed)
    values (:id, :earlier, :later, :one, :one, :other, :other, 'exact', '{}')
""")
TABLES = text("select case_id, owner, coalesce(first_owner, owner), merged_into from cases")
PAIRS = text("""
    select pair_id, state, child, parent, earlier_owner = one.owner and later_owner = other.owner
    from duplicates join cases as one on one.case_id = earlier
    join cases as other on other.case_id = later
""")
EVENTS = text("""
    select distinct on (subject) cast(subject as uuid),
           cast(cast(convert_from(body, 'UTF8') as jsonb)->>'into' as uuid),
           cast(convert_from(body, 'UTF8') as jsonb)->>'owner'
    from outbox order by subject, position desc
""")


async def placed(
    connection: AsyncConnection, chance: random.Random
) -> tuple[dict[UUID, str], list[UUID]]:
    """(case → owner, pairs): cases of three owners, each a candidate for each."""

    def drawn() -> UUID:
        return UUID(int=chance.getrandbits(128), version=4)

    cases = {drawn(): OWNERS[nth % len(OWNERS)] for nth in range(CASES)}
    pairs = []
    async with connection.begin():
        for case_id, owner in cases.items():
            row = {"id": case_id, "number": str(case_id), "owner": owner, "at": NOON}
            await connection.execute(PLACE, row)
        for earlier, later in combinations(sorted(cases), 2):
            pairs.append(drawn())
            row = {"earlier": earlier, "later": later, "id": pairs[-1]}
            owners = {"one": cases[earlier], "other": cases[later]}
            await connection.execute(PAIR, row | owners)
    return cases, pairs


async def held(connection: AsyncConnection) -> dict[UUID, tuple[UUID, str]]:
    """Case → (root, owner) by the tables; fails where they contradict themselves."""
    rows = {row[0]: row for row in await connection.execute(TABLES)}

    def root(case_id: UUID) -> UUID:
        seen = []
        while (above := rows[case_id][3]) is not None:
            assert case_id not in seen, "a circle"
            seen.append(case_id)
            case_id = above
        return case_id

    found = {case_id: (root(case_id), row[1]) for case_id, row in rows.items()}
    for top, owner in found.values():
        assert owner == rows[top][1] == rows[top][2], "the root's own owner owns all"
    for _, state, child, parent, is_told in await connection.execute(PAIRS):
        assert is_told, "a pair asks whoever owns its cases"
        assert child is None or (state == "merged" and rows[child][3] == parent)
    links = {row[2] for row in await connection.execute(PAIRS) if row[2] is not None}
    assert links == {case_id for case_id, row in rows.items() if row[3] is not None}
    return found


async def said(connection: AsyncConnection, cases: dict[UUID, str]) -> dict[UUID, tuple[UUID, str]]:
    """Case → (root, owner) by each case's newest event alone, as other services read it."""
    found = {case_id: (case_id, owner) for case_id, owner in cases.items()}
    for case_id, into, owner in await connection.execute(EVENTS):
        found[case_id] = (into or case_id, owner)
    return found


async def test_tables_and_events_agree_on_root_and_owner_after_any_decision(
    fresh_database: Database, tmp_path: Path, form: Form
) -> None:
    chance, done = random.Random(20261124), {"merged": 0, "dismissed": 0}
    by = Discloser(mint=a_mint(), vault=a_vault(tmp_path), feed_key=b"f" * 32)
    url = fresh_database.url("intake_work")
    async with work_engine(url) as engine, engine.connect() as connection:
        cases, pairs = await placed(connection, chance)
        for _ in range(form.pick(short=150, long=3_000)):
            state = await one_act(connection, chance, pairs, by=by)
            if state in done:
                done[state] += 1
            async with connection.begin():
                assert await held(connection) == await said(connection, cases)
    assert min(done.values()) > 10


async def one_act(
    connection: AsyncConnection, chance: random.Random, pairs: list[UUID], *, by: Discloser
) -> str | None:
    """Somebody says, or undoes, something; refused as often as not."""
    who = Caller(organisation=chance.choice(OWNERS), role="officer")
    deciding = Deciding(who=who, pair_id=chance.choice(pairs), trace=None)
    try:
        async with connection.begin():
            if chance.random() < 0.3:
                return await unmerge_pair(connection, deciding, by=by)
            yes = chance.random() < 0.8
            return await decide_pair(connection, deciding, same_person=yes, by=by)
    except DuplicateRefused:
        return None

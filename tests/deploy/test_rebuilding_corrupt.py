"""What a rebuild makes of events that reporting could not take: what was decided stays decided."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from chassis.database import open_engine
from contracts.intake import CaseRegistered
from deploy.commands.context import AT_THE_SERVER
from deploy.dead_letters import Decision, decide
from deploy.keys import PROVISIONER
from deploy.migrate import OPERATIONS
from deploy.rebuilding import left_out, rebuild_facts
from services.reporting.store.facts import TABLES
from tests.journeys.bad_letters import FACTS, NOT_TEXT, OWNER, Saying, named
from tests.journeys.in_process import Town, running, town
from tests.parts import until
from tests.servers import PostgresServer

pytestmark = pytest.mark.share("figures")

LETTERS = "select reason, subject, state from reporting.dead_letters order by subject"
POSITIONS = "select subject, last from reporting.positions where last > 0 order by subject"
PARKED = "select subject, case_sequence from reporting.parked order by subject"
COUNTED = "select case_id::text from reporting.facts_cases"
OPEN = "select id, subject from reporting.dead_letters where state = 'open'"
UNSETTLED = "select id from reporting.dead_letters where state = 'discarded' and settled_at is null"
# A fault of the database for one case, gone by the time of the rebuild.
FAULT = f"""
    create function reporting.fault() returns trigger language plpgsql
        as $$ begin raise exception 'fault'; end $$;
    create trigger fault before insert on reporting.facts_cases for each row
        when (new.case_id = '{named("repaired")}') execute function reporting.fault();
"""
HURRY = "update reporting.attempts set tries = 4"
REPAIR = "drop trigger fault on reporting.facts_cases"
FORGET_DECISIONS = "update reporting.dead_letters set state = 'done' where state = 'discarded'"


@dataclass(frozen=True, slots=True)
class Standing:
    """All that reporting has made of the events, and what it waits for."""

    facts: dict[str, list[str]]
    letters: list[tuple[Any, ...]]
    positions: list[tuple[Any, ...]]
    parked: list[tuple[Any, ...]]


async def standing(place: Town) -> Standing:
    facts = {
        table: sorted(map(str, await place.rows(f"select * from reporting.{table}")))
        for table in TABLES
    }
    asked = [await place.rows(question) for question in (LETTERS, POSITIONS, PARKED)]
    return Standing(facts, *asked)


async def say_good_and_bad(place: Town) -> None:
    """One whole case; three whose first event cannot be taken, two of them with another behind."""
    event = CaseRegistered.model_validate(FACTS)
    async with place.nats.user("intake") as client:
        say = Saying(place, client.jetstream(timeout=5), "intake")
        await say(event, "repaired")
        for case in ("discarded", "waiting"):
            await say(event, case, body=NOT_TEXT)
            await say(event, case, number=2)
        await say(event, "whole")


async def discard(place: Town, *cases: str) -> None:
    """As an operator does."""
    for number, subject in await place.rows(OPEN):
        if subject in map(named, cases):
            one = Decision(
                service="reporting", number=number, verb="discard", reason="no_effect_needed"
            )
            assert await decide(place.database.url(OPERATIONS), one, by=AT_THE_SERVER)


async def rebuilt(place: Town) -> tuple[int, int]:
    """Rebuild as `siraba reporting rebuild` does; what it says is left out."""
    engine = open_engine(place.database.url("reporting_work"), schema="reporting", pool_size=1)
    try:
        seed = place.nats.seed_file(PROVISIONER)
        codes = tuple(place.keys)
        outcome = await rebuild_facts(engine, nats_url=place.nats.url, seed=seed, codes=codes)
        assert not outcome.refused
        return await left_out(engine)
    finally:
        await engine.dispose()


async def before_and_after(
    server: PostgresServer, *, forgets: bool
) -> tuple[Standing, Standing, tuple[int, int]]:
    """What stood before and after a rebuild. forgets: whether decisions are lost before it."""
    async with town(server, (OWNER,), services=()) as place:
        await place.run(FAULT)
        await say_good_and_bad(place)
        async with running(place, "reporting"):
            await until(lambda: place.rows("select 1 from reporting.attempts"))
            await place.run(HURRY)
            await until(lambda: _has(place, OPEN, 3), seconds=30)
            await place.run(REPAIR)
            await discard(place, "discarded", "repaired")
            await until(lambda: _has(place, COUNTED, 2), seconds=30)
            before = await standing(place)
            if forgets:
                await place.run(FORGET_DECISIONS)
            said = await rebuilt(place)
            cases = 2 if forgets else 3
            await until(lambda: _has(place, POSITIONS, cases), seconds=30)
            await until(lambda: _has(place, PARKED, len(before.parked) + forgets))
            await until(lambda: _has(place, UNSETTLED, 0))
            return before, await standing(place), said


async def _has(place: Town, question: str, count: int) -> bool:
    return len(await place.rows(question)) == count


def test_what_was_discarded_stays_out_and_what_waits_is_named(
    postgres_server: PostgresServer,
) -> None:
    before, after, said = asyncio.run(before_and_after(postgres_server, forgets=False))

    states = {subject: state for _, subject, state in before.letters}
    assert states == {
        named("repaired"): "discarded",
        named("discarded"): "discarded",
        named("waiting"): "open",
    }
    assert before.parked == [(named("waiting"), 2)]
    assert after == before
    assert said == (1, 2)

"""A rebuild that has forgotten what was discarded counts otherwise, and waits for it once more."""

import asyncio

import pytest

from tests.deploy.test_rebuilding_corrupt import before_and_after
from tests.journeys.bad_letters import named
from tests.servers import PostgresServer

pytestmark = pytest.mark.share("figures")


def test_without_its_decisions_a_rebuild_gives_other_facts(postgres_server: PostgresServer) -> None:
    before, after, said = asyncio.run(before_and_after(postgres_server, forgets=True))

    assert said == (1, 0)
    assert named("repaired") in str(after.facts["facts_cases"])
    assert named("repaired") not in str(before.facts["facts_cases"])
    assert {subject for _, subject, state in after.letters if state == "open"} == {
        named("discarded"),
        named("waiting"),
    }

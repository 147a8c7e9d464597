"""The doctor names a release with a known hole, offline, and says of what day its knowledge is."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.advisories import (
    Advisories,
    Advisory,
    Server,
    advisory_check,
    check_advisories,
    known_advisories,
)
from deploy.migrate import OPERATIONS
from tests.servers import Database, NatsServer

Start = Callable[..., NatsServer]

pytestmark = pytest.mark.share("operators")
KNOWN = Advisories(
    date(2026, 1, 2),
    (
        Advisory("NATS", "hole-1", ("2.12.7", "2.14.0")),
        Advisory("PostgreSQL", "hole-2", ("16.4", "17.2")),
    ),
)


@pytest.mark.parametrize(
    ("server", "release", "has"),
    [
        ("NATS", "2.12.6", True),
        ("NATS", "2.12.7", False),
        ("NATS", "2.12.10", False),
        ("NATS", "2.13.9", True),
        ("NATS", "2.14.0", False),
        ("NATS", "2.15.1", False),
        ("NATS", "v2.11.0-RC.1", True),
        ("PostgreSQL", "16.3", True),
        ("PostgreSQL", "16.14 (Debian 16.14-1)", False),
        ("PostgreSQL", "17.1", True),
        ("PostgreSQL", "15.9", True),
        ("PostgreSQL", "18.0", False),
    ],
)
def test_a_branch_is_judged_by_its_own_first_good_release(
    server: Server, release: str, has: bool
) -> None:
    assert bool(KNOWN.of(server, release)) is has
    assert advisory_check(server, release, KNOWN, embedded=False).holds is not has


@pytest.mark.parametrize("release", ["", "unknown", "16"])
def test_a_release_that_nobody_can_read_is_a_problem(release: str) -> None:
    assert not advisory_check("PostgreSQL", release, KNOWN, embedded=True).holds


def test_an_embedded_server_is_named_and_ends_no_trial() -> None:
    found = advisory_check("PostgreSQL", "16.3", KNOWN, embedded=True)
    assert found.holds
    assert "hole-2" in found.found
    assert "2026-01-02" in found.name


def test_the_list_is_read_whole_and_is_not_of_a_day_to_come() -> None:
    known = known_advisories()
    assert known.as_of <= datetime.now(UTC).date()
    ids = [(one.server, one.id) for one in known.advisories]
    assert len(set(ids)) == len(ids)
    assert {server for server, _ in ids} == {"NATS", "PostgreSQL"}


def test_a_list_with_a_server_that_we_do_not_run_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "advisories.yaml"
    other.write_text("as_of: 2026-01-02\nadvisories: [{server: Kafka, id: x, fixed: ['1.0']}]\n")
    with pytest.raises(ValidationError):
        known_advisories(other)


async def test_the_servers_that_run_are_asked_for_their_release(
    nats_server: Start, fresh_database: Database
) -> None:
    server = nats_server()
    found = await check_advisories(
        server.url, fresh_database.url(OPERATIONS), server.state, embedded=()
    )
    assert [one.name.split()[0] for one in found] == ["NATS", "PostgreSQL"]
    assert all(one.found[0].isdigit() for one in found)


async def test_servers_that_do_not_answer_are_problems(nats_server: Start) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    found = await check_advisories(
        "nats://127.0.0.1:1", nowhere, nats_server().state, embedded=("NATS", "PostgreSQL")
    )
    assert [one.holds for one in found] == [False, False]

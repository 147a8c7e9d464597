"""Pytest plugin: `postgres_server`, `fresh_database` and `nats_server`, all real and embedded."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.servers import Database, NatsServer, PostgresServer, running_nats, running_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One embedded cluster for the whole run, made when the first test asks for it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def next_database(postgres_server: PostgresServer) -> Iterator[Callable[[], Database]]:
    """Hands out fresh databases. One is always made ahead: a copy takes as long as most tests."""
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(postgres_server.new_database)

        def take() -> Database:
            nonlocal ahead
            taken = ahead.result()
            ahead = pool.submit(postgres_server.new_database)
            return taken

        yield take


@pytest.fixture
def fresh_database(
    postgres_server: PostgresServer, next_database: Callable[[], Database]
) -> Iterator[Database]:
    """A database of its own, with all roles, schemas and migrations; gone after the test."""
    database = next_database()
    yield database
    postgres_server.drop(database)


@pytest.fixture
def nats_server() -> Iterator[Callable[..., NatsServer]]:
    """`nats_server("POLICE_A", "SHELTER_B")` starts a provisioned server on a fresh store.

    For one server per module use `tests.servers.running_nats` in a fixture of your own.
    """
    with ExitStack() as stack:

        def start(*codes: str, provisioned: bool = True) -> NatsServer:
            return stack.enter_context(running_nats(codes, provisioned=provisioned))

        yield start

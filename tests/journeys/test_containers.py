"""The road on real containers: our image three times, PostgreSQL and NATS, as on servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.engines import known_partners
from deploy.keys import own_public_keys
from deploy.nats_config import Accounts
from deploy.platform import Platform, running_platform
from deploy.provision import emit
from deploy.settings import PlatformSettings
from deploy.state import State
from partners.kit import Keys, init
from tests.engine import IMAGE, NO_PODMAN, ServiceInContainer, build_image, podman, podman_answers
from tests.journeys.cases import Case
from tests.journeys.road import Road, known
from tests.ledger import Figure
from tests.servers import open_folder

OWNER = "INTL_MIGRATION"
POSTGRES = "docker.io/library/postgres:17-alpine"
NATS = "docker.io/library/nats:2.15-alpine"

CASE = {
    "detected_on": "2026-01-15",
    "region": "01",
    "sex": "female",
    "age_band": "18-24",
    "citizenship": ["MLI"],
    "exploitation": ["domestic_work"],
    "detection_channel": "ngo",
    "urgency": "urgent_72h",
    "needs": ["shelter"],
    "consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}],
}


pytestmark = [
    pytest.mark.docker,
    pytest.mark.share("operators"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not podman_answers(), reason=NO_PODMAN),
]


@pytest.fixture
async def platform() -> AsyncIterator[tuple[Platform, Keys]]:
    build_image()
    with open_folder() as folder, ExitStack() as stack:
        state = State(folder)
        state.prepare()
        keys = init(state.partners / OWNER, code=OWNER)
        nats = nats_container(state, folder / "conf")
        stack.callback(nats.stop)
        postgres = stack.enter_context(PostgresContainer(POSTGRES, driver="asyncpg"))
        settings = PlatformSettings(
            state_dir=folder,
            front_port=0,
            nats_url=f"nats://{nats.get_container_host_ip()}:{nats.get_exposed_port(4222)}",
            database_admin_url=SecretStr(postgres.get_connection_url()),
        )
        async with running_platform(settings, process=ServiceInContainer) as running:
            yield running, keys


def nats_container(state: State, folder: Path) -> DockerContainer:
    partners = known_partners(state, PlatformSettings())
    emit(folder, Accounts(own_public_keys(state), partners))
    (folder / "nats.conf").write_text(
        'port: 4222\nmax_payload: 1MB\ninclude "siraba-accounts.conf"\n'
        'include "siraba-jetstream.conf"\n'
    )
    container = DockerContainer(NATS).with_exposed_ports(4222)
    container = container.with_volume_mapping(str(folder), "/etc/siraba", "ro")
    container = container.with_command("-c /etc/siraba/nats.conf")
    container = container.waiting_for(LogMessageWaitStrategy("Server is ready"))
    return container.start()


async def test_a_case_travels_through_services_postgresql_and_nats_in_containers(
    platform: tuple[Platform, Keys], figure: Figure
) -> None:
    running, keys = platform
    async with httpx.AsyncClient(base_url=running.front_url, timeout=15) as client:
        road = Road(running, client, {OWNER: keys})
        await known(road)
        case = Case(OWNER, "in-containers-1", CASE)
        number = await road.submit_until_accepted(case)
        steps: list[str] = []
        async with asyncio.timeout(30):
            while "offered" not in steps:
                shown = await road.seen_by_owner(OWNER, number)
                steps = [step["step"] for step in shown["steps"]]
                await asyncio.sleep(0.2)
    assert "postgres" not in running.pids()
    assert "nats" not in running.pids()
    ours = podman("ps", "--filter", f"ancestor={IMAGE}", "--format", "{{.Names}}").stdout.split()
    running_ones = {name.split("-")[1] for name in ours}
    figure("operators.containers.journey", int(running_ones >= {"intake", "referral", "reporting"}))

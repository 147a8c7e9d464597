"""The road through deploy/compose.yaml, from outside: one address with TLS, and containers alone."""

import asyncio
import os
import re
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.embedded.processes import free_port
from deploy.platform import Platform
from deploy.settings import PlatformSettings
from partners.kit import Keys, init
from tests.engine import IMAGE, NO_PODMAN, ROOT, build_image, podman, podman_answers
from tests.journeys.cases import Case
from tests.journeys.road import Road, known
from tests.journeys.test_containers import CASE, OWNER
from tests.operators.test_rolling import PatientRoad
from tests.people.address import HTML, Visitor, words
from tests.servers import open_folder
from tests.trust.telling import say

pytestmark = [
    pytest.mark.docker,
    pytest.mark.long,
    pytest.mark.share("operators"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(not podman_answers(), reason=NO_PODMAN),
]
PROJECT = f"siraba{os.getpid()}"
LABEL = f"io.podman.compose.project={PROJECT}"
PROXY = "localhost/siraba-proxy:tests"
OURS = ("steward", "intake", "referral", "reporting", "front")
ALL = ("postgres", *OURS, "nats", "tls", "metrics")
#: The PostgreSQL that stands in on the engine makes its cluster without the words it is told.
ENGINES_OWN = "PostgreSQL data_checksums = on"


def compose(told: Mapping[str, str], *words: str) -> None:
    """podman-compose, as docs/deploy.md says."""
    done = subprocess.run(
        ["podman-compose", "-p", PROJECT, "-f", "deploy/compose.yaml", *words],
        env={**os.environ, **told}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def clear_away() -> None:
    """Whatever is left of the project, and nothing else."""
    label = f"label={LABEL}"
    # One that is just starting again may refuse to go the first time.
    while left := podman("ps", "--all", "--quiet", "--filter", label).stdout.split():
        podman("rm", "--force", "--time", "5", *left, check=False)
    podman("volume", "prune", "--force", "--filter", label)
    podman("network", "rm", "--force", f"{PROJECT}_inside")


def hand_in(folder: Path) -> None:
    """Lay an organisation's public keys into the state, as whoever runs the platform does."""
    laid = "cp -r /in/partners /var/lib/siraba/ && chown -R 10001:10001 /var/lib/siraba/partners"
    podman(
        "run", "--rm", "--user", "0", "--volume", f"{PROJECT}_state:/var/lib/siraba",
        "--volume", f"{folder}:/in:ro", "--entrypoint", "sh", IMAGE, "-c", laid,
    )  # fmt: skip


@dataclass(frozen=True)
class Composed:
    """Where it is reached, by whom it is vouched for, and the keys of an organisation in it."""

    folder: Path
    port: int
    keys: dict[str, Keys]

    @property
    def authority(self) -> ssl.SSLContext:
        """What whoever comes from outside is told to believe."""
        return ssl.create_default_context(cafile=str(self.folder / "secrets" / "authority.pem"))


@pytest.fixture(scope="module")
def images() -> None:
    subprocess.run([ROOT / "deploy" / "system-packages", "podman-compose"], check=True)
    build_image()
    rules = ("--isolation", "chroot", "--network", "host", "--format", "docker", "--quiet")
    where = "deploy/compose"
    podman("build", *rules, "--tag", PROXY, "--file", f"{where}/proxy.Containerfile", where)


@pytest.fixture(scope="module")
def composed(images: None) -> Iterator[Composed]:
    with open_folder() as folder, ExitStack() as stack:
        keys = {OWNER: init(folder / "partners" / OWNER, code=OWNER)}
        subprocess.run([ROOT / "deploy/compose/make-secrets", folder / "secrets"], check=True)
        place = Composed(folder, free_port(), keys)
        told = {
            "SIRABA_IMAGE": IMAGE,
            "SIRABA_PROXY_IMAGE": PROXY,
            "SIRABA_COMPOSE_SECRETS": str(folder / "secrets"),
            "SIRABA_HTTPS_PORT": str(place.port),
            "SIRABA_NATS_PORT": str(free_port()),
        }
        stack.callback(clear_away)
        podman("volume", "create", "--label", LABEL, f"{PROJECT}_state")
        hand_in(folder)
        compose(told, "up", "-d", *ALL)
        yield place


@pytest.fixture
async def road(composed: Composed) -> AsyncIterator[Road]:
    address = f"https://localhost:{composed.port}"
    async with httpx.AsyncClient(base_url=address, timeout=15, verify=composed.authority) as client:
        outside = Platform(PlatformSettings(state_dir=composed.folder), print)
        yield Road(outside, client, composed.keys)


def container(name: str) -> str:
    return f"{PROJECT}_{name}_1"


async def up(road: Road) -> None:
    """Containers come up in any order, and start again until those they need are there."""
    async with asyncio.timeout(180):
        while True:
            try:
                await known(road)
            except (TimeoutError, httpx.TransportError):
                await asyncio.sleep(0.5)
            else:
                return


async def offered(road: Road, number: str) -> None:
    """Somebody has been asked to take the person on."""
    async with asyncio.timeout(60):
        while "offered" not in [
            step["step"] for step in (await road.seen_by_owner(OWNER, number))["steps"]
        ]:
            await asyncio.sleep(0.2)


async def test_a_case_travels_through_the_composed_platform_from_outside(road: Road) -> None:
    await up(road)
    await offered(road, await road.submit_until_accepted(Case(OWNER, "composed-1", CASE)))
    for name in OURS:
        user = podman("exec", container(name), "id", "-u").stdout.strip()
        assert user == "10001", name
    # What the image asks itself, engines ask by their own timers.
    for name in (*OURS[1:], "metrics"):
        podman("healthcheck", "run", container(name))
    doctor = podman("exec", container("steward"), "siraba", "doctor", check=False).stdout
    problems = [line for line in doctor.splitlines() if line.startswith("problem:")]
    # Which holes the engine's images have is not ours to say.
    expected = (ENGINES_OWN, "conservation", "has no hole")
    assert [one for one in problems if not any(word in one for word in expected)] == []
    assert "ok: NATS listens on loopback or with TLS" in doctor


async def test_operators_sign_in_at_the_one_address_and_see_how_all_is(
    road: Road, composed: Composed
) -> None:
    await up(road)
    said = podman(
        "exec", container("steward"), "siraba", "user", "invite", "o.sow",
        "--organisation", OWNER, "--role", "operator",
    ).stdout  # fmt: skip
    found = re.search(r"token=([\w-]+)", said)
    assert found is not None, said
    async with httpx.AsyncClient(
        base_url=road.http.base_url, headers={"accept": HTML}, timeout=15, follow_redirects=True,
        verify=composed.authority,
    ) as client:  # fmt: skip
        operator = Visitor(client)
        stranger = await operator.get("/operations/")
        assert stranger.status_code == httpx.codes.UNAUTHORIZED
        joined = await operator.join(found[1])
        assert joined.status_code == httpx.codes.OK, joined.text
        await operator.log_in("o.sow")
        page = await operator.get("/operations/")
    assert (page.status_code, page.url.path) == (httpx.codes.OK, "/operations/")
    for name in ("intake", "referral", "reporting"):
        assert name in words(page)


async def test_services_that_start_anew_one_by_one_under_load_lose_nothing_and_refuse_nobody(
    road: Road,
) -> None:
    await up(road)
    patient = PatientRoad(road.platform, road.http, road.keys)
    numbers: list[str] = []
    is_over = asyncio.Event()

    async def submit() -> None:
        while not is_over.is_set():
            case = Case(OWNER, f"rolling-{uuid4()}", CASE)
            numbers.append(await patient.submit_until_accepted(case))

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(submit())
        for _ in range(2):
            for name in ("intake", "referral", "reporting", "front"):
                await asyncio.to_thread(podman, "restart", "--time", "30", container(name))
                await up(road)
        is_over.set()

    say(f"{len(numbers)} accepted while eight restarts; callers met {dict(patient.met)}")
    # The control: whoever does not try again is refused.
    assert patient.met
    assert patient.left == 0
    assert len(set(numbers)) == len(numbers)
    for number in numbers:
        await offered(road, number)

"""The container image: small, without secrets, run by nobody in particular on a root it cannot write."""

import json
import re

import pytest

from tests.engine import IMAGE, NO_PODMAN, ROOT, build_image, in_image, podman, podman_answers
from tests.ledger import Figure

pytestmark = [
    pytest.mark.docker,
    pytest.mark.share("operators"),
    # Without a cache the engine fetches and compiles every dependency.
    pytest.mark.timeout(600),
    pytest.mark.skipif(not podman_answers(), reason=NO_PODMAN),
]
BASE = "docker.io/library/python:3.13-slim-trixie"
#: What private keys look like: NATS seeds, PEM.
SECRET = r"\bS[UAO][A-Z2-7]{56}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=[:space:]]{40}"
PLANTED = "SU" + "A" * 56


@pytest.fixture(scope="module", autouse=True)
def image() -> None:
    build_image()


def inspected(name: str) -> dict[str, object]:
    (found,) = json.loads(podman("image", "inspect", name).stdout)
    assert isinstance(found, dict)
    return found


def locked() -> set[str]:
    text = (ROOT / "requirements" / "runtime.txt").read_text()
    return set(re.findall(r"^([\w.-]+)(?:\[.*?\])?==", text, re.MULTILINE))


def test_the_image_is_small_above_its_base(figure: Figure) -> None:
    whole, base = (int(str(inspected(name)["Size"])) for name in (IMAGE, BASE))
    figure("operators.image.mb_above_base", round((whole - base) / 1e6))


def test_nobody_in_particular_runs_it_and_its_root_cannot_be_written() -> None:
    assert in_image("id", "-u").stdout.strip() == "10001"
    assert "siraba up" in in_image("siraba", "--help").stdout
    program = "import pathlib; pathlib.Path('/opt/siraba/written').touch()"
    refused = in_image("python", "-c", program, check=False)
    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr


def test_a_service_in_it_says_by_name_what_it_was_not_told() -> None:
    refused = in_image("siraba", "run", "intake", check=False)
    assert refused.returncode != 0
    assert "nats_seed_file: Field required" in refused.stderr


def test_its_list_of_parts_is_the_locked_list_and_nothing_it_was_built_with() -> None:
    parts = json.loads(in_image("cat", "/opt/siraba/sbom.json").stdout)["components"]
    named = {part["name"].lower().replace("_", "-").replace(".", "-") for part in parts}
    assert len(named) > 50
    assert named - {"siraba"} <= {name.replace(".", "-") for name in locked()}
    assert {"nats-py", "asyncpg", "cryptography", "siraba"} <= named
    assert {"pip", "setuptools", "cyclonedx-bom"}.isdisjoint(named)


def test_no_secret_is_in_the_image_or_its_history() -> None:
    search = f"grep -rlEz --binary-files=text '{SECRET}' /opt/siraba /tmp /run || true"
    assert in_image("sh", "-c", search).stdout.split() == []
    # The search finds one where there is one.
    assert in_image("sh", "-c", f"echo {PLANTED} | grep -cEz '{SECRET}'").stdout.strip() == "1"
    told = podman("history", "--no-trunc", "--format", "json", IMAGE).stdout
    assert not re.search(r"(?i)password|--secret|BEGIN|\bSU[A-Z2-7]{56}\b", told)

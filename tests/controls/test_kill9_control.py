import asyncio
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from contracts.topology import Reading, internal_subject
from deploy.drift import consumer_config
from deploy.jetstream import asked, connected
from deploy.keys import PROVISIONER
from tests.servers import NatsServer, running_nats
from tests.trust.auditor import Finding, compare

pytestmark = pytest.mark.share("fire")

SEED = 20261124
MESSAGES = 40
KILLS = 3
QUIET_SECONDS = 2.0


@pytest.mark.parametrize(("mode", "fault"), [("ack-first", "lost"), ("ack-last", "doubled")])
async def test_a_consumer_without_inbox_and_transaction_is_caught(
    mode: str, fault: str, tmp_path: Path
) -> None:
    """The same killer, the same auditor: what the platform is spared shows where it is unprotected."""
    with running_nats(("SHELTER_A",)) as server:
        sent = await _fill(server)
        effects = tmp_path / "effects"
        await asyncio.to_thread(_kill_again_and_again, server, mode, effects)
        found = effects.read_text().split()
    finding = compare(mode, acked=sent, found=found)
    assert len(getattr(finding, fault)) > 0, finding
    assert not finding.unexpected
    assert _other(finding, fault) == 0


def _other(finding: Finding, fault: str) -> int:
    return len(finding.doubled if fault == "lost" else finding.lost)


async def _fill(server: NatsServer) -> list[str]:
    await _redeliver_soon(server)
    ids = [str(uuid4()) for _ in range(MESSAGES)]
    async with server.user("intake") as client:
        jetstream = client.jetstream()
        for identity in ids:
            subject = internal_subject("intake", "case.registered", 1, subject_id=identity)
            headers = {"Nats-Msg-Id": identity, "ce-id": identity}
            await jetstream.publish(subject, b"{}", headers=headers)
    return ids


async def _redeliver_soon(server: NatsServer) -> None:
    """As the platform's durable, with a wait that a test can wait for."""
    durable = Reading("referral", "INTAKE").durable
    config = consumer_config(durable) | {"ack_wait": 1_000_000_000}
    async with connected(server.url, PROVISIONER, server.seed_file(PROVISIONER)) as client:
        await asked(
            client,
            f"CONSUMER.CREATE.{durable.stream}.{durable.name}",
            {"stream_name": durable.stream, "config": config},
        )


def _kill_again_and_again(server: NatsServer, mode: str, effects: Path) -> None:
    random = Random(SEED)
    for _ in range(KILLS):
        program = _start(server, mode, effects)
        before = _size(effects)
        while _size(effects) == before:
            time.sleep(0.01)
        time.sleep(random.uniform(0.1, 0.3))
        program.kill()
        program.wait()
    program = _start(server, mode, effects)
    _wait_for_quiet(effects)
    program.kill()
    program.wait()


def _start(server: NatsServer, mode: str, effects: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.controls.naive_consumer", mode, server.url]
    return subprocess.Popen([*command, str(server.seed_file("referral")), str(effects)])


def _wait_for_quiet(effects: Path) -> None:
    size, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        if (now := _size(effects)) != size:
            size, since = now, time.monotonic()
        time.sleep(0.05)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

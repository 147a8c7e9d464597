"""What a partner writes in JavaScript does the same job: on the real platform, killed midway."""

import asyncio
import json
import os
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from contracts.envelope import SIGNATURE, Envelope, encode_headers
from contracts.feed import ConsentWithdrawn, FeedTrimmed, KeysPublished
from contracts.keyring import Keyring
from contracts.signing import signed_payload
from contracts.topology import OUT, ingress_stream, out_subject
from deploy.jetstream import asked, connected
from deploy.keys import OPERATIONS, PROVISIONER, seed_file
from partners.kit import init
from tests.journeys.cases import Case
from tests.journeys.road import Road, running_road
from tests.partners.node import EXAMPLE, KNOWS, PROGRAM, NodeProgram, end_all, while_running
from tests.partners.platform import Platform, offer
from tests.signing import public_key, signer_of, write_platform_keys
from tests.trust.streams import Stored, read_streams

pytestmark = [pytest.mark.share("partners"), pytest.mark.timeout(240)]
POLICE, SHELTER = "POLICE_KAYES", "SHELTER_BENKADI_KAYES"
SEED = 20261129
REQUESTS = EXAMPLE.parents[2] / "contracts" / "schemas" / "requests"
FAR = datetime(2100, 1, 1, tzinfo=UTC)
STEPS = ("receive", "accept", "start", "deliver")
BODY = {
    "detected_on": "2026-01-15", "region": "01", "sex": "female", "age_band": "25-34",
    "citizenship": ["MLI"], "exploitation": ["domestic_work"], "detection_channel": "patrol",
    "urgency": "emergency_24h", "needs": ["shelter"],
    "consent": [{"recipient_kind": "shelter", "state": "given", "by": "person"}],
    "dossier": {"identity": {"full_name": "canary-G2"}, "medical": {"allergies": "canary-G5"}},
}  # fmt: skip


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    yield
    await end_all()


def test_it_is_as_short_as_we_say_and_names_no_registry() -> None:
    lines = [
        line
        for path in EXAMPLE.glob("*.js")
        for line in path.read_text().splitlines()
        if not re.match(r"\s*(//|\*|/\*\*|$)", line)
    ]
    locked = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    wanted = json.loads((EXAMPLE / "package.json").read_text())["dependencies"]

    assert len(lines) < 300
    assert all(locked[f"node_modules/{name}"]["version"] == given for name, given in wanted.items())
    assert all("integrity" in one and "resolved" not in one for path, one in locked.items() if path)


async def test_on_the_real_road_a_kill_midway_loses_nothing_and_doubles_nothing() -> None:
    async with running_road((POLICE, SHELTER)) as road:
        numbers = [await road.submit_until_accepted(case) for case in _cases(6)]
        shelter = NodeProgram(road.folder(SHELTER), road.platform.nats_url, ("--complete",))
        await shelter.start()
        await shelter.until(lambda: len(shelter.did("sent")) >= 5)
        assert await shelter.end(signal.SIGKILL) == -signal.SIGKILL
        before = len(shelter.did("sent"))
        await shelter.start()
        await shelter.until(lambda: len(shelter.did("received", "referral.delivered")) == 6)
        await shelter.until(lambda: len(shelter.did("opened")) >= 6)
        await _withdraw(road, numbers[0])
        await shelter.until(lambda: bool(shelter.did("sent", "consent.acknowledge")))
        await _settled(road)
        assert await shelter.end() == 0
        requests = await _requests(road)
        steps = [await _all_steps(road, number) for number in numbers]

    assert before < 6 * len(STEPS)
    assert steps == [["offered", "received", "accepted", "started", "delivered"]] * 6
    assert Counter(one.name for one in requests) == {
        **{f"referral.{step}": 6 for step in STEPS},
        "consent.acknowledge": 1,
    }
    assert len({(one.name, one.place) for one in requests}) == len(requests)
    _is_honest(shelter)


async def test_killed_again_and_again_it_answers_each_offer_once(
    platform: Platform, shelter: Path
) -> None:
    random = Random(SEED)
    program = NodeProgram(shelter, platform.url)
    offers = [offer() for _ in range(30)]
    for one in offers:
        await platform.tell("SHELTER_A", one)
    for _ in range(4):
        await program.start()
        await program.until(
            lambda: program.shown[-1:] != [] and program.shown[-1]["did"] != "ready"
        )
        await asyncio.sleep(random.uniform(0, 0.03))
        await program.end(signal.SIGKILL)
    await program.start()
    async with asyncio.timeout(60):
        while await platform.unacknowledged("SHELTER_A"):
            await asyncio.sleep(0.2)
    assert await program.end() == 0

    answers = Counter(
        (one.subject, json.loads(one.body)["referral_id"])
        for one in await platform.requests_of("SHELTER_A")
    )
    expected = [
        (f"in.SHELTER_A.referral.{verb}.v1", str(one.referral_id))
        for one in offers
        for verb in ("receive", "accept")
    ]
    assert answers == Counter(expected), f"seed {SEED}"


async def test_half_a_line_that_a_crash_left_is_no_obstacle(
    platform: Platform, shelter: Path
) -> None:
    program = NodeProgram(shelter, platform.url, ("--policy", "decline:capacity"))

    async def hear() -> None:
        await platform.tell("SHELTER_A", offer())
        await program.until(lambda: bool(program.did("sent", "referral.decline")))
        program.shown.clear()

    await while_running(program, hear)
    with (shelter / "journal.jsonl").open("a") as journal:
        journal.write('{"took":"/siraba/ref')
    await while_running(program, hear)
    await while_running(program, hear)

    assert len(await platform.requests_of("SHELTER_A")) == 6


async def test_a_gap_is_shown_and_what_was_trimmed_is_none(
    platform: Platform, shelter: Path
) -> None:
    program = NodeProgram(shelter, platform.url, ("--policy", "silent"))

    async def hear() -> None:
        await platform.tell("SHELTER_A", offer(), number=1)
        # Not by whom it names: its number has not come either.
        await platform.tell("SHELTER_A", offer(), number=4, by="intake")
        await platform.tell("SHELTER_A", offer(), number=6)
        await platform.tell("SHELTER_A", FeedTrimmed(numbers=(2, 4)), number=7)
        await program.until(lambda: len(program.did("received")) == 3)

    await while_running(program, hear)

    assert [line["missing"] for line in program.did("received")] == [[], [[2, 5]], [[3, 3], [5, 5]]]
    assert await platform.requests_of("SHELTER_A") == []


async def test_what_breaks_a_rule_is_kept_aside_and_answered_by_nothing(
    platform: Platform, shelter: Path
) -> None:
    program = NodeProgram(shelter, platform.url)
    unknown_code = offer().encode().replace(b"emergency_24h", b"emergency_24x")

    async def hear() -> None:
        tell = platform.tell
        await tell("SHELTER_A", offer(), body=b"\xff\xfe")
        await tell("SHELTER_A", offer(), body=unknown_code)
        await tell("SHELTER_A", offer(), headers={"ce-type": "ml.siraba.referral.vanished.v1"})
        await tell("SHELTER_A", offer(), subject="out.SHELTER_A.referral.accepted.v1")
        await tell("SHELTER_A", offer(), source="/partners/CLINIC_B")
        await tell("SHELTER_A", offer(), by="intake")
        await tell("SHELTER_A", _keys("intake"), source="/siraba/intake")
        await tell("SHELTER_A", offer())
        await program.until(lambda: bool(program.did("sent", "referral.accept")))

    await while_running(program, hear)

    assert [line["reason"] for line in program.did("aside")] == [
        "malformed", "unknown_code", "unknown_type", "wrong_subject",
        "foreign_key", "foreign_key", "wrong_source",
    ]  # fmt: skip
    assert len(await platform.requests_of("SHELTER_A")) == 2
    assert await platform.unacknowledged("SHELTER_A") == 0


async def test_a_batch_signed_once_is_believed_and_a_changed_branch_is_not(
    platform: Platform, shelter: Path
) -> None:
    """Trees of many shapes, for the program walks their branches with code of its own."""
    program = NodeProgram(shelter, platform.url, ("--policy", "silent"))
    sizes = (2, 3, 5, 8, 13)

    async def hear() -> None:
        for size in sizes:
            await _tell_batch(platform, size)
        await _tell_batch(platform, 7, is_changed=True)
        await platform.tell("SHELTER_A", offer(), number=1000)
        await program.until(lambda: any(m["number"] == 1000 for m in program.did("received")))

    await while_running(program, hear)

    assert len(program.did("received")) == sum(sizes) + 1
    assert [line["reason"] for line in program.did("aside")] == ["bad_signature"] * 7


async def test_new_keys_are_learnt_and_kept(platform: Platform, shelter: Path) -> None:
    program = NodeProgram(shelter, platform.url)
    _forget(shelter, "intake")

    async def hear() -> None:
        await platform.tell("SHELTER_A", _keys("intake"))
        await platform.tell("SHELTER_A", offer(), source="/siraba/intake")
        await program.until(lambda: bool(program.did("sent", "referral.accept")))

    await while_running(program, hear)

    assert _known(shelter) == {"intake", "referral", "reporting"}


async def test_a_doubtful_key_brings_none_and_an_end_never_moves_later(
    platform: Platform, shelter: Path
) -> None:
    program = NodeProgram(shelter, platform.url)
    _forget(shelter, "intake", doubt="referral")

    async def hear() -> None:
        await platform.tell("SHELTER_A", _keys("intake", "referral"))
        await program.until(lambda: bool(program.did("received", "keys.published")))

    await while_running(program, hear)

    assert _known(shelter) == {"referral", "reporting"}
    kept = Keyring.read((shelter / "platform-keys.json").read_bytes())
    assert kept.owned("referral", use="signing")[0].suspect_from == FAR


async def test_a_withdrawal_is_confirmed_once(platform: Platform, shelter: Path) -> None:
    program = NodeProgram(shelter, platform.url)
    told = ConsentWithdrawn(withdrawal_id=offer().referral_id, referral_id=offer().referral_id)

    async def hear() -> None:
        id = await platform.tell("SHELTER_A", told)
        await platform.tell("SHELTER_A", told, id=id, number=1)
        await program.until(lambda: bool(program.did("sent", "consent.acknowledge")))
        await platform.tell("SHELTER_A", offer())
        await program.until(lambda: bool(program.did("sent", "referral.accept")))

    await while_running(program, hear)

    (first, *rest) = await platform.requests_of("SHELTER_A")
    assert json.loads(first.body) == told.model_dump(
        mode="json", include={"withdrawal_id", "referral_id"}
    )
    assert len(rest) == 2


async def test_keys_that_others_can_read_are_refused(platform: Platform, shelter: Path) -> None:
    (shelter / "signing.key").chmod(0o644)
    program = NodeProgram(shelter, platform.url)

    await program.start()

    assert await program.end(signal.SIGCONT) == 1
    assert program.shown == []


@pytest.mark.parametrize(
    ("lacking", "complaint"),
    [
        ({"SIRABA_DIR": "nowhere"}, "SIRABA_DIR names the folder of your keys (ENOENT)"),
        ({"SIRABA_SCHEMAS": "nowhere"}, "SIRABA_SCHEMAS names the bundle's schemas/feed (ENOENT)"),
        ({"SIRABA_SCHEMAS": str(REQUESTS)}, "schemas/feed (these are others)"),
        ({}, "platform-keys.json is missing or broken"),
        ({"SIRABA_URL": "http://127.0.0.1:1"}, "speaks NATS (nats:// or tls://)"),
    ],
)
async def test_what_it_lacks_is_named_at_once_and_nothing_is_read(
    tmp_path: Path, lacking: dict[str, str], complaint: str
) -> None:
    init(tmp_path / "own", code="SHELTER_A")
    if "SIRABA_URL" in lacking:
        write_platform_keys(tmp_path / "own")
    places = {"SIRABA_DIR": str(tmp_path / "own"), "SIRABA_URL": "nats://127.0.0.1:1"}
    process = await asyncio.create_subprocess_exec(
        "node", PROGRAM, env=os.environ | places | KNOWS | lacking, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 1
    assert complaint in errors.decode()
    assert errors.decode().count("\n") == 1, "one line, without a stack"


async def test_a_key_the_platform_does_not_know_ends_it_and_says_so(
    platform: Platform, tmp_path: Path
) -> None:
    init(tmp_path / "new", code="SHELTER_A")
    write_platform_keys(tmp_path / "new")
    program = NodeProgram(tmp_path / "new", platform.url)

    await program.start()

    assert await program.end(signal.SIGCONT) == 1
    assert program.shown == []


async def test_a_server_that_goes_is_waited_for(platform: Platform, shelter: Path) -> None:
    program = NodeProgram(shelter, platform.url)

    async def hear() -> None:
        await platform.tell("SHELTER_A", offer())
        await program.until(lambda: len(program.did("sent")) == 2)
        platform.kill()
        await asyncio.sleep(0.5)
        await platform.start()
        await platform.tell("SHELTER_A", offer())
        await program.until(lambda: len(program.did("sent")) == 4)

    await while_running(program, hear)

    assert len(await platform.requests_of("SHELTER_A")) == 4


async def test_a_server_that_offers_no_tls_gets_no_signature(
    platform: Platform, shelter: Path
) -> None:
    program = NodeProgram(shelter, platform.url.replace("nats://", "tls://"))

    await program.start()
    await asyncio.sleep(2)

    assert program.shown == []
    assert await program.end(signal.SIGKILL) == -signal.SIGKILL


def _cases(count: int) -> list[Case]:
    return [Case(POLICE, f"case-{nth:04d}", BODY) for nth in range(count)]


def _forget(folder: Path, owner: str, *, doubt: str | None = None) -> None:
    """Take a service's key from what the partner knows; doubt another's from a far day on."""
    file = folder / "platform-keys.json"
    keys = [key for key in Keyring.read(file.read_bytes()).keys if key.owner != owner]
    doubted = [
        key.model_copy(update={"suspect_from": FAR if key.owner == doubt else None}) for key in keys
    ]
    file.write_text(Keyring(doubted).write())


def _known(folder: Path) -> set[str]:
    return {key.owner for key in Keyring.read((folder / "platform-keys.json").read_bytes()).keys}


def _keys(*owners: str) -> KeysPublished:
    return KeysPublished(keys=tuple(public_key(owner) for owner in owners))


async def _tell_batch(platform: Platform, size: int, *, is_changed: bool = False) -> None:
    """Offers under one signature, as the relay signs a round; `is_changed`: none is what was signed."""
    told = [offer() for _ in range(size)]
    subject = out_subject("SHELTER_A", "referral.offered", 1)
    headers = [
        encode_headers(
            Envelope(id=uuid4(), source="/siraba/referral", type=one.ce_type(), subject="a3f1")
        )
        for one in told
    ]
    payloads = [
        signed_payload(head, one.encode(), subject=subject)
        for head, one in zip(headers, told, strict=True)
    ]
    signatures = signer_of("referral").sign_events(payloads)
    for head, one, signature in zip(headers, told, signatures, strict=True):
        body = offer().encode() if is_changed else one.encode()
        await platform.put(subject, body, headers=head | {SIGNATURE: signature})


async def _withdraw(road: Road, number: str) -> None:
    answer = await road.http.post(
        f"/intake/cases/{number}/consents/withdrawals",
        json={"recipient_kind": "shelter", "by": "person"},
        headers=road.headers(POLICE),
    )
    assert (answer.status_code, answer.json()["told"]) == (201, [SHELTER])


async def _settled(road: Road) -> None:
    """Wait until nothing of the shelter's feed is unacknowledged."""
    seed = seed_file(road.platform.state, OPERATIONS)
    async with connected(road.platform.nats_url, OPERATIONS, seed) as client:
        async with asyncio.timeout(60):
            while True:
                info = await asked(client, f"CONSUMER.INFO.{OUT.name}.{SHELTER}")
                if info["num_pending"] + info["num_ack_pending"] == 0:
                    return
                await asyncio.sleep(0.2)


async def _requests(road: Road) -> list[Stored]:
    """All that the platform has stored from the shelter."""
    seed, name = seed_file(road.platform.state, PROVISIONER), ingress_stream(SHELTER).name
    return (await read_streams(road.platform.nats_url, seed, [name]))[name]


async def _all_steps(road: Road, number: str) -> list[str]:
    """What the owner is shown once the last step is among it: it may hear later than the shelter."""
    async with asyncio.timeout(60):
        while "delivered" not in (steps := await _steps(road, number)):
            await asyncio.sleep(0.2)
    return steps


async def _steps(road: Road, number: str) -> list[str]:
    shown = await road.seen_by_owner(POLICE, number)
    return [step["step"] for step in shown["steps"] if step["organisation"] == SHELTER]


def _is_honest(shelter: NodeProgram) -> None:
    """Nothing was refused to it, nothing is missing, and no line shows what a dossier holds."""
    assert not [line for line in shelter.shown if line["did"] == "aside"]
    assert not shelter.did("received", "request.refused")
    assert not shelter.did("received", "message.rejected")
    assert shelter.did("received")[-1]["missing"] == []
    assert "canary" not in json.dumps(shelter.shown)

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from contracts.feed import ConsentWithdrawn
from partners.kit import init
from partners.kit.cli import app
from tests.partners.platform import Platform, offer

pytestmark = pytest.mark.share("partners")

REFERRAL = "6f1e0c1e-0f53-4f4e-9a0c-2f5a2b1f7c11"
NOWHERE = "nats://127.0.0.1:1"


async def command(*arguments: str | Path, program: str = "partners.kit") -> tuple[int, str, str]:
    """Exit code, output and error output of the command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, *map(str, arguments),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    output, errors = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


@pytest.mark.parametrize("name", ["init", "listen", "send", "count", "status"])
def test_the_help_of_every_command_shows_an_example(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"], prog_name="siraba-partner")

    assert shown.exit_code == 0
    assert f"siraba-partner {name} " in shown.output.split("Example")[1]


def test_init_says_which_file_to_hand_over_and_never_replaces_one(tmp_path: Path) -> None:
    arguments = ["init", "--code", "SHELTER_A", "--dir", str(tmp_path / "a")]
    first = CliRunner().invoke(app, arguments)
    second = CliRunner().invoke(app, arguments)

    assert first.exit_code == 0
    assert "public.json" in first.output
    assert second.exit_code == 1
    assert "never overwritten" in second.output


def test_status_of_a_fresh_folder_says_that_there_is_nothing_yet(tmp_path: Path) -> None:
    init(tmp_path, code="SHELTER_A")
    shown = CliRunner().invoke(app, ["status", "--dir", str(tmp_path)])

    assert shown.output == f"{tmp_path}: nothing received or sent yet\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["count", "bed", "--places", "3", "--free", "1"], "one of: immediate_safety"),
        (["count", "shelter", "--places", "3", "--free", "4"], "no more are free"),
        (["send", "decline", REFERRAL], "decline needs --reason, one of: capacity"),
        (["send", "fail", REFERRAL], "fail needs --reason, one of: no_show"),
        (["send", "decline", REFERRAL, "--reason", "tired"], "one of: capacity"),
        (["send", "accept", REFERRAL, "--reason", "capacity"], "belongs to decline and fail only"),
        (["send", "accept", REFERRAL], "siraba-partner init"),
        (["listen", "--policy", "maybe"], "policy must be silent"),
        (["listen"], "siraba-partner init"),
        (["status"], "--dir or SIRABA_DIR"),
    ],
)
def test_wrong_input_is_explained_in_one_line(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--dir", str(tmp_path)])

    assert shown.exit_code == 1
    assert complaint in shown.output
    assert shown.output.count("\n") == 1


async def test_a_request_sent_without_connection_goes_out_with_the_next_listen(
    platform: Platform, shelter: Path
) -> None:
    platform.kill()
    code, output, errors = await command(
        "send", "accept", REFERRAL, "--dir", shelter, "--url", platform.url, "--patience", "0.5"
    )
    assert code == 3
    assert "goes out with the next listen or send" in output
    assert "no connection to" in errors
    await platform.start()

    code, _, _ = await command(
        "listen", "--dir", shelter, "--url", platform.url, "--until-idle", "0.5"
    )

    assert code == 0
    (stored,) = await platform.requests_of("SHELTER_A")
    assert json.loads(stored.body) == {"referral_id": REFERRAL}


async def test_listen_shows_one_plain_line_per_message_and_status_counts_it(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    await platform.tell("SHELTER_A", made)

    code, output, errors = await command(
        "listen", "--dir", shelter, "--url", platform.url, "--until-idle", "0.5"
    )

    assert (code, errors) == (0, "")
    ready, received, stopped = output.splitlines()
    assert "SHELTER_A is connected and listens" in ready
    assert (
        f"referral.offered     shelter  emergency_24h  01  referral {made.referral_id}" in received
    )
    assert "SHELTER_A has stopped" in stopped
    shown = CliRunner().invoke(app, ["status", "--dir", str(shelter), "--json"])
    assert json.loads(shown.output)["handled"] == 1
    assert "referrals offered" in CliRunner().invoke(app, ["status", "--dir", str(shelter)]).output


async def test_listen_answers_by_policy_and_tells_a_program_in_json(
    platform: Platform, shelter: Path
) -> None:
    made = offer()
    await platform.tell("SHELTER_A", made)

    _, output, _ = await command(
        "listen", "--dir", shelter, "--url", platform.url, "--until-idle", "0.5",
        "--json", "--policy", "decline:capacity",
    )  # fmt: skip

    lines = [json.loads(line) for line in output.splitlines()]
    assert [(line["did"], line.get("name")) for line in lines] == [
        ("ready", None),
        ("received", "referral.offered"),
        ("sent", "referral.receive"),
        ("sent", "referral.decline"),
        ("stopped", None),
    ]
    assert lines[1]["body"] == made.model_dump(mode="json")
    assert lines[3]["body"] == {"referral_id": str(made.referral_id), "reason": "capacity"}
    assert lines[3]["acknowledged"]


async def test_a_withdrawal_is_confirmed_when_a_person_says_so_and_not_before(
    platform: Platform, shelter: Path
) -> None:
    told = ConsentWithdrawn(withdrawal_id=uuid4(), referral_id=uuid4())
    await platform.tell("SHELTER_A", told)
    to_say, there = (
        f"send acknowledge {told.referral_id}",
        ("--dir", shelter, "--url", platform.url),
    )

    _, _, errors = await command("listen", *there, "--until-idle", "0.5")
    before = await platform.requests_of("SHELTER_A")
    waits = CliRunner().invoke(app, ["status", "--dir", str(shelter)]).output
    code, output, _ = await command(*to_say.split(), *there)
    again = CliRunner().invoke(app, [*to_say.split(), "--dir", str(shelter)])

    assert "erase what you were told" in errors
    assert to_say in errors
    assert to_say in waits
    assert (before, code) == ([], 0)
    assert "nothing comes of it in your feed unless it is refused" in output
    (sent,) = await platform.requests_of("SHELTER_A")
    assert json.loads(sent.body)["withdrawal_id"] == str(told.withdrawal_id)
    assert (again.exit_code, "waits to be confirmed" in again.output) == (1, True)
    assert to_say not in CliRunner().invoke(app, ["status", "--dir", str(shelter)]).output


async def test_an_unknown_key_ends_with_a_clear_line(platform: Platform, tmp_path: Path) -> None:
    await command("init", "--code", "SHELTER_A", "--dir", tmp_path / "new")

    code, output, errors = await command("listen", "--dir", tmp_path / "new", "--url", platform.url)

    assert (code, output) == (1, "")
    assert "does not know this key: hand public.json" in errors.splitlines()[-1]
    assert "Traceback" not in errors


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
async def test_the_example_answers_and_ends_in_order_when_told(
    platform: Platform, shelter: Path, stop: signal.Signals
) -> None:
    await platform.tell("SHELTER_A", offer())
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "partners.examples.answering", "--dir", shelter, "--url",
        platform.url, "--code", "SHELTER_A", "--policy", "decline:capacity:1",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    did: list[str] = []
    while did.count("sent") < 2:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        did.append(json.loads(line)["did"])
    process.send_signal(stop)
    _, errors = await asyncio.wait_for(process.communicate(), 10)

    assert did == ["ready", "received", "sent", "sent"]
    assert (process.returncode, errors) == (0, b"")
    names = [stored.subject for stored in await platform.requests_of("SHELTER_A")]
    assert names == ["in.SHELTER_A.referral.receive.v1", "in.SHELTER_A.referral.decline.v1"]


async def test_sending_says_when_siraba_has_the_request(platform: Platform, shelter: Path) -> None:
    code, output, errors = await command(
        "send", "receive", str(uuid4()), "--dir", shelter, "--url", platform.url
    )

    assert (code, errors) == (0, "")
    assert output.startswith("referral.receive has reached Siraba")

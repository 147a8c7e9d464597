"""The suite tells a program that does its part from one that is wrong in a single thing."""

import asyncio
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from contracts.keyring import Keyring, PublicKey, encode_base64url
from deploy import nats_permissions
from partners.conformance import Outcome, Report, ReportRefused, Verdict, verify_report
from partners.conformance.catalogue import CATALOGUE, NAMES
from partners.conformance.command import _last_line
from partners.conformance.page import write_page
from partners.conformance.report import DoorName, contracts_digest, sign_report
from partners.conformance.sandbox import partner_hears, partner_imports
from partners.conformance.suite import CHECKS, Examination
from partners.kit import SYSTEM, Keys, init, load
from tests.ledger import Figure, Form
from tests.partners.broken.others import OTHERS
from tests.partners.node import KNOWS, PROGRAM
from tests.servers import run_apart

pytestmark = [pytest.mark.share("partners"), pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
CODE = "SHELTER_A"
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
#: A program that is wrong in one thing, and the check that must say so.
BROKEN = {
    "answers_again": "duplicate",
    "believes_anybody": "signature",
    "ignores_withdrawals": "withdrawal",
}
BROKEN_BY_HTTP = "answers_again"


@dataclass(frozen=True, slots=True)
class Examined:
    """Every program's report; the Python example's as the command left it."""

    reports: dict[str, Report]
    exit_code: int
    folder: Path
    shown: str


@pytest.fixture(scope="module")
def examined() -> Iterator[Examined]:
    """All programs at once: they mostly wait."""
    with TemporaryDirectory(prefix="siraba-test-") as place:
        yield run_apart(_examine_all(Path(place)))


def test_the_examples_conform_by_each_door_they_know(examined: Examined) -> None:
    for program in ("python", "node", "printed_by_http"):
        report = examined.reports[program]
        assert not _failed(report), program
        assert report.conforms


async def test_each_broken_partner_fails_the_right_check_and_no_other(
    examined: Examined, figure: Figure, form: Form, tmp_path: Path
) -> None:
    """The long form has a partner for every check, so that none of them passes by itself."""
    right = {name: [check] for name, check in BROKEN.items()}
    failed = {name: _failed(examined.reports[name]) for name in BROKEN}
    if form.is_long:
        assert set(OTHERS) | set(BROKEN.values()) == set(NAMES)
        right |= {name: [name] for name in OTHERS}
        failed |= await _others_failed(tmp_path)

    assert failed == right
    assert not any(examined.reports[name].conforms for name in BROKEN)
    figure("partners.conform.broken_caught", sum(failed[name] == right[name] for name in BROKEN))


def test_the_last_thing_a_program_said_is_found_in_its_log(tmp_path: Path) -> None:
    log = tmp_path / "program.log"
    assert not _last_line(log)
    log.write_bytes(b"Traceback:\n  it cannot find \xff its keys  \n\n")
    assert _last_line(log) == "it cannot find \ufffd its keys"


def test_a_broken_partner_is_found_by_http_as_well(examined: Examined) -> None:
    report = examined.reports["broken_by_http"]
    assert (report.door, _failed(report)) == ("http", [BROKEN[BROKEN_BY_HTTP]])


def test_what_rests_on_a_failed_check_is_not_judged(examined: Examined) -> None:
    verdicts = {one.check: one for one in examined.reports["believes_anybody"].verdicts}

    assert verdicts["rotation"].outcome is Outcome.NOT_JUDGED
    assert verdicts["revoked"].said == "rests on rotation, signature"


def test_the_command_says_how_it_went_and_leaves_a_signed_report(examined: Examined) -> None:
    report = verify_report(
        (examined.folder / "report.json").read_bytes(),
        _ring(load(examined.folder / "keys")),
        code=CODE,
    )

    assert examined.exit_code == 0
    assert report == examined.reports["python"]
    assert report.contracts == contracts_digest()
    assert f"{CODE} conforms" in examined.shown
    assert f"{CODE} conforms" in (examined.folder / "report.html").read_text()
    assert '"did": "received"' in (examined.folder / "program.log").read_text()


def test_the_keys_that_sign_the_report_are_never_given_to_the_program(examined: Examined) -> None:
    assert not (examined.folder / "keys" / "ledger.sqlite3").exists()
    assert not (examined.folder / "keys" / "platform-keys.json").exists()


async def test_a_program_that_does_nothing_ends_or_signs_nothing_is_told_so(tmp_path: Path) -> None:
    unsigned = _on_the_kit("tests.partners.broken.others", "signs_nothing")
    silent, gone, loose = await asyncio.gather(
        _examination("sleep", "60", log=tmp_path / "a", patience=1).run(),
        _examination("false", log=tmp_path / "b", patience=1).run(),
        _examination(*unsigned, log=tmp_path / "c").run(),
    )

    assert silent.verdicts[0].said == "the offer was not accepted within 1 s"
    assert gone.verdicts[0].said == "the program ended by itself (exit code 1)"
    blamed = "it sent a request that cannot be taken (unsigned: siraba-signature)"
    assert loose.verdicts[0].said == blamed
    assert {one.outcome for one in silent.verdicts[1:]} == {Outcome.NOT_JUDGED}


async def test_told_to_stop_it_leaves_neither_server_nor_program(tmp_path: Path) -> None:
    options = ("--code", CODE, "--dir", str(tmp_path / "keys"), "--report", str(tmp_path / "r"))
    line = ("-m", "partners.kit", "conform", *options, "--", "sh", "-c", 'exec sleep 4711 "$@"')
    process = await asyncio.create_subprocess_exec(
        sys.executable, *line, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    async with asyncio.timeout(30):
        while (
            len(_running(str(tmp_path), "sleep 4711")) < 3
        ):  # the command, its server, its program
            await asyncio.sleep(0.05)
    process.terminate()

    assert await asyncio.wait_for(process.wait(), 30) == 1
    assert _running(str(tmp_path), "sleep 4711") == []


def test_every_check_of_the_catalogue_is_made_and_rests_on_earlier_ones() -> None:
    assert set(CHECKS) == set(NAMES)
    for place, entry in enumerate(CATALOGUE):
        assert set(entry.needs) <= set(NAMES[:place])


def test_the_sandbox_gives_the_rights_that_the_platform_gives() -> None:
    assert partner_imports(CODE) == nats_permissions.partner_imports(CODE)
    rights = nats_permissions.partner_rights(CODE)
    assert rights.publish == tuple(here for _, here in partner_imports(CODE))
    assert rights.subscribe == partner_hears(CODE)


def test_a_report_is_believed_only_from_its_own_organisation(tmp_path: Path) -> None:
    keys = init(tmp_path / "own", code=CODE)
    content = sign_report(_report(), keys.signing)
    other = init(tmp_path / "other", code="CLINIC_B")

    assert verify_report(content, _ring(keys), code=CODE) == _report()
    for ring, code in ((_ring(other), CODE), (_ring(keys), "CLINIC_B"), (Keyring(), CODE)):
        with pytest.raises(ReportRefused):
            verify_report(content, ring, code=code)


def test_a_report_that_was_changed_or_is_none_is_refused_without_showing_it(tmp_path: Path) -> None:
    keys = init(tmp_path / "own", code=CODE)
    file = json.loads(sign_report(_report(failed="slow"), keys.signing))
    better = json.loads(sign_report(_report(), init(tmp_path / "x", code=CODE).signing))
    changed = json.dumps(file | {"report": better["report"]}).encode()

    for content in (changed, b"", b"{}", b"canary", b"[" * 70_000, json.dumps(file)[:-9].encode()):
        with pytest.raises(ReportRefused) as refused:
            verify_report(content, _ring(keys), code=CODE)
        assert "canary" not in str(refused.value)


def test_a_report_of_a_key_that_had_ended_is_refused(tmp_path: Path) -> None:
    keys = init(tmp_path / "own", code=CODE)
    ended = _ring(keys, until=NOON - timedelta(seconds=1))

    with pytest.raises(ReportRefused, match="key_expired"):
        verify_report(sign_report(_report(), keys.signing), ended, code=CODE)


@pytest.mark.parametrize("failed", NAMES)
def test_one_failed_check_is_enough_not_to_conform(failed: str) -> None:
    assert _report().conforms
    assert not _report(failed=failed).conforms


def test_a_check_that_is_missing_or_comes_twice_does_not_conform() -> None:
    whole = _report()

    assert not whole.model_copy(update={"verdicts": whole.verdicts[:-1]}).conforms
    assert not whole.model_copy(update={"verdicts": whole.verdicts + whole.verdicts[:1]}).conforms


def test_the_page_shows_every_check_and_nothing_as_markup() -> None:
    page = write_page(_report(failed="slow", said="<script>alert(1)</script>"))

    assert page.count("<li class=") == len(NAMES)
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "does not conform" in page


def _report(*, failed: str = "", said: str = "") -> Report:
    verdicts = tuple(
        Verdict(
            check=name,
            outcome=Outcome.FAILED if name == failed else Outcome.PASSED,
            milliseconds=7,
            said=said,
        )
        for name in NAMES
    )
    return Report(code=CODE, at=NOON, contracts="0" * 64, verdicts=verdicts)


def _ring(keys: Keys, *, until: datetime | None = None) -> Keyring:
    raw = keys.signing.public_key().public_bytes_raw()
    key = PublicKey(
        owner=keys.code,
        use="signing",
        key=encode_base64url(raw),
        valid_from=NOON - timedelta(days=365),
        valid_until=until,
    )
    return Keyring([key])


def _examination(
    *command: str, log: Path, patience: float = 10, door: DoorName = "nats"
) -> Examination:
    return Examination(
        command=command,
        code=CODE,
        log=log,
        edge=SYSTEM,
        door=door,
        patience=patience,
        quiet=0.5,
    )


def _on_the_kit(module: str, *more: str) -> tuple[str, ...]:
    """The one line that makes the Python example a program that accepts every offer."""
    line = f'exec "$0" -m {module} --dir "$SIRABA_DIR" --url "$SIRABA_URL" --policy accept "$@"'
    return ("sh", "-c", line, sys.executable, *more)


def _printed() -> tuple[str, ...]:
    """The program that docs/partners.md prints, as a developer copies it."""
    page = (ROOT / "docs" / "partners.md").read_text("utf-8")
    (program,) = (part for part in page.split("```") if part.startswith("python\nimport json"))
    return (sys.executable, "-c", program.removeprefix("python"))


async def _examine_all(place: Path) -> Examined:
    programs = {
        "node": (
            "env",
            *(f"{name}={value}" for name, value in KNOWS.items()),
            "node",
            str(PROGRAM),
        ),
        **{name: _on_the_kit(f"tests.partners.broken.{name}") for name in BROKEN},
    }
    right = _on_the_kit("partners.examples.answering")
    command = asyncio.create_task(_by_command(place, right))
    by_http = {"printed_by_http": _printed(), "broken_by_http": programs[BROKEN_BY_HTTP]}
    reports = await _examine(programs | by_http, place, by_http=by_http)
    exit_code, shown = await command
    content = (place / "report.json").read_bytes()
    reports["python"] = verify_report(content, _ring(load(place / "keys")), code=CODE)
    return Examined(reports, exit_code, place, shown)


async def _others_failed(place: Path) -> dict[str, list[str]]:
    names, failed = sorted(OTHERS), {}
    for start in range(0, len(names), 4):
        some = names[start : start + 4]
        programs = {name: _on_the_kit("tests.partners.broken.others", name) for name in some}
        for name, report in (await _examine(programs, place)).items():
            failed[name] = _failed(report)
    return failed


def _running(*words: str) -> list[str]:
    """The command lines of this machine that hold one of the words."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in lines if any(word in line for word in words)]


def _failed(report: Report) -> list[str]:
    return [one.check for one in report.verdicts if one.outcome is Outcome.FAILED]


async def _examine(
    programs: Mapping[str, Sequence[str]], place: Path, *, by_http: Collection[str] = ()
) -> dict[str, Report]:
    """All at once: they mostly wait."""
    runs = (
        _examination(*line, log=place / name, door="http" if name in by_http else "nats").run()
        for name, line in programs.items()
    )
    return dict(zip(programs, await asyncio.gather(*runs), strict=True))


async def _by_command(place: Path, program: Sequence[str]) -> tuple[int, str]:
    options = ("--code", CODE, "--dir", str(place / "keys"), "--report", str(place))
    conform = ("-m", "partners.kit", "conform", *options, "--", *program)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *conform, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    shown, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, shown.decode()

import json
import subprocess
import sys
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest

from partners.verify import Export, Report, Unreadable, check, read_export, read_keys, read_roots
from tests.partners.exported import (
    CASE,
    DAY,
    OTHER,
    ROOTED,
    STRANGER,
    Document,
    a_keyring,
    a_world,
    encoded,
    witnessed,
)

pytestmark = pytest.mark.share("sealed")
KEYS = a_keyring().write().encode()
ROOT = Path(__file__).parents[2]
HEAVY = ("chassis", "contracts", "deploy", "joserfc", "nats", "pydantic", "services", "sqlalchemy")


def judged(exported: Document, *, roots: bytes | None = None, as_of: str | None = None) -> Report:
    known = witnessed(exported) if roots is None else roots
    return check(
        read_export(encoded(exported)), keys=read_keys(KEYS), roots=read_roots(known), as_of=as_of
    )


def places(report: Report) -> list[str]:
    return [finding.where for finding in report.findings]


def test_a_case_that_nobody_touched_is_whole() -> None:
    report = judged(a_world().exported())

    assert report.findings == ()
    assert (report.case, report.messages, report.looks) == (str(CASE), 12, 8)
    assert set(report.covered) == {"intake", "referral"}


def test_what_came_after_the_root_is_whole_too() -> None:
    world = a_world()
    roots = world.exported()
    later = deepcopy(world)
    later.say("intake")
    later.look("referral")
    exported = roots | {
        name: value for name, value in later.exported().items() if name in ("messages", "audit")
    }

    assert judged(exported).findings == ()


def test_a_service_that_never_spoke_of_the_case_is_shown_not_to_have() -> None:
    world = a_world()
    for nth in range(20):
        world.messages.pop(("referral", CASE), None)
        world.heads.pop(("REFERRAL", str(CASE)), None)
        world.say("referral", type(CASE)(int=nth + 500, version=4))
    exported = world.exported()

    assert judged(exported).findings == ()
    exported["proofs"]["referral"].pop()
    assert judged(exported).findings != ()


def test_dropping_all_that_a_service_said_shows() -> None:
    exported = a_world().exported()
    exported["messages"] = [one for one in exported["messages"] if one["stream"] == "INTAKE"]

    assert places(judged(exported)) == ["REFERRAL 1"]


def test_what_rests_on_an_older_root_than_the_witnesses_hold_is_named_with_both_days() -> None:
    world = a_world()
    old = world.exported()
    world.say("intake")
    new = world.exported(DAY + timedelta(days=1), ROOTED + timedelta(days=1))
    known = json.dumps({"roots": old["roots"] + new["roots"]}).encode()

    report = judged(old, roots=known)
    assert places(report) == ["root intake 2026-11-24", "root referral 2026-11-24"]
    assert "2026-11-23" in report.findings[0].fault
    assert judged(old, roots=known, as_of="2026-11-23").findings == ()
    assert judged(new, roots=known).findings == ()


def test_two_roots_of_one_day_are_two_stories() -> None:
    world = a_world()
    one = world.exported()
    world.say("intake")
    other = world.exported()
    known = json.dumps({"roots": one["roots"] + other["roots"]}).encode()

    assert "root intake 2026-11-23" in places(judged(other, roots=known))


def test_a_root_that_the_service_did_not_sign_is_none() -> None:
    exported = a_world().exported()
    exported["roots"][0]["size"] += 1

    assert places(judged(exported))[0] == "root intake 2026-11-23"


def test_without_any_root_nothing_is_called_whole() -> None:
    report = judged(a_world().exported(), roots=b'{"roots": []}')

    assert places(report) == ["roots", "INTAKE", "REFERRAL"]


def test_a_service_that_no_witness_has_a_root_of_is_not_called_whole() -> None:
    exported = a_world().exported()
    known = json.dumps({"roots": [one for one in exported["roots"] if one["service"] == "intake"]})

    assert places(judged(exported, roots=known.encode())) == ["REFERRAL"]


def test_a_message_is_judged_at_the_time_it_was_stored() -> None:
    exported = a_world().exported()
    document = json.loads(KEYS)
    for key in document["keys"]:
        key["valid_until"] = "2026-11-01T00:00:00Z"
    ended = read_keys(json.dumps(document).encode())
    report = check(read_export(encoded(exported)), keys=ended, roots=[])

    late = [f for f in report.findings if f.fault == "the key's time was over"]
    assert 0 < len(late) < len(exported["messages"])


def test_who_signed_and_about_whom_is_named() -> None:
    world = a_world()
    world.say("intake", key=STRANGER)
    world.say("referral")
    exported = world.exported()
    exported["messages"][0]["headers"]["ce-subject"] = str(OTHER)
    findings = judged(exported).findings

    assert ("INTAKE 7", "signed with an unknown key") in findings
    assert ("INTAKE 1", "is about another case") in findings
    assert ("INTAKE 1", "changed after it was signed") in findings


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'{"a":1,"a":1}', b'{"format":"siraba-evidence-2"}', b"[" * 9999],
)
def test_a_file_of_another_kind_is_unreadable(content: bytes) -> None:
    for read in (read_export, read_roots):
        with pytest.raises(Unreadable):
            read(content)


def test_a_header_that_nobody_signed_is_refused() -> None:
    exported = a_world().exported()
    exported["messages"][0]["headers"]["traceparent"] = "x"

    with pytest.raises(Unreadable, match="only what is signed"):
        read_export(encoded(exported))


def test_the_program_says_what_it_found_and_ends_so(tmp_path: Path) -> None:
    exported = a_world().exported()
    (tmp_path / "keys").write_bytes(KEYS)
    (tmp_path / "roots").write_bytes(witnessed(exported))
    command = (
        sys.executable, "-m", "partners.verify", str(tmp_path / "case"),
        "--keys", str(tmp_path / "keys"), "--roots", str(tmp_path / "roots"),
    )  # fmt: skip

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert run().returncode == 2
    (tmp_path / "case").write_bytes(encoded(exported))
    whole = run()
    assert (whole.returncode, whole.stderr) == (0, "")
    assert "nothing was changed, dropped or put in" in whole.stdout
    del exported["messages"][3]
    (tmp_path / "case").write_bytes(encoded(exported))
    cut = run()
    assert cut.returncode == 1
    assert "INTAKE 4" in cut.stdout
    (tmp_path / "case").write_bytes(b"{}")
    assert run().returncode == 2


def test_the_checker_stands_on_the_standard_library_and_cryptography_alone() -> None:
    program = (
        "import sys, partners.verify.__main__;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert shown.stdout.strip() == "[]"


def test_an_export_is_read_as_it_was_written() -> None:
    exported = a_world().exported()
    read: Export = read_export(encoded(exported))

    assert len(read.messages) == len(exported["messages"])
    assert {len(chains) for chains in read.audit.values()} == {2}

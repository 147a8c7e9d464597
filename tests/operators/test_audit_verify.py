"""`siraba audit verify` finds each way to change what stands there, and says what it cannot find."""

import asyncio
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from chassis.audit import Look
from chassis.evidence import RootKeeper
from contracts.callers import Caller
from contracts.feed import EvidenceRooted
from contracts.keyring import generate_signing_key
from contracts.signing import Signer
from deploy.audit_checks import check_audit
from deploy.cli import app
from deploy.evidence import all_roots
from deploy.migrate import OPERATIONS
from deploy.state import State
from tests.deploy.test_evidence_command import as_running
from tests.parts import Site, site
from tests.servers import PostgresServer

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("operators")]
OFFICER = Caller("POLICE_A", "officer")
KEY = generate_signing_key(b"k" * 32)
NIGHT = datetime.combine(datetime.now(UTC).date() + timedelta(days=2), time(0, 0, 40), UTC)
CASES = [UUID(int=nth, version=4) for nth in range(1, 9)]
CHAINS, ROOT, WITNESSED = (
    f"audit of referral: {what}" for what in ("chains", "newest root", "witnessed roots")
)
NEWEST = "(select chain, max(number) from referral.audit group by chain order by chain limit 1)"
TABLES = ("audit", "roots", "leaves")
#: What somebody with all rights does, and which lines name it.
CHANGES = {
    "a look is said to be another's": (
        "update referral.audit set organisation = 'OTHER' where number = 1", [CHAINS]),
    "a look is taken out": (
        "delete from referral.audit where number = 1", [CHAINS]),
    "a chain is cut short": (
        f"delete from referral.audit where (chain, number) in {NEWEST}", [ROOT]),
    "a digest is changed with its look": (
        "update referral.audit set organisation = 'OTHER', digest = sha256('x') where number = 2",
        [CHAINS]),
    "a leaf is made to fit": (
        "update referral.leaves set last = last + 1 where stream = 'AUDIT'", [ROOT]),
    "the root is another": (
        "update referral.roots set root = sha256('x')", [ROOT, WITNESSED]),
    "the root is gone": (
        "delete from referral.roots; delete from referral.leaves", [WITNESSED]),
}  # fmt: skip


async def rooted(site: Site) -> list[dict[str, object]]:
    """Twenty-four looks, a root over them, one look after it; what a witness holds."""
    async with site.parts("referral") as parts:
        for case in CASES * 3:
            await parts.reads.auditor.record(OFFICER, Look(action="case", case_id=case))
        keeper = RootKeeper(
            service="referral",
            engine=parts.work,
            signer=lambda: Signer(KEY),
            mint=parts.mint,
            message=EvidenceRooted.of,
            witnesses=(),
        )
        await keeper.once(NIGHT)
        await parts.reads.auditor.record(OFFICER, Look(action="case", case_id=CASES[0]))
    return [one.written() for one in await all_roots(site.database.url(OPERATIONS))]


async def problems(site: Site, held: list[dict[str, object]]) -> list[str]:
    checks = await check_audit(site.database.url(OPERATIONS), held)
    return [check.name for check in checks if not check.holds]


async def test_an_untouched_record_holds_and_is_counted(site: Site) -> None:
    held = await rooted(site)
    checks = await check_audit(site.database.url(OPERATIONS), held)
    assert [check for check in checks if not check.holds] == []
    (chains,) = [check for check in checks if check.name == CHAINS]
    assert chains.found == "25 looks"
    assert len(held) == 1


async def test_what_was_changed_is_named(site: Site, postgres_server: PostgresServer) -> None:
    held = await rooted(site)
    keep = "".join(
        f"alter table referral.{one} disable trigger all; create table kept_{one} as "
        f"table referral.{one}; "
        for one in TABLES
    )
    back = "".join(
        f"delete from referral.{one}; insert into referral.{one} table kept_{one}; "
        for one in TABLES
    )
    await postgres_server.execute(keep, database=site.database.name)
    found = {}
    for change, (statement, _) in CHANGES.items():
        await postgres_server.execute(statement, database=site.database.name)
        found[change] = await problems(site, held)
        await postgres_server.execute(back, database=site.database.name)
    assert found == {change: named for change, (_, named) in CHANGES.items()}
    assert await problems(site, held) == []


async def test_a_record_made_anew_shows_only_to_whoever_holds_a_root(
    site: Site, postgres_server: PostgresServer
) -> None:
    held = await rooted(site)
    emptied = "".join(
        f"alter table referral.{one} disable trigger all; delete from referral.{one}; "
        f"alter table referral.{one} enable trigger all; "
        for one in TABLES
    )
    await postgres_server.execute(emptied, database=site.database.name)
    await rooted(site)
    assert await problems(site, []) == []
    assert await problems(site, held) == [WITNESSED]


async def run(state: State, *arguments: str) -> Result:
    """The command as typed, in a thread of its own, since it has its own loop."""
    given = ["audit", "verify", *arguments, "--state-dir", str(state.root)]
    return await asyncio.to_thread(CliRunner().invoke, app, given)


async def test_the_command_says_so_by_its_exit_code(site: Site, tmp_path: Path) -> None:
    held = await rooted(site)
    state = as_running(site)
    file = tmp_path / "roots.json"
    file.write_text(json.dumps({"roots": held}))
    good = await run(state, "--json", "--roots", str(file))
    assert good.exit_code == 0, good.output
    assert all(check["holds"] for check in json.loads(good.stdout))

    file.write_text(json.dumps({"roots": [{**held[0], "root": "00" * 32}]}))
    changed = await run(state, "--roots", str(file))
    assert changed.exit_code == 1
    assert f"problem: {WITNESSED}" in changed.output

    file.write_text("no roots")
    broken = await run(state, "--roots", str(file))
    assert broken.exit_code == 1
    assert "roots.json: no file of roots" in broken.output

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner, Result

from chassis.trust import PLATFORM_KEYS
from deploy.checks import check_postgres
from deploy.commands.evidence import evidence
from deploy.directory import DirectoryError, load_directory
from deploy.keys import seed_file
from deploy.migrate import OPERATIONS
from deploy.service_process import Addresses, ServiceProcess
from deploy.settings import PlatformSettings
from deploy.state import State, write_secret
from partners.verify.__main__ import main
from services.intake.settings import IntakeSettings
from tests.intake.desks import Desk, open_desk
from tests.parts import Site, site, until

__all__ = ["site"]
pytestmark = pytest.mark.share("sealed")


@pytest.fixture
async def desk(site: Site) -> AsyncIterator[Desk]:
    async with open_desk(site) as opened:
        yield opened


def as_running(site: Site) -> State:
    """The state folder of a platform that would run on these servers."""
    state, url = site.server.state, make_url(site.database.url(OPERATIONS))
    write_secret(state.secrets / f"postgres-{OPERATIONS}.password", str(url.password))
    write_secret(
        state.secrets / PLATFORM_KEYS, (site.folder / PLATFORM_KEYS).read_text(encoding="utf-8")
    )
    database = {"host": url.host, "port": url.port, "database": url.database}
    status = {"front_url": "http://x", "nats_url": site.server.url, "database": database}
    write_secret(state.status_file, json.dumps(status))
    return state


async def run(state: State, *arguments: str) -> Result:
    """The command as typed, in a thread of its own, since it has its own loop."""
    given = [*arguments, "--state-dir", str(state.root)]
    return await asyncio.to_thread(CliRunner().invoke, evidence, given)


async def test_a_case_its_keys_and_the_roots_are_written_for_their_owner_only(
    desk: Desk, tmp_path: Path
) -> None:
    number = (await desk.post()).json()["case_number"]
    query = "select 1 from intake.outbox where sent_at is not null"
    await until(lambda: desk.site.rows(query))
    state = as_running(desk.site)
    case, keys, roots = (tmp_path / name for name in ("case.json", "keys.json", "roots.json"))
    done = [
        await run(state, "export", number, "--out", str(case)),
        await run(state, "keys", "--out", str(keys)),
        await run(state, "roots", "--out", str(roots)),
    ]

    assert [one.exit_code for one in done] == [0, 0, 0], [one.output for one in done]
    assert "1 messages, roots of no day yet" in done[0].output
    assert {stat.S_IMODE(path.stat().st_mode) for path in (case, keys, roots)} == {0o600}
    # Before the first night no root covers anything, and the checker says so.
    assert main([str(case), "--keys", str(keys), "--roots", str(roots)]) == 1


async def test_whoever_exports_a_case_is_on_record(desk: Desk, tmp_path: Path) -> None:
    number = (await desk.post()).json()["case_number"]
    query = "select 1 from intake.outbox where sent_at is not null"
    await until(lambda: desk.site.rows(query))
    await run(as_running(desk.site), "export", number, "--out", str(tmp_path / "case.json"))

    assert await desk.site.rows("select organisation, role, action from intake.audit") == [
        ("PLATFORM", "operator", "evidence.export")
    ]
    # A month has a chain of its own, and yesterday was another month once in a while.
    chains = json.loads((tmp_path / "case.json").read_text())["audit"]["intake"].values()
    assert [one.split("\n")[7] for chain in chains for one in chain] == ["evidence.export"]


async def test_a_case_that_is_not_there_is_said_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    done = await run(
        as_running(desk.site), "export", "ML-12-2026-000000-0", "--out", str(tmp_path / "x")
    )

    assert done.exit_code == 1
    assert "no case" in done.output or "not a case number" in done.output
    assert not (tmp_path / "x").exists()


async def test_the_doctor_sees_when_a_record_could_be_changed(site: Site) -> None:
    async def holds() -> bool:
        found = await check_postgres(site.database.url(OPERATIONS))
        return {one.name: one.holds for one in found}["looks and roots are only added to"]

    assert await holds()
    await site.run("alter table referral.roots disable trigger roots_only_grow")
    assert not await holds()
    await site.run("alter table referral.roots enable trigger roots_only_grow")
    await site.run("grant delete on intake.audit to intake_work")
    assert not await holds()


def test_the_directory_says_who_keeps_the_roots_and_each_service_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = load_directory(PlatformSettings().directory_file)
    codes = tuple(entry.code for entry in entries if entry.witness)
    state = State(tmp_path)
    state.prepare()
    process = ServiceProcess(
        "intake", port=1, state=state, addresses=Addresses("tls://n", "w", "k"), witnesses=codes
    )
    for name, value in process.environment().items():
        monkeypatch.setenv(name, value)

    assert len(codes) == 2
    assert IntakeSettings().witnesses == codes
    assert seed_file(state, "intake").exists()


def test_a_witness_needs_a_feed(tmp_path: Path) -> None:
    (tmp_path / "some.yaml").write_text(
        'organisations: [{code: AB, kind: justice, units: [{cercle: "1201"}], zones: ["12"], channel: desk,'
        " name_fr: a, name_en: a, services: [], witness: true}]"
    )
    with pytest.raises(DirectoryError, match="witness must have a feed"):
        load_directory(tmp_path / "some.yaml")

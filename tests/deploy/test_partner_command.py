import asyncio
import gc
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import httpx
import pytest
from typer.testing import CliRunner

from contracts.feed import RequestRefused
from contracts.keyring import Keyring
from contracts.requests import ReceiveReferral
from deploy.cli import app
from deploy.signing_keys import platform_keys
from partners.kit import Keys, NotAdmitted, Partner, init, load
from partners.kit.edge import SYSTEM
from partners.kit.ledger import Ledger
from partners.kit.link import Link
from partners.kit.renewing import NEXT, renew, take_into_use
from partners.kit.writing import Writer
from tests.deploy.reports import a_report
from tests.journeys.road import Road, running_road
from tests.ledger import Figure

pytestmark = [pytest.mark.connected, pytest.mark.share("partners"), pytest.mark.timeout(300)]
OLD, STAYS, NEW = "POLICE_KAYES", "PARQUET_KAYES", "CSREF_KITA"


@pytest.fixture
async def road() -> AsyncIterator[Road]:
    async with running_road((OLD, STAYS)) as running:
        yield running


async def siraba(road: Road, *arguments: object, fails: bool = False) -> str:
    """What `siraba partner …` says, in one line."""
    call = ["partner", *map(str, arguments), "--state-dir", str(road.platform.state.root)]
    result = await asyncio.to_thread(CliRunner().invoke, app, call, env={"COLUMNS": "160"})
    assert result.exit_code == int(fails), result.output
    return " ".join(result.output.split())


async def status(road: Road, code: str, keys: Keys) -> int:
    road.keys[code] = keys
    answer = await road.http.get("/intake/cases", headers=road.headers(code))
    return answer.status_code


async def listens(
    road: Road, folder: Path, *, url: str | None = None, patience: float | None = None
) -> None:
    """Its program connects and finds its feed."""
    (folder / "platform-keys.json").write_text(platform_keys(road.platform.state).write())
    async with Partner.open(
        folder, url=url or road.platform.nats_url, patience=patience
    ) as partner:
        async for _ in partner.deliveries(idle=0.2):
            pass


def own_folder(road: Road, tmp_path: Path) -> Path:
    """Its keys as they lie at the organisation, away from the platform's state."""
    return Path(shutil.copytree(road.folder(OLD), tmp_path / "own"))


async def test_an_organisation_is_let_in_while_all_others_go_on(road: Road, tmp_path: Path) -> None:
    async with Partner.open(road.folder(STAYS), url=road.platform.nats_url) as other:
        keys = init(tmp_path / "new", code=NEW)
        said = await siraba(road, "add", tmp_path / "new" / "public.json")
        assert said == f"Waiting for a report of conformance: {NEW}."
        with pytest.raises(NotAdmitted):
            await listens(road, tmp_path / "new", patience=1)
        await _no_other_report_will_do(road, tmp_path / "new", keys)
        said = await siraba(road, "activate", a_report(tmp_path / "new", keys))
        assert f"Let in: {NEW}." in said

        await listens(road, tmp_path / "new")
        async with asyncio.timeout(10):
            while await status(road, NEW, keys) != httpx.codes.OK:
                await asyncio.sleep(0.1)
        assert isinstance(other._link, Link)
        assert other._link._client.stats["reconnects"] == 0
    shown = await siraba(road, "show")
    assert f"{NEW} │ nats │ sealing" in shown
    await _is_handed_over_without_a_secret(road, tmp_path / "bundle")


async def _is_handed_over_without_a_secret(road: Road, folder: Path) -> None:
    said = await siraba(road, "bundle", folder, "--web", "https://siraba.example")
    keys = Keyring.read((folder / "platform-keys.json").read_bytes())
    assert all(key.id in said for key in keys.keys)
    assert json.loads((folder / "endpoints.json").read_text()) == {
        "nats": road.platform.nats_url,
        "web": "https://siraba.example",
    }
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.json")}
    for one in ("feed/ml.siraba.referral.offered", "requests/ml.siraba.referral.accept"):
        assert {f"schemas/{one}.v1.json", f"examples/{one}.v1.json"} <= names
    held = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    secrets = [
        path.read_bytes().strip()
        for path in road.platform.state.secrets.rglob("*")
        if path.is_file() and path.suffix != ".json"
    ]
    assert len(secrets) > 10
    assert not [secret for secret in secrets if secret in held]
    assert "exists already" in await siraba(road, "bundle", folder, fails=True)


async def _no_other_report_will_do(road: Road, folder: Path, keys: Keys) -> None:
    thief = init(folder / "thief", code=NEW)
    wrong = {
        "not signed by a key of": a_report(folder / "thief", thief),
        f"{NEW} does not conform: poison": a_report(folder, keys, failed="poison"),
    }
    for said, report in wrong.items():
        assert said in await siraba(road, "activate", report, fails=True)
    old = a_report(folder, keys, age=timedelta(days=31))
    assert "older than 30 days" in await siraba(road, "activate", old, fails=True)
    other = a_report(folder, keys, contracts="0" * 64)
    assert "examined with other messages" in await siraba(road, "activate", other, fails=True)
    stranger = a_report(folder, road.keys[STAYS])
    assert "nobody waits with it" in await siraba(road, "activate", stranger, fails=True)


async def test_keys_that_are_replaced_end_and_what_waits_is_signed_anew(
    road: Road, tmp_path: Path
) -> None:
    mine = own_folder(road, tmp_path)
    waiting = stored_request(mine)
    renew(mine)
    await siraba(road, "add", mine / NEXT / "public.json")

    for url in (road.platform.nats_url, road.platform.front_url):
        with pytest.raises(NotAdmitted):
            await listens(road, mine, url=url)
    take_into_use(mine, now=datetime.now(UTC))
    (mine / "platform-keys.json").write_text(platform_keys(road.platform.state).write())
    said = ""
    async with Partner.open(mine, url=road.platform.nats_url) as partner:
        assert (await partner.deliver(waiting)).acknowledged
        async with asyncio.timeout(20):
            async for delivery in partner.deliveries():
                if isinstance(delivery.message, RequestRefused):
                    said = delivery.message.reason
                    break
    assert said == "unknown_referral", "so it was believed"


def stored_request(folder: Path) -> UUID:
    """A request that was written while the platform could not be reached."""
    ledger = Ledger.open(folder)
    try:
        writer = Writer(ledger=ledger, edge=SYSTEM, keys=load(folder))
        return writer.store(ReceiveReferral(referral_id=uuid4()))
    finally:
        ledger.close()


async def test_only_keys_that_are_proven_and_vouched_for_are_taken(
    road: Road, tmp_path: Path
) -> None:
    await _a_stranger_keeps_all_out(road, tmp_path / "listed")
    await _a_thief_is_not_vouched_for(road, tmp_path / "thieves")
    await _without_the_officer_nobody_is(road, tmp_path / "vouched")


async def _a_stranger_keeps_all_out(road: Road, folder: Path) -> None:
    init(folder / "new", code=NEW)
    init(folder / "stranger", code="STRANGER")
    files = [folder / name / "public.json" for name in ("new", "stranger")]

    said = await siraba(road, "add", *files, fails=True)

    assert said == "siraba: not in the directory file: STRANGER"
    assert not (road.platform.state.waiting / f"{NEW}.json").exists()


async def _a_thief_is_not_vouched_for(road: Road, folder: Path) -> None:
    init(folder / "thief", code=OLD)
    init(folder / "forger", code=NEW)
    forged = folder / "forger" / "public.json"
    document = json.loads(forged.read_text())
    forged.write_text(json.dumps(document | {"sealing": road.keys[STAYS].public()["sealing"]}))

    said = await siraba(road, "add", folder / "thief" / "public.json", fails=True)
    assert "replaces keys without the signature of the earlier one" in said
    said = await siraba(road, "add", forged, fails=True)
    assert said == "siraba: public.json: proof: is no signature by the signing key it names"


async def _without_the_officer_nobody_is(road: Road, folder: Path) -> None:
    """Whoever has taken the key elsewhere must vouch there, or nobody gets in."""
    keys = init(folder, code=NEW)
    public, elsewhere = folder / "public.json", folder / "officer.key"
    (road.platform.state.officer / "officer.key").rename(elsewhere)

    assert "no word of a directory officer" in await siraba(road, "add", public, fails=True)
    call = ["partner", "countersign", str(public), "--officer", str(elsewhere)]
    vouched = CliRunner().invoke(app, call)
    assert vouched.output == f"Vouched for: {NEW}.\n"
    await siraba(road, "add", public)
    await siraba(road, "activate", a_report(folder, keys))
    async with asyncio.timeout(10):
        while await status(road, NEW, keys) != httpx.codes.OK:
            await asyncio.sleep(0.1)


# nats-py drops the sockets of refused attempts to reconnect; they are collected here, not later.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_who_is_revoked_is_cut_off_at_both_doors_within_five_seconds(
    road: Road, tmp_path: Path, figure: Figure
) -> None:
    gone, keys, mine = asyncio.Event(), road.keys[OLD], own_folder(road, tmp_path)
    async with Partner.open(mine, url=road.platform.nats_url) as partner:

        async def listen() -> None:
            with suppress(NotAdmitted):
                async for _ in partner.deliveries():
                    pass
            gone.set()

        listening = asyncio.create_task(listen())
        assert await status(road, OLD, keys) == httpx.codes.OK
        await asyncio.sleep(1)
        began = monotonic()
        said = await siraba(road, "revoke", OLD)
        async with asyncio.timeout(30):
            await gone.wait()
            while await status(road, OLD, keys) != httpx.codes.UNAUTHORIZED:
                await asyncio.sleep(0.05)
        seconds = monotonic() - began
        receipt = await partner.send(ReceiveReferral(referral_id=uuid4()))
        await listening

    assert said == f"{OLD} is cut off. Open referrals with it: 0."
    assert not receipt.acknowledged, "nothing afterwards"
    for url in (road.platform.nats_url, road.platform.front_url):
        with pytest.raises(NotAdmitted):
            await listens(road, mine, url=url)
        await listens(road, road.folder(STAYS), url=url)
    assert "no keys of this organisation" in await siraba(road, "revoke", OLD, fails=True)
    gc.collect()
    figure("partners.revoke.seconds_max", round(seconds, 2))

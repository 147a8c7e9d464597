"""One platform for all of these: each test has organisations of its own on it."""

import asyncio
import gc
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from nats.aio.client import Client
from typer.testing import CliRunner

from contracts.feed import KeysPublished, RequestRefused
from contracts.keyring import Keyring, PublicKey
from contracts.requests import ReceiveReferral
from deploy import platform as platform_module
from deploy.cli import app
from deploy.commands.partner.at_hand import known_keys, set_state
from deploy.directory import load_directory
from deploy.jetstream import connected, live_consumers, live_streams
from deploy.keys import PROVISIONER, seed_file
from deploy.settings import PlatformSettings
from deploy.signing_keys import platform_keys
from partners.kit import Keys, NotAdmitted, Partner, init, load
from partners.kit.edge import SYSTEM
from partners.kit.ledger import Ledger
from partners.kit.link import Link
from partners.kit.renewing import NEXT, renew, take_into_use
from partners.kit.writing import Writer
from tests.deploy.by_page import at_the_pages, sealed_to
from tests.deploy.reports import a_report
from tests.journeys.road import Road, running_road
from tests.ledger import Figure
from tests.people.address import Visitor, words
from tests.people.handed import WAITING, bring_back, hand_in

pytestmark = [
    pytest.mark.connected,
    pytest.mark.share("lifecycle"),
    pytest.mark.timeout(300),
    pytest.mark.asyncio(loop_scope="module"),
]
OLD, STAYS, NEW, LATER = "POLICE_KAYES", "PARQUET_KAYES", "CSREF_KITA", "OSC_BKO_CV"
LOST, AWAY, GONE = "GEND_KITA", "DRPFEF_KAYES", "CSREF_KAYES"
COMMITTEE = "CNLTPPA"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def road() -> AsyncIterator[Road]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platform_module, "MEND_SECONDS", 2)
        async with running_road((OLD, STAYS, LOST, AWAY, GONE)) as running:
            yield running


async def siraba(
    road: Road,
    *arguments: object,
    fails: bool = False,
    group: str = "partner",
    width: int = 160,
) -> str:
    """What `siraba partner …` says, in one line."""
    call = [group, *map(str, arguments), "--state-dir", str(road.platform.state.root)]
    result = await asyncio.to_thread(CliRunner().invoke, app, call, env={"COLUMNS": str(width)})
    assert result.exit_code == int(fails), result.output
    return " ".join(result.output.split())


async def status(road: Road, code: str, keys: Keys) -> int:
    road.keys[code] = keys
    answer = await road.http.get("/intake/cases", headers=road.headers(code))
    return answer.status_code


async def is_believed(road: Road, code: str, keys: Keys) -> None:
    """Until intake, which checks for itself, knows these keys."""
    async with asyncio.timeout(10):
        while await status(road, code, keys) != httpx.codes.OK:
            await asyncio.sleep(0.1)


async def listens(
    road: Road, folder: Path, *, url: str | None = None, patience: float | None = None
) -> list[object]:
    """Its program connects and finds its feed; what came."""
    (folder / "platform-keys.json").write_text(platform_keys(road.platform.state).write())
    found: list[object] = []
    async with Partner.open(
        folder, url=url or road.platform.nats_url, patience=patience
    ) as partner:
        async for delivery in partner.deliveries(idle=0.2):
            found.append(delivery.message)
            await delivery.done()
    return found


async def is_let_in_nowhere(road: Road, folder: Path) -> None:
    for url in (road.platform.nats_url, road.platform.front_url):
        with pytest.raises(NotAdmitted):
            await listens(road, folder, url=url)
        await listens(road, road.folder(STAYS), url=url)


def own_folder(road: Road, code: str, tmp_path: Path) -> Path:
    """Its keys as they lie at the organisation, away from the platform's state."""
    return Path(shutil.copytree(road.folder(code), tmp_path / "own"))


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
        await is_believed(road, NEW, keys)
        assert isinstance(other._link, Link)
        assert other._link._client.stats["reconnects"] == 0
    shown = await siraba(road, "show")
    assert f"{NEW} │ nats │ takes part" in shown
    assert f"{LATER} │ nats │ has no keys" in shown
    narrow = await siraba(road, "show", group="directory", width=80)
    assert all(
        f"│ {code} │" in narrow
        for code in {one.code for one in load_directory(PlatformSettings().directory_file)}
    )
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
    within = a_report(folder, road.keys[STAYS])
    assert f"{STAYS} takes part already" in await siraba(road, "activate", within, fails=True)
    stranger = a_report(folder, init(folder / "stranger", code="STRANGER"))
    assert "nobody waits with it" in await siraba(road, "activate", stranger, fails=True)


async def test_keys_that_are_replaced_end_and_what_waits_is_signed_anew(
    road: Road, tmp_path: Path
) -> None:
    mine = own_folder(road, OLD, tmp_path)
    before = {key.id for key in await _signing_keys(road, OLD)}
    waiting = stored_request(mine)
    renew(mine)
    following = mine / NEXT / "public.json"
    assert f"takes part already: {OLD}" in await siraba(road, "add", following, fails=True)
    assert await siraba(road, "rotate", following) == f"New keys taken up: {OLD}."

    for url in (road.platform.nats_url, road.platform.front_url):
        with pytest.raises(NotAdmitted):
            await listens(road, mine, url=url)
    new = take_into_use(mine, now=datetime.now(UTC))
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
    shown = await siraba(road, "keys", OLD)
    (fresh,) = {key.id for key in await _signing_keys(road, OLD)} - before
    assert [shown.count(word) for word in ("│ good", "│ expired")] == [2, 2]
    assert all(id in shown for id in (fresh, *before, new.public()["nkey"]))


async def _signing_keys(road: Road, code: str) -> list[PublicKey]:
    keys = await asyncio.to_thread(known_keys, road.platform.state)
    return [key for key in keys if (key.owner, key.use) == (code, "signing")]


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
    init(folder / "new", code=LATER)
    init(folder / "stranger", code="STRANGER")
    files = [folder / name / "public.json" for name in ("new", "stranger")]

    said = await siraba(road, "add", *files, fails=True)

    assert said == "siraba: not in the directory: STRANGER"
    assert not (road.platform.state.waiting / f"{LATER}.json").exists()
    said = await siraba(road, "rotate", files[0], fails=True)
    assert f"takes no part yet: {LATER}" in said


async def _a_thief_is_not_vouched_for(road: Road, folder: Path) -> None:
    init(folder / "thief", code=STAYS)
    init(folder / "forger", code=LATER)
    forged = folder / "forger" / "public.json"
    document = json.loads(forged.read_text())
    forged.write_text(json.dumps(document | {"sealing": road.keys[STAYS].public()["sealing"]}))

    said = await siraba(road, "rotate", folder / "thief" / "public.json", fails=True)
    assert "replaces keys without the signature of the earlier one" in said
    said = await siraba(road, "add", forged, fails=True)
    assert said == "siraba: public.json: proof: is no signature by the signing key it names"


async def _without_the_officer_nobody_is(road: Road, folder: Path) -> None:
    """Whoever has taken the key elsewhere must vouch there, or nobody gets in."""
    keys = init(folder, code=LATER)
    public, elsewhere = folder / "public.json", folder / "officer.key"
    at_hand = road.platform.state.officer / "officer.key"
    at_hand.rename(elsewhere)

    assert "no word of a directory officer" in await siraba(road, "add", public, fails=True)
    call = ["partner", "countersign", str(public), "--officer", str(elsewhere)]
    vouched = CliRunner().invoke(app, call)
    assert vouched.output == f"Vouched for: {LATER}.\n"
    await siraba(road, "add", public)
    await siraba(road, "activate", a_report(folder, keys))
    await is_believed(road, LATER, keys)
    elsewhere.rename(at_hand)


async def test_who_has_lost_its_keys_goes_on_with_new_ones_on_two_officers_word(
    road: Road, tmp_path: Path
) -> None:
    """One is at hand here and vouches by itself; that alone must not do."""
    keys = init(tmp_path / "fresh", code=LOST)
    public, second = tmp_path / "fresh" / "public.json", tmp_path / "second.key"
    made = CliRunner().invoke(app, ["officer", "make", str(second)])
    (tmp_path / "officer.json").write_text(made.output)

    assert "two officers" in await siraba(road, "rotate", public, fails=True)
    CliRunner().invoke(app, ["partner", "countersign", str(public), "--officer", str(second)])
    assert "two officers" in await siraba(road, "rotate", public, fails=True), "not known yet"
    await siraba(road, "trust", tmp_path / "officer.json", group="officer")
    assert await siraba(road, "rotate", public) == f"New keys taken up: {LOST}."
    await is_believed(road, LOST, keys)
    await listens(road, tmp_path / "fresh")
    await _and_renews_them_by_page(road, tmp_path / "fresh", officer=second)


async def _and_renews_them_by_page(road: Road, folder: Path, *, officer: Path) -> None:
    """What a page approved is checked like a file, and an officer at hand does not vouch for it."""
    stranger, said, keys = folder / "stranger.key", "", load(folder)
    CliRunner().invoke(app, ["officer", "make", str(stranger)])
    assert "not approved" in await siraba(road, "rotate", "--approved", LOST, fails=True)
    async with person(road, "m.keita", LOST) as owner, person(road, "c.kone", COMMITTEE) as keeper:
        for signer, is_taken in ((stranger, False), (officer, True)):
            shutil.rmtree(folder / NEXT, ignore_errors=True)
            keys = renew(folder)
            await approved_by_page(owner, keeper, folder / NEXT, officer=signer)
            listed = await siraba(road, "waiting", width=200)
            assert (f"{LOST} │" in listed, "│ approved │" in listed) == (True, True)
            said = await siraba(road, "rotate", "--approved", LOST, fails=not is_taken)
            if not is_taken:
                assert "no word of a directory officer whom intake knows" in said
        assert said == f"New keys taken up: {LOST}."
        await is_believed(road, LOST, keys)
        assert "valable depuis le" in words(await keeper.get(f"{WAITING}/{LOST}"))
    assert LOST not in await siraba(road, "waiting", width=200)
    assert await sealed_to(road, LOST) == [keys.public()["sealing"]]


@asynccontextmanager
async def person(road: Road, login: str, organisation: str) -> AsyncIterator[Visitor]:
    """A focal point, at the pages."""
    printed = await siraba(road, "invite", login, "--organisation", organisation, group="user")
    async with at_the_pages(road, login, printed) as visitor:
        yield visitor


async def approved_by_page(owner: Visitor, keeper: Visitor, folder: Path, *, officer: Path) -> None:
    """Handed in, downloaded, countersigned by the command, brought back."""
    await hand_in(owner, (folder / "public.json").read_bytes())
    file = folder / "downloaded.json"
    file.write_bytes((await keeper.get(f"{WAITING}/{LOST}/document")).content)
    CliRunner().invoke(app, ["partner", "countersign", str(file), "--officer", str(officer)])
    shown = words(await bring_back(keeper, file.read_bytes(), LOST))
    assert "attendent la personne qui fait fonctionner la plateforme" in shown


@asynccontextmanager
async def at_work(road: Road, folder: Path) -> AsyncIterator[tuple[Partner, asyncio.Event]]:
    """A program that listens; the event says that it was shown out."""
    gone = asyncio.Event()
    async with Partner.open(folder, url=road.platform.nats_url) as partner:

        async def listen() -> None:
            with suppress(NotAdmitted):
                async for _ in partner.deliveries():
                    pass
            gone.set()

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.5)
        yield partner, gone
        await listening
    gc.collect()


# nats-py drops the sockets of refused attempts to reconnect; they are collected here, not later.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_who_is_suspended_comes_in_at_no_door_and_goes_on_where_it_was(
    road: Road, tmp_path: Path
) -> None:
    keys, mine = road.keys[AWAY], own_folder(road, AWAY, tmp_path)
    await is_believed(road, AWAY, keys)
    async with at_work(road, mine) as (partner, gone):
        began = monotonic()
        said = await siraba(road, "suspend", AWAY, "--why", "a flood")
        await asyncio.wait_for(gone.wait(), 30)
        assert monotonic() - began < 5
        assert not (await partner.send(ReceiveReferral(referral_id=uuid4()))).acknowledged
    assert said == f"{AWAY} is suspended. Open referrals that go to others: 0."
    await is_let_in_nowhere(road, mine)
    assert "is suspended already" in await siraba(
        road, "suspend", AWAY, "--why", "twice", fails=True
    )
    assert f"{AWAY} │ nats │ suspended" in await siraba(road, "show")
    assert (await siraba(road, "keys", AWAY)).count("│ good") == 2
    await siraba(road, "announce", group="keys")

    assert await siraba(road, "resume", AWAY, "--why", "dry") == f"{AWAY} takes part again."
    assert any(isinstance(one, KeysPublished) for one in await listens(road, mine))
    await listens(road, mine, url=road.platform.front_url)
    assert "is not suspended" in await siraba(road, "resume", AWAY, "--why", "dry", fails=True)
    await _the_doors_follow_the_directory(road, mine)


async def _the_doors_follow_the_directory(road: Road, mine: Path) -> None:
    """However it is changed: `siraba partner` is not the only way."""
    for state, is_in in (("suspended", False), ("active", True)):
        await asyncio.to_thread(set_state, road.platform.state, AWAY, state, why="a test")
        async with asyncio.timeout(10):
            while await _is_let_in(road, mine) is not is_in:
                await asyncio.sleep(0.2)


async def _is_let_in(road: Road, folder: Path) -> bool:
    try:
        await listens(road, folder)
    except NotAdmitted:
        return False
    return True


@pytest.mark.share("partners")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_who_is_revoked_is_cut_off_at_both_doors_within_five_seconds_and_can_be_removed(
    road: Road, tmp_path: Path, figure: Figure
) -> None:
    keys, mine = road.keys[GONE], own_folder(road, GONE, tmp_path)
    assert "takes part: `siraba partner revoke" in await siraba(
        road, "remove", GONE, "--why", "closed", fails=True
    )
    async with at_work(road, mine) as (partner, gone):
        await is_believed(road, GONE, keys)
        began = monotonic()
        said = await siraba(road, "revoke", GONE)
        async with asyncio.timeout(30):
            await gone.wait()
            while await status(road, GONE, keys) != httpx.codes.UNAUTHORIZED:
                await asyncio.sleep(0.05)
        seconds = monotonic() - began
        receipt = await partner.send(ReceiveReferral(referral_id=uuid4()))

    assert said == f"{GONE} is cut off. Open referrals that go to others: 0."
    assert not receipt.acknowledged, "nothing afterwards"
    await is_let_in_nowhere(road, mine)
    assert "no keys of this organisation" in await siraba(road, "revoke", GONE, fails=True)
    assert "were revoked" in await siraba(road, "resume", GONE, "--why", "x", fails=True)
    assert f"{GONE} │ nats │ revoked" in await siraba(road, "show")
    figure("partners.revoke.seconds_max", round(seconds, 2))
    await _it_is_removed(road, mine)


async def _it_is_removed(road: Road, mine: Path) -> None:
    await siraba(road, "announce", group="keys")
    unread = "messages of its feed that it never confirmed."
    said = await siraba(road, "remove", GONE, "--why", "closed", fails=True)
    assert unread in said
    assert "nothing was done" in said
    assert f"IN_{GONE}" in await _streams(road)

    said = await siraba(road, "remove", GONE, "--why", "closed", "--yes")
    assert (unread in said, f"{GONE} is removed." in said) == (True, True)
    await asyncio.sleep(1)
    assert (await road.platform.provision()).found == (), "and nothing brings it back"
    streams = await _streams(road)
    assert f"IN_{GONE}" not in streams
    assert f"IN_{GONE}" not in {one["name"] for one in streams["INBOX"]["sources"]}
    async with provisioner(road) as client:
        durables = await live_consumers(client, "OUT")
    assert (GONE in durables, STAYS in durables) == (False, True)
    assert f"{GONE} │ nats │ removed" in await siraba(road, "show")
    for command in (("resume", GONE, "--why", "x"), ("add", mine / "public.json")):
        await siraba(road, *command, fails=True)
    await listens(road, road.folder(STAYS))
    report = await asyncio.to_thread(
        CliRunner().invoke, app, ["doctor", "--state-dir", str(road.platform.state.root)]
    )
    assert not [line for line in report.output.splitlines() if line.startswith("problem: NATS")]


def provisioner(road: Road) -> AbstractAsyncContextManager[Client]:
    seed = seed_file(road.platform.state, PROVISIONER)
    return connected(road.platform.nats_url, PROVISIONER, seed)


async def _streams(road: Road) -> dict[str, Any]:
    async with provisioner(road) as client:
        return await live_streams(client)

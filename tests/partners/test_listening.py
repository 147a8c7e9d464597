import asyncio
import gc
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nats.js.client import JetStreamContext

from contracts.envelope import HOP
from contracts.feed import Offer
from contracts.topology import OUT
from partners.kit import (
    Delivery,
    FolderBusy,
    NotAdmitted,
    Partner,
    Unreachable,
    init,
    load,
)
from partners.kit.counters import Counters, read_counters
from partners.kit.ledger import Ledger
from tests.partners.platform import TRACE, Platform, offer

pytestmark = pytest.mark.share("partners")

# Acknowledging is where this partner dies: its work is on disk, the platform does not know.
DIES_BEFORE_THE_ACK = """
import asyncio, os, sys
from pathlib import Path
from partners.kit import Partner, client
from partners.kit.link import Link

class Dying(Link):
    async def acknowledge(self, message):
        os.kill(os.getpid(), 9)

async def main():
    client.Link = Dying
    async with Partner.open(Path(sys.argv[1]), url=sys.argv[2]) as partner:
        async for delivery in partner.deliveries():
            print(delivery.envelope.id, flush=True)
            await delivery.done()

asyncio.run(main())
"""


async def listen(platform: Platform, folder: Path, *, idle: float = 0.3) -> list[Delivery]:
    """Everything that is handed out until the feed is quiet, each closed."""
    found = []
    async with Partner.open(folder, url=platform.url) as partner:
        async for delivery in partner.deliveries(idle=idle):
            found.append(delivery)
            await delivery.done()
    return found


def counters(folder: Path) -> Counters:
    found = read_counters(folder)
    assert found is not None
    return found


async def test_an_offer_arrives_typed_and_is_acknowledged_once_done(
    platform: Platform, shelter: Path
) -> None:
    sent = offer()
    id = await platform.tell("SHELTER_A", sent)

    (delivery,) = await listen(platform, shelter)

    assert isinstance(delivery.message, Offer)
    assert (delivery.message, delivery.envelope.id, delivery.again) == (sent, id, False)
    assert await platform.unacknowledged("SHELTER_A") == 0


async def test_many_arrive_in_order(platform: Platform, shelter: Path) -> None:
    ids = [await platform.tell("SHELTER_A", offer()) for _ in range(45)]

    assert [delivery.envelope.id for delivery in await listen(platform, shelter)] == ids


async def test_what_is_not_done_comes_again_and_says_so(platform: Platform, shelter: Path) -> None:
    await platform.tell("SHELTER_A", offer())
    async with Partner.open(shelter, url=platform.url) as partner:
        async for delivery in partner.deliveries(idle=0.3):
            assert not delivery.again

    (delivery,) = await listen(platform, shelter, idle=2)

    assert delivery.again
    assert await platform.unacknowledged("SHELTER_A") == 0


async def test_a_second_copy_of_one_id_is_not_handed_out(platform: Platform, shelter: Path) -> None:
    first = await platform.tell("SHELTER_A", offer())
    await platform.tell("SHELTER_A", offer(), id=first, number=1)

    assert len(await listen(platform, shelter)) == 1
    assert counters(shelter).repeats == 1
    assert await platform.unacknowledged("SHELTER_A") == 0


async def test_a_crash_between_work_and_acknowledgement_does_the_work_once(
    platform: Platform, shelter: Path
) -> None:
    id = await platform.tell("SHELTER_A", offer())
    died = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIES_BEFORE_THE_ACK, shelter, platform.url, stdout=subprocess.PIPE
    )
    shown, _ = await asyncio.wait_for(died.communicate(), 30)
    assert (died.returncode, shown.decode().split()) == (-9, [str(id)])
    assert await platform.unacknowledged("SHELTER_A") == 1

    assert await listen(platform, shelter, idle=2) == []

    assert counters(shelter).repeats == 1
    assert await platform.unacknowledged("SHELTER_A") == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_goes_is_waited_for_and_nothing_is_lost_or_doubled(
    platform: Platform, shelter: Path, how: signal.Signals
) -> None:
    found = []

    async def work() -> None:
        async with Partner.open(shelter, url=platform.url) as partner:
            async for delivery in partner.deliveries():
                found.append(delivery.envelope.id)
                await delivery.done()
                if len(found) == 2:
                    return

    first = await platform.tell("SHELTER_A", offer())
    working = asyncio.create_task(work())
    while not found:
        await asyncio.sleep(0.05)
    platform.kill(how)
    await asyncio.sleep(0.5)
    await platform.start()
    second = await platform.tell("SHELTER_A", offer())
    await asyncio.wait_for(working, 30)

    assert found == [first, second]
    assert await listen(platform, shelter, idle=1.5) == []


async def test_a_gap_is_told_and_blocks_nothing(
    platform: Platform, shelter: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 4):
        await platform.tell("SHELTER_A", offer(), number=number)

    assert len(await listen(platform, shelter)) == 2
    assert "numbers 2 to 3 of /siraba/referral have not come" in caplog.text
    assert counters(shelter).gaps == (("/siraba/referral", 2, 3),)


async def test_a_message_nobody_can_read_is_kept_aside_and_is_not_missing(
    platform: Platform, shelter: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await platform.tell("SHELTER_A", offer(), body=b"\xff\xfe")
    good = await platform.tell("SHELTER_A", offer())

    assert [delivery.envelope.id for delivery in await listen(platform, shelter)] == [good]
    assert "message 1 of the feed cannot be read (not_utf8: body); kept aside" in caplog.text
    # It is unreadable, not missing: its number counts as come.
    assert (counters(shelter).quarantined, counters(shelter).gaps) == (1, ())
    assert await platform.unacknowledged("SHELTER_A") == 0


async def test_what_nobody_we_believe_has_signed_hides_no_gap_and_makes_none(
    platform: Platform, shelter: Path
) -> None:
    await platform.tell("SHELTER_A", offer(), number=1)
    for number in (2, 9):
        await platform.tell("SHELTER_A", offer(), number=number, by="intake")
    await platform.tell("SHELTER_A", offer(), number=4)

    assert len(await listen(platform, shelter)) == 2
    assert counters(shelter).quarantined == 2
    assert counters(shelter).gaps == (("/siraba/referral", 2, 3),)


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b"{"},
        {"body": b"{}"},
        {"headers": {"ce-type": "ml.siraba.referral.vanished.v1"}},
        {"headers": {"ce-id": "seven"}},
        {"subject": "out.SHELTER_A.referral.accepted.v1"},
        {"source": "/partners/CLINIC_B"},
    ],
    ids=["json", "schema", "type", "id", "subject", "source"],
)
async def test_a_message_that_breaks_a_rule_is_kept_aside_and_the_next_comes(
    platform: Platform, shelter: Path, changed: dict[str, Any]
) -> None:
    await platform.tell("SHELTER_A", offer(), **changed)
    good = await platform.tell("SHELTER_A", offer(), number=2)

    assert [delivery.envelope.id for delivery in await listen(platform, shelter)] == [good]
    assert counters(shelter).quarantined == 1


async def test_nobody_hears_another_organisations_feed(
    platform: Platform, folders: dict[str, Path]
) -> None:
    mine, theirs = offer(), offer()
    await platform.tell("SHELTER_A", mine)
    await platform.tell("CLINIC_B", theirs)

    assert [d.message for d in await listen(platform, folders["SHELTER_A"])] == [mine]
    assert [d.message for d in await listen(platform, folders["CLINIC_B"])] == [theirs]


async def test_claiming_another_code_reaches_nothing(
    platform: Platform, folders: dict[str, Path]
) -> None:
    public = folders["SHELTER_A"] / "public.json"
    public.write_text(public.read_text().replace("SHELTER_A", "CLINIC_B"))
    await platform.tell("CLINIC_B", offer())

    with pytest.raises(NotAdmitted, match="does not know this key under this code"):
        async with Partner.open(folders["SHELTER_A"], url=platform.url, patience=0.5):
            pass

    assert await platform.unacknowledged("CLINIC_B") == 1


async def test_two_listeners_on_one_folder_are_refused(platform: Platform, shelter: Path) -> None:
    await platform.tell("SHELTER_A", offer())
    async with Partner.open(shelter, url=platform.url) as partner:
        async for delivery in partner.deliveries(idle=1):
            await delivery.done()
            with pytest.raises(FolderBusy, match="already listens"):
                await listen(platform, shelter)


async def test_a_key_the_platform_does_not_know_is_told_whom_to_ask(
    platform: Platform, tmp_path: Path
) -> None:
    init(tmp_path / "new", code="SHELTER_A")

    with pytest.raises(NotAdmitted, match=r"does not know this key: hand public\.json"):
        async with Partner.open(tmp_path / "new", url=platform.url):
            pass


async def test_a_cancellation_that_meets_an_answer_of_the_server_is_not_lost(
    platform: Platform, shelter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Python 3.11 nats-py's `wait_for` swallows it; here it does so on every Python."""
    real = JetStreamContext.consumer_info

    async def robbing(*given: Any, **named: Any) -> Any:
        answer = await real(*given, **named)
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return answer

    async def open_for_ever() -> None:
        async with Partner.open(shelter, url=platform.url):
            await asyncio.Event().wait()

    monkeypatch.setattr(JetStreamContext, "consumer_info", robbing)
    opening = asyncio.create_task(open_for_ever())
    _, waiting = await asyncio.wait({opening}, timeout=5)
    opening.cancel()
    assert not waiting


async def test_a_silent_address_is_named_without_what_a_url_may_hide(shelter: Path) -> None:
    with pytest.raises(
        Unreachable, match=r"^no connection to 127\.0\.0\.1:1 \(ConnectionRefusedError\)$"
    ):
        async with Partner.open(shelter, url="nats://awa:secret@127.0.0.1:1", patience=0.5):
            pass


async def test_an_organisation_without_a_feed_is_told_that(
    platform: Platform, shelter: Path
) -> None:
    client = await platform.core()
    await client.jetstream().delete_consumer(OUT.name, "SHELTER_A")
    await client.close()

    with pytest.raises(NotAdmitted, match="has no feed for SHELTER_A yet"):
        async with Partner.open(shelter, url=platform.url, patience=0.5):
            pass


# nats-py drops the sockets of refused attempts to reconnect; they are collected here, not later.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_key_taken_away_ends_the_listening_at_once(
    platform: Platform, folders: dict[str, Path]
) -> None:
    async with Partner.open(folders["SHELTER_A"], url=platform.url) as partner:
        listening = asyncio.ensure_future(anext(partner.deliveries()))
        await asyncio.sleep(0.3)
        platform.configure({"CLINIC_B": load(folders["CLINIC_B"]).public()["nkey"]})
        platform.reload()

        with pytest.raises(NotAdmitted, match="closed the connection to this key"):
            await asyncio.wait_for(listening, 3)
    gc.collect()


async def test_what_it_has_is_known_after_a_restart(platform: Platform, shelter: Path) -> None:
    made = offer()
    await platform.tell("SHELTER_A", made)
    await listen(platform, shelter)

    async with Partner.open(shelter, url=platform.url) as partner:
        (referral,) = partner.referrals

    assert (referral.state, referral.offer) == ("offered", made)


async def test_the_trace_of_a_message_is_kept_for_its_answer(
    platform: Platform, shelter: Path
) -> None:
    other = f"00-{uuid4().hex}-00f067aa0ba902b7-01"
    await platform.tell("SHELTER_A", offer(), headers={HOP: other})
    assert other != TRACE

    await listen(platform, shelter)

    ledger = Ledger.open(shelter)
    answered = ledger.outbox.latest_about(str(ledger.referrals.all()[0].id))
    ledger.close()
    assert answered is not None
    assert answered.hop == other

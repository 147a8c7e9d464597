import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest

from contracts.envelope import Envelope, encode_headers
from contracts.keyring import generate_sealing_key
from contracts.requests import ReceiveReferral
from partners.kit import NotAdmitted, Unreachable
from partners.kit.edge import SYSTEM
from partners.kit.keys import Keys
from partners.kit.link import Address
from partners.kit.raw import Raw
from partners.kit.token import Tokens
from partners.kit.web_line import WebLine
from tests.parts import Site, site
from tests.referral.doors import OWN, DoorKnocker, open_door
from tests.signing import private_key

__all__ = ["site"]
pytestmark = [pytest.mark.connected, pytest.mark.share("partners")]


@pytest.fixture
async def door(site: Site) -> AsyncIterator[DoorKnocker]:
    async with open_door(site) as opened:
        yield opened


def keys(code: str = OWN) -> Keys:
    return Keys(
        code=code, seed="", signing=private_key(code), sealing=generate_sealing_key(b"k" * 32)
    )


@asynccontextmanager
async def line_to(door: DoorKnocker, code: str = OWN) -> AsyncIterator[WebLine]:
    """The kit's line to this referral, without a socket in between."""
    client = httpx.AsyncClient(
        transport=door.http._transport, base_url="http://siraba/referral/partners"
    )
    line = WebLine(client, Tokens(keys(code), SYSTEM), where="siraba")
    yield line
    await line.close()


async def bodies(line: WebLine) -> list[str]:
    return [raw.body.decode() for raw in await line.pull(0.1)]


async def test_each_message_is_handed_out_once_while_it_is_in_hand(door: DoorKnocker) -> None:
    await door.tell(OWN, "one", "two")
    async with line_to(door) as line:
        assert await bodies(line) == ["one", "two"]
        await door.tell(OWN, "three")
        assert await bodies(line) == ["three"]
        assert await bodies(line) == []


async def test_what_was_not_finished_comes_again_and_holds_the_cursor_back(
    door: DoorKnocker,
) -> None:
    await door.tell(OWN, "one", "two", "three")
    async with line_to(door) as line:
        one, two, three = await line.pull(0.1)
        await line.acknowledge(one)
        await line.acknowledge(three)
        await line.postpone(two, seconds=0.1)
        assert await bodies(line) == []
        assert await door.confirmed() == 1

        (again,) = await _soon(line)
        assert (again.body, again.tries) == (b"two", 2)
        await line.acknowledge(again)
    assert await door.confirmed() == 3, "what is done is told when the program leaves"
    async with line_to(door) as line:
        assert await bodies(line) == []


async def _soon(line: WebLine) -> list[Raw]:
    while True:
        if found := await line.pull(0.1):
            return list(found)


async def test_a_feed_that_was_made_anew_is_read_from_its_start(door: DoorKnocker) -> None:
    await door.tell(OWN, "one", "two")
    async with line_to(door) as line:
        for raw in await line.pull(0.1):
            await line.acknowledge(raw)
        assert await bodies(line) == []
        born = await line.birth()
        await _made_anew(door.site)
        await door.tell(OWN, "three")
        assert await _soon_bodies(line) == ["three"]
        assert await line.birth() not in (None, born)


async def _soon_bodies(line: WebLine) -> list[str]:
    return [raw.body.decode() for raw in await _soon(line)]


async def _made_anew(site: Site) -> None:
    site.server.server.stop()
    shutil.rmtree(site.server.state.nats / "store")
    site.server.server.start()
    assert (await site.server.provision()).clean


async def test_a_request_reaches_the_inbox_as_it_was_signed(door: DoorKnocker) -> None:
    request = ReceiveReferral(referral_id=UUID("0190a9ae-0000-7000-8000-000000000009"))
    envelope = Envelope(
        id=UUID("0190a9ae-0000-7000-8000-000000000001"),
        source=f"/partners/{OWN}",
        type=request.ce_type(),
        subject="s",
        signature="siraba-1.0.s",
    )
    headers = encode_headers(envelope, hop="00-1-2-01")
    async with line_to(door) as line:
        await line.publish("in.referral.receive.v1", request.encode(), headers=headers)
    stored = await door.stored()
    assert stored.data == request.encode()
    kept = {name: value for name, value in (stored.headers or {}).items() if "Source" not in name}
    assert kept == headers


async def test_a_key_that_is_not_known_is_told_whom_to_ask(door: DoorKnocker) -> None:
    async with line_to(door, code="CLINIC_C") as line:
        with pytest.raises(NotAdmitted, match=r"does not admit this key \(unknown_issuer\)"):
            await line.pull(0.1)


async def test_nothing_is_said_in_clear_to_another_machine() -> None:
    with pytest.raises(Unreachable, match="give an https:// address"):
        await WebLine.open(keys(), Address(url="http://siraba.example"), patience=1)


async def test_an_address_where_nobody_listens_is_named() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 has not answered the feed"):
        await WebLine.open(keys(), Address(url="http://127.0.0.1:1"), patience=0.1)
